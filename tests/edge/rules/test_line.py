"""Who crossed a line: once, in the right direction, and only through the line itself."""

import math
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from protos.ids import Lane
from protos.v1.event_batch_pb2 import EventBatch
from tests.edge.rules.scenes import (
    Actor,
    Place,
    Way,
    of_kind,
    play,
    rules,
    straight,
    through,
    time_s,
    tracks_at,
)

A_TO_B, B_TO_A = EventBatch.A_TO_B, EventBatch.B_TO_A
GATE = [[0.2, 0.5], [0.8, 0.5]]
"""Points to the right, so its left, A, is the upper side."""


def gate(points: object = GATE, **rule: object) -> dict[str, object]:
    """Settings with one line rule, which counts at once unless it is told otherwise."""
    return {
        "lines": [{"id": "gate", "points": points}],
        "rules": [{"id": "in-out", "kind": "line", "line": "gate", "min_s": 0, **rule}],
    }


def crossings(way: Way, seconds: float, fps: float = 10.0, **rule: object) -> list[int]:
    """Direction of every crossing on a way."""
    drafts = play(rules(gate(**rule)), {1: Actor(way)}, seconds, fps)
    return [event.rule_hit.direction for event in of_kind(drafts, "LINE_CROSSED")]


def test_who_walks_through_crosses_once_when_it_is_clear_of_the_line() -> None:
    down = Actor(straight((0.5, 0.3), (0.5, 0.7), 4.0))
    drafts = play(rules(gate()), {3: down}, 4.0)
    (crossed,) = of_kind(drafts, "LINE_CROSSED")
    assert crossed.rule_hit.direction == A_TO_B
    assert (crossed.rule_hit.rule, crossed.rule_hit.target) == ("in-out", "gate")
    assert time_s(crossed) == pytest.approx(2.3, abs=0.11)
    assert crossed.object.track_id == 3
    assert {d.lane for d in drafts if d.event.kind == EventBatch.LINE_CROSSED} == {Lane.ALARM}


def test_there_and_back_counts_in_both_directions() -> None:
    there_and_back = through((0.5, 0.3), (0.5, 0.7), (0.5, 0.3), seconds_each=2.0)
    assert crossings(there_and_back, 4.0) == [A_TO_B, B_TO_A]


def test_turning_the_line_swaps_the_directions() -> None:
    down = Actor(straight((0.5, 0.3), (0.5, 0.7), 4.0))
    (crossed,) = of_kind(play(rules(gate(GATE[::-1])), {1: down}, 4.0), "LINE_CROSSED")
    assert crossed.rule_hit.direction == B_TO_A


def test_trembling_on_the_line_counts_nothing() -> None:
    def tremble(now_s: float) -> Place:
        return (0.5, 0.5 + 0.018 * math.sin(now_s * 17))

    assert crossings(tremble, 30.0, fps=25) == []


def test_who_trembles_on_the_line_on_its_way_counts_once() -> None:
    def dither(now_s: float) -> Place:
        progress = min(max(now_s - 1.0, 0.0) / 8.0, 1.0)
        return (0.5, 0.45 + 0.1 * progress + 0.018 * math.sin(now_s * 17))

    assert crossings(dither, 12.0, fps=25) == [A_TO_B]


def test_who_turns_around_on_the_line_has_not_crossed() -> None:
    assert crossings(through((0.5, 0.3), (0.5, 0.515), (0.5, 0.3), seconds_each=2.0), 4.0) == []


def test_around_the_end_of_the_line_is_not_across() -> None:
    around = through((0.5, 0.3), (0.9, 0.3), (0.9, 0.7), (0.5, 0.7))
    assert crossings(around, 3.0) == []
    lap = through((0.5, 0.3), (0.9, 0.3), (0.9, 0.7), (0.5, 0.7), (0.5, 0.3))
    assert crossings(lap, 4.0) == [B_TO_A]


def test_lost_before_the_line_and_found_behind_it_is_one_crossing() -> None:
    walk = straight((0.5, 0.3), (0.5, 0.7), 4.0)

    def hidden(now_s: float) -> Place | None:
        return None if 1.0 < now_s < 3.0 else walk(now_s)

    assert crossings(hidden, 6.0) == [A_TO_B]


