"""Who is in a zone, since when: hysteresis in distance and in seconds."""

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from protos.ids import Lane
from protos.v1.event_batch_pb2 import EventBatch
from tests.edge.rules.scenes import (
    Actor,
    Place,
    of_kind,
    play,
    rules,
    straight,
    through,
    time_s,
    tracks_at,
)

YARD = [[0.3, 0.2], [0.7, 0.2], [0.7, 0.8], [0.3, 0.8]]


def yard(points: object = YARD, **rule: object) -> dict[str, object]:
    """Settings with one zone rule."""
    return {
        "zones": [{"id": "yard", "points": points}],
        "rules": [{"id": "in-yard", "kind": "zone", "zone": "yard", **rule}],
    }


def test_who_walks_through_enters_once_and_leaves_once() -> None:
    walk = Actor(straight((0.1, 0.5), (0.9, 0.5), 8.0))
    drafts = play(rules(yard()), {7: walk}, 8.0)
    entered, left = of_kind(drafts, "ZONE_ENTERED", "ZONE_EXITED")
    assert (entered.kind, left.kind) == (EventBatch.ZONE_ENTERED, EventBatch.ZONE_EXITED)
    assert (entered.rule_hit.rule, entered.rule_hit.target) == ("in-yard", "yard")
    assert time_s(entered) == pytest.approx(2.5, abs=0.11)
    assert time_s(left) == pytest.approx(6.2 + 0.5, abs=0.21)
    assert left.rule_hit.dwell_s == pytest.approx(4.2, abs=0.2)
    assert entered.rule_hit.dwell_s == 0.0
    assert entered.object.track_id == left.object.track_id == 7
    assert {d.lane for d in drafts if d.event.kind == EventBatch.ZONE_ENTERED} == {Lane.ALARM}


@pytest.mark.parametrize("fps", [4, 10, 30])
@pytest.mark.parametrize("slower", [1, 3])
def test_dwell_is_time_of_the_world_not_frames(fps: int, slower: int) -> None:
    walk = Actor(straight((0.1, 0.5), (0.9, 0.5), 8.0 * slower))
    (left,) = of_kind(play(rules(yard()), {1: walk}, 9.0 * slower, fps), "ZONE_EXITED")
    assert left.rule_hit.dwell_s == pytest.approx(4.2 * slower, abs=2 / fps)


def test_trembling_on_the_edge_is_one_visit_at_most() -> None:
    def tremble(now_s: float) -> Place:
        return (0.3 + 0.015 * math.sin(now_s * 20), 0.5)

    drafts = play(rules(yard()), {1: Actor(tremble)}, 20.0, fps=25, until_finish=False)
    assert len(of_kind(drafts, "ZONE_ENTERED")) <= 1
    assert of_kind(drafts, "ZONE_EXITED") == []


def test_a_short_look_in_and_a_short_step_out_are_nothing() -> None:
    peek = through((0.2, 0.5), (0.32, 0.5), (0.2, 0.5), seconds_each=1.0)
    assert of_kind(play(rules(yard()), {1: Actor(peek)}, 2.0), "ZONE_ENTERED") == []
    step_out = through((0.5, 0.5), (0.5, 0.5), (0.74, 0.5), (0.5, 0.5), seconds_each=1.0)
    drafts = play(rules(yard()), {1: Actor(step_out)}, 3.0, until_finish=False)
    assert len(of_kind(drafts, "ZONE_ENTERED")) == 1
    assert of_kind(drafts, "ZONE_EXITED") == []


def test_without_hysteresis_every_frame_counts() -> None:
    zone = rules(yard(min_s=0, margin=0))
    drafts = []
    for frame, x in enumerate((0.31, 0.29, 0.31)):
        seen = {1: ((x, 0.5), Actor(lambda _: None))}
        drafts += zone.step(tracks_at(frame / 10, frame, seen), 800, 400)
    found = of_kind(drafts, "ZONE_ENTERED", "ZONE_EXITED")
    assert [event.frame for event in found] == [0, 1, 2]


def test_who_ends_inside_has_left_with_its_last_frame() -> None:
    def vanish(now_s: float) -> Place | None:
        return (0.5, 0.5) if now_s <= 3.0 else None

    camera = rules(yard())
    drafts = play(camera, {1: Actor(vanish)}, 5.0, until_finish=False)
    assert of_kind(drafts, "ZONE_EXITED") == []
    drafts = camera.step(tracks_at(5.1, 51, {}, ended=(1,)), 800, 400)
    (left,) = of_kind(drafts, "ZONE_EXITED")
    assert time_s(left) == pytest.approx(3.0)
    assert left.rule_hit.dwell_s == pytest.approx(3.0)
    assert left.frame == 30
    assert camera.finish() == []


