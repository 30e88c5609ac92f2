"""How many crossed or were there, in intervals that the clock on the wall makes."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.rules.port import Draft, Event
from protos.ids import Lane
from protos.v1.event_batch_pb2 import EventBatch
from tests.edge.rules.scenes import (
    START_NS,
    Actor,
    Place,
    kinds,
    of_kind,
    play,
    rules,
    straight,
    time_s,
    tracks_at,
)

GATE = {"id": "gate", "points": [[0.0, 0.5], [1.0, 0.5]]}
YARD = {"id": "yard", "points": [[0.3, 0.2], [0.7, 0.2], [0.7, 0.8], [0.3, 0.8]]}
A_TO_B, B_TO_A, NO_WAY = EventBatch.A_TO_B, EventBatch.B_TO_A, EventBatch.DIRECTION_UNSPECIFIED


def line_counts(**rule: object) -> dict[str, object]:
    one = {"id": "traffic", "kind": "line-counts", "line": "gate", "min_s": 0, **rule}
    return {"lines": [GATE], "rules": [{"interval_s": 10, **one}]}


def zone_counts(**rule: object) -> dict[str, object]:
    one = {"id": "visitors", "kind": "zone-counts", "zone": "yard", "min_s": 0, **rule}
    return {"zones": [YARD], "rules": [{"interval_s": 10, **one}]}


def counted(event: Event) -> dict[tuple[str, int], int]:
    return {(one.class_name, one.direction): one.count for one in event.counts.counts}


def table(drafts: list[Draft]) -> list[dict[tuple[str, int], int]]:
    return [counted(event) for event in of_kind(drafts, "COUNTS")]


def down(at_s: float) -> Actor:
    """Crosses from A to B within half a second of a time."""
    return Actor(lambda now: straight((0.5, 0.3), (0.5, 0.7), 1.0)(max(now - at_s + 0.5, 0)))


def up(at_s: float, class_id: int = 0) -> Actor:
    return Actor(
        lambda now: straight((0.5, 0.7), (0.5, 0.3), 1.0)(max(now - at_s + 0.5, 0)), class_id
    )


@pytest.mark.parametrize("fps", [4, 10])
def test_crossings_are_counted_by_class_and_direction(fps: int) -> None:
    actors = {1: down(2), 2: down(5), 3: up(7), 4: up(8, class_id=1), 5: down(25)}
    drafts = play(rules(line_counts()), actors, 35.0, fps)
    assert table(drafts) == [
        {("person", A_TO_B): 2, ("person", B_TO_A): 1, ("car", B_TO_A): 1},
        {},
        {("person", A_TO_B): 1},
        {},
    ]
    assert {d.lane for d in drafts if d.event.kind == EventBatch.COUNTS} == {Lane.STATS}
    first = of_kind(drafts, "COUNTS")[0]
    assert (first.rule_hit.rule, first.rule_hit.target) == ("traffic", "gate")
    assert not first.HasField("object")


def test_intervals_are_in_step_with_the_clock_on_the_wall() -> None:
    # The scene's clock begins 200 s after a full ten minutes.
    drafts = play(rules(line_counts(interval_s=60)), {1: down(30)}, 100.0, begins_s=-197.0)
    counts = of_kind(drafts, "COUNTS")
    begun = START_NS - 200_000_000_000
    assert [(e.counts.interval_start_ns - begun) // 10**9 for e in counts] == [0, 60]
    assert [(e.counts.interval_end_ns - begun) // 10**9 for e in counts] == [60, 120]
    # Each has the time of its last frame, which lies within it.
    assert [round(time_s(event) + 200, 1) for event in counts] == [59.9, 103.0]


def test_an_interval_without_frames_is_not_told_and_one_without_objects_is() -> None:
    camera = rules(line_counts())
    drafts: list[Draft] = []
    for frame, second in enumerate((0, 5, 11, 43, 51)):
        drafts += camera.step(tracks_at(second, frame, {}), 800, 400)
    drafts += camera.finish()
    assert kinds(drafts) == ["COUNTS"] * 4
    assert [time_s(draft.event) for draft in drafts] == [5, 11, 43, 51]
    assert [draft.event.frame for draft in drafts] == [1, 2, 3, 4]
    assert camera.finish() == []


def test_a_crossing_belongs_to_the_interval_of_its_frame() -> None:
    camera = rules(line_counts(margin=0))
    drafts: list[Draft] = []
    for frame, (second, y) in enumerate([(9.8, 0.4), (10.0, 0.6), (12.0, 0.6)]):
        seen = {1: ((0.5, y), Actor(lambda _: None))}
        drafts += camera.step(tracks_at(second, frame, seen), 800, 400)
    assert table(drafts + camera.finish()) == [{}, {("person", A_TO_B): 1}]


def test_different_objects_in_a_zone_count_once_in_each_interval() -> None:
    def pace(now_s: float) -> Place:
        return (0.5 if now_s % 4.0 < 2.0 else 0.9, 0.5)

    def passing(now_s: float) -> Place | None:
        return (0.5, 0.5) if 12.0 <= now_s < 14.0 else None

    actors = {
        1: Actor(pace),
        2: Actor(passing, class_id=1),
        3: Actor(lambda now: (0.5, 0.5) if now < 5.0 else (0.9, 0.5)),
    }
    drafts = play(rules(zone_counts()), actors, 29.5)
    assert table(drafts) == [
        {("person", NO_WAY): 2},
        {("person", NO_WAY): 1, ("car", NO_WAY): 1},
        {("person", NO_WAY): 1},
    ]
    assert of_kind(drafts, "COUNTS")[0].rule_hit.target == "yard"


def test_outside_its_schedule_a_rule_counts_nothing_and_tells_nothing() -> None:
    # 22:14 is 40 s after the scene begins.
    hours = [{"begins": "22:14", "ends": "22:15"}]
    actors = {1: down(10), 2: down(55), 3: down(110)}
    drafts = play(rules(line_counts(schedule=hours)), actors, 130.0, fps=4)
    assert [round(time_s(event)) for event in of_kind(drafts, "COUNTS")] == [
        50, 60, 70, 80, 90, 100,
    ]  # fmt: skip
    assert [sum(one.values()) for one in table(drafts)] == [0, 1, 0, 0, 0, 0]


@settings(deadline=None, max_examples=25)
@given(
    st.lists(st.tuples(st.integers(1, 38), st.booleans()), min_size=1, max_size=6),
    st.sampled_from([4, 5, 10]),
    st.sampled_from([7, 10, 60]),
)
def test_what_is_counted_is_what_is_told_one_by_one(
    crossings: list[tuple[int, bool]], fps: int, interval_s: int
) -> None:
    both = line_counts(interval_s=interval_s)
    both["rules"] = [*both["rules"], {"id": "one", "kind": "line", "line": "gate", "min_s": 0}]  # type: ignore[misc]
    actors = {
        number: down(second + 0.4) if is_down else up(second + 0.4)
        for number, (second, is_down) in enumerate(crossings, 1)
    }
    drafts = play(rules(both), actors, 40.0, fps)
    told = of_kind(drafts, "LINE_CROSSED")
    for event in of_kind(drafts, "COUNTS"):
        begin, end = event.counts.interval_start_ns, event.counts.interval_end_ns
        within = [one for one in told if begin <= one.captured_ns < end]
        for direction in (A_TO_B, B_TO_A):
            expected = sum(one.rule_hit.direction == direction for one in within)
            assert counted(event).get(("person", direction), 0) == expected
    assert sum(sum(one.values()) for one in table(drafts)) == len(told) == len(crossings)