def test_who_appears_on_the_line_has_not_crossed_it() -> None:
    assert crossings(straight((0.5, 0.495), (0.5, 0.7), 2.0), 3.0) == []


def test_a_rule_may_ask_for_seconds_behind_the_line() -> None:
    peek = through((0.5, 0.4), (0.5, 0.56), (0.5, 0.4), seconds_each=1.0)
    assert crossings(peek, 2.0) == [A_TO_B, B_TO_A]
    assert crossings(peek, 2.0, min_s=1.0) == []
    walk = straight((0.5, 0.4), (0.5, 0.7), 1.0)
    assert crossings(walk, 3.0, min_s=1.0) == [A_TO_B]


def test_only_the_named_classes_count() -> None:
    walk = straight((0.5, 0.3), (0.5, 0.7), 2.0)
    actors = {1: Actor(walk), 2: Actor(walk, class_id=1)}
    drafts = play(rules(gate(classes=["person"])), actors, 3.0)
    assert [e.object.track_id for e in of_kind(drafts, "LINE_CROSSED")] == [1]


def test_who_becomes_sure_behind_the_line_has_crossed_it() -> None:
    camera = rules(gate(min_confidence=0.8))
    drafts = []
    for frame, (y, confidence) in enumerate([(0.4, 0.5), (0.6, 0.5), (0.7, 0.9), (0.8, 0.9)]):
        actor = Actor(lambda _: None, confidence=confidence)
        drafts += camera.step(tracks_at(frame / 10, frame, {1: ((0.5, y), actor)}), 800, 400)
    assert [event.frame for event in of_kind(drafts, "LINE_CROSSED")] == [2]


def test_within_its_cooldown_a_crossing_is_not_told_and_another_objects_is() -> None:
    to_and_fro = through(*[(0.5, 0.3), (0.5, 0.7)] * 4, seconds_each=2.0)
    later = straight((0.4, 0.3), (0.4, 0.7), 12.0)
    drafts = play(rules(gate(cooldown_s=5)), {1: Actor(to_and_fro), 2: Actor(later)}, 14.0)
    found = [(e.object.track_id, round(time_s(e))) for e in of_kind(drafts, "LINE_CROSSED")]
    assert sorted(found) == [(1, 1), (1, 7), (1, 13), (2, 7)]


steps = st.lists(st.tuples(st.integers(5, 95), st.integers(5, 95)), min_size=2, max_size=12)


@settings(deadline=None, max_examples=60)
@given(steps, st.sampled_from([5, 10, 20]))
def test_a_mirror_swaps_every_direction_and_time_changes_nothing(
    stops: list[tuple[int, int]], fps: int
) -> None:
    # Odd hundredths keep every stop off the line and off its margin.
    way = [(x / 100 + 0.003, y / 100 + 0.003) for x, y in stops]
    mirrored = [(1 - x, y) for x, y in way]
    seconds = len(stops) - 1
    directions = crossings(through(*way), seconds, fps)
    swapped: dict[int, int] = {A_TO_B: B_TO_A, B_TO_A: A_TO_B}
    drafts = play(
        rules(gate([[0.8, 0.5], [0.2, 0.5]])), {1: Actor(through(*mirrored))}, seconds, fps
    )
    same = [event.rule_hit.direction for event in of_kind(drafts, "LINE_CROSSED")]
    drafts = play(rules(gate()), {1: Actor(through(*mirrored))}, seconds, fps)
    also = [event.rule_hit.direction for event in of_kind(drafts, "LINE_CROSSED")]
    assert same == [swapped[direction] for direction in directions]
    assert also == directions
    slow = through(*way, seconds_each=2.0)
    assert crossings(slow, 2 * seconds, fps / 2) == directions


@settings(deadline=None, max_examples=60)
@given(steps)
def test_on_an_endless_line_directions_alternate(stops: list[tuple[int, int]]) -> None:
    way = through(*[(x / 100, y / 100) for x, y in stops])
    directions = crossings(way, len(stops) - 1, points=[[0.0, 0.5], [1.0, 0.5]])
    assert all(a != b for a, b in pairwise(directions))