def test_who_ends_on_its_way_out_has_left_when_it_was_out() -> None:
    leave = straight((0.5, 0.5), (0.8, 0.5), 3.0)
    drafts = play(rules(yard(min_s=1.0)), {1: Actor(leave)}, 3.0)
    (left,) = of_kind(drafts, "ZONE_EXITED")
    assert left.rule_hit.dwell_s == pytest.approx(2.2, abs=0.11)


def test_who_is_out_of_sight_for_a_moment_is_in_still() -> None:
    def blink(now_s: float) -> Place | None:
        return None if 2.0 < now_s < 3.0 else (0.5, 0.5)

    drafts = play(rules(yard()), {1: Actor(blink)}, 6.0)
    assert len(of_kind(drafts, "ZONE_ENTERED")) == 1
    (left,) = of_kind(drafts, "ZONE_EXITED")
    assert left.rule_hit.dwell_s == pytest.approx(6.0)


def test_only_the_named_classes_count() -> None:
    actors = {1: Actor(lambda _: (0.5, 0.5)), 2: Actor(lambda _: (0.6, 0.5), class_id=1)}
    (entered,) = of_kind(play(rules(yard(classes=["car"])), actors, 2.0), "ZONE_ENTERED")
    assert entered.object.class_name == "car"


def test_an_object_counts_from_the_moment_it_was_sure() -> None:
    camera = rules(yard(min_confidence=0.8, min_s=0))
    drafts = []
    for frame, confidence in enumerate((0.6, 0.7, 0.85, 0.4, 0.4)):
        actor = Actor(lambda _: None, confidence=confidence)
        drafts += camera.step(tracks_at(frame / 10, frame, {1: ((0.5, 0.5), actor)}), 800, 400)
    (entered,) = of_kind(drafts, "ZONE_ENTERED")
    assert entered.frame == 2
    assert of_kind(drafts, "ZONE_EXITED") == []


def test_the_anchor_decides_who_is_inside() -> None:
    feet_below = {1: Actor(lambda _: (0.5, 0.83))}
    assert of_kind(play(rules(yard()), feet_below, 2.0), "ZONE_ENTERED") == []
    assert len(of_kind(play(rules(yard(anchor="centre")), feet_below, 2.0), "ZONE_ENTERED")) == 1


def test_a_zone_that_reaches_the_pictures_edge_holds_who_is_cut_off_by_it() -> None:
    bottom = [[0.0, 0.5], [1.0, 0.5], [1.0, 1.0], [0.0, 1.0]]
    too_low = {1: Actor(lambda _: (0.5, 1.04))}
    (entered,) = of_kind(play(rules(yard(bottom)), too_low, 2.0), "ZONE_ENTERED")
    box = entered.object.box
    assert box.top + box.height == pytest.approx(1.0)


def test_two_rules_on_one_zone_each_have_their_own_mind() -> None:
    settings = yard()
    settings["rules"] = [
        {"id": "soon", "kind": "zone", "zone": "yard", "min_s": 0},
        {"id": "later", "kind": "zone", "zone": "yard", "min_s": 3},
    ]
    entered = of_kind(play(rules(settings), {1: Actor(lambda _: (0.5, 0.5))}, 4.0), "ZONE_ENTERED")
    assert [(e.rule_hit.rule, time_s(e)) for e in entered] == [("soon", 0.0), ("later", 3.0)]


def test_within_its_cooldown_a_visit_is_told_neither_at_its_beginning_nor_at_its_end() -> None:
    def pace(now_s: float) -> Place:
        return (0.5 if now_s % 4.0 < 2.0 else 0.9, 0.5)

    drafts = play(rules(yard(min_s=0, cooldown_s=10)), {1: Actor(pace)}, 20.0)
    found = of_kind(drafts, "ZONE_ENTERED", "ZONE_EXITED")
    assert [time_s(event) for event in found] == pytest.approx([0, 2, 12, 14])


coordinates = st.integers(0, 100).map(lambda value: value / 100)


@settings(deadline=None)
@given(st.lists(st.tuples(coordinates, coordinates), min_size=2, max_size=40))
def test_nobody_is_told_to_enter_who_is_not_inside(places: list[Place]) -> None:
    camera = rules(yard(min_s=0.2))
    balance = 0
    for frame, place in enumerate(places):
        drafts = camera.step(
            tracks_at(frame / 10, frame, {1: (place, Actor(lambda _: None))}), 800, 400
        )
        for event in of_kind(drafts, "ZONE_ENTERED"):
            assert 0.3 - 1e-6 <= place[0] <= 0.7 + 1e-6
            assert 0.2 - 1e-6 <= place[1] <= 0.8 + 1e-6
            balance += 1
            assert event.rule_hit.dwell_s == 0
        balance -= len(of_kind(drafts, "ZONE_EXITED"))
        assert balance in (0, 1)
    assert balance == len(of_kind(camera.finish(), "ZONE_EXITED"))
