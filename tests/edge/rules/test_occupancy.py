"""How many are in a zone: numbers that last, and limits that are told once."""

import pytest

from edge.rules.port import Draft
from protos.ids import Lane
from protos.v1.event_batch_pb2 import EventBatch
from tests.edge.rules.scenes import Actor, of_kind, play, rules, time_s, tracks_at

YARD = [[0.3, 0.2], [0.7, 0.2], [0.7, 0.8], [0.3, 0.8]]
IN, OUT = (0.5, 0.5), (0.9, 0.5)


def occupancy(**rule: object) -> dict[str, object]:
    """Settings with one occupancy rule."""
    return {
        "zones": [{"id": "yard", "points": YARD}],
        "rules": [{"id": "fill", "kind": "occupancy", "zone": "yard", "min_s": 0, **rule}],
    }


def inside(begin: float, end: float) -> Actor:
    """Somebody who is in the zone from a time to another."""
    return Actor(lambda now: IN if begin <= now < end else OUT)


def told(drafts: list[Draft]) -> list[tuple[float, int]]:
    return [(round(time_s(e), 2), int(e.rule_hit.value)) for e in of_kind(drafts, "OCCUPANCY")]


@pytest.mark.parametrize("fps", [4, 10, 20])
def test_numbers_are_told_when_they_have_lasted(fps: int) -> None:
    actors = {1: inside(1, 20), 2: inside(5, 12), 3: inside(5, 12)}
    drafts = play(rules(occupancy()), actors, 25.0, fps)
    assert told(drafts) == [(3.0, 1), (7.0, 3), (14.0, 1), (22.0, 0)]
    (first, *_) = of_kind(drafts, "OCCUPANCY")
    assert (first.rule_hit.rule, first.rule_hit.target) == ("fill", "yard")
    assert not first.HasField("object")
    assert {d.lane for d in drafts if d.event.kind == EventBatch.OCCUPANCY} == {Lane.STATE}


def test_a_number_that_does_not_last_is_not_told() -> None:
    assert told(play(rules(occupancy()), {1: inside(1, 2.5), 2: inside(5, 6.9)}, 10.0)) == []


def test_who_ends_is_no_more_in_the_zone_though_no_frame_shows_anybody() -> None:
    camera = rules(occupancy())
    drafts = play(camera, {1: inside(0, 99)}, 5.0, until_finish=False)
    for frame in range(51, 100):
        ended = (1,) if frame == 51 else ()
        drafts += camera.step(tracks_at(frame / 10, frame, {}, ended=ended), 800, 400)
    assert told(drafts) == [(2.0, 1), (7.1, 0)]
    assert of_kind(drafts, "OCCUPANCY")[-1].frame == 71


def test_at_least_so_many_are_told_once_and_again_after_it_was_over() -> None:
    actors = {1: inside(0, 40), 2: inside(5, 12), 3: inside(6, 11), 4: inside(20, 30)}
    drafts = play(rules(occupancy(at_least=2)), actors, 40.0)
    assert told(drafts) == [(7.0, 3), (22.0, 2)]
    assert {d.lane for d in drafts if d.event.kind == EventBatch.OCCUPANCY} == {Lane.ALARM}


def test_a_flicker_below_the_limit_does_not_arm_it_again() -> None:
    two = {1: inside(0, 40), 2: Actor(lambda now: OUT if 10 <= now < 11.5 else IN)}
    assert told(play(rules(occupancy(at_least=2)), two, 30.0)) == [(2.0, 2)]


def test_at_most_so_many_are_told() -> None:
    drafts = play(rules(occupancy(at_most=0, settle_s=3)), {1: inside(1, 10)}, 20.0)
    assert told(drafts) == [(13.0, 0)]
    both = rules(occupancy(at_most=0, at_least=2))
    actors = {1: inside(1, 20), 2: inside(5, 20)}
    assert told(play(both, actors, 30.0)) == [(7.0, 2), (22.0, 0)]


def test_within_its_cooldown_a_number_waits_and_is_told_as_it_then_is() -> None:
    actors = {1: inside(0, 99), 2: inside(4, 99), 3: inside(6, 99)}
    assert told(play(rules(occupancy(cooldown_s=10)), actors, 20.0)) == [
        (2.0, 1),
        (12.0, 3),
        (20.0, 0),
    ]


def test_a_limit_that_holds_on_after_its_cooldown_is_told_then() -> None:
    crowd = {1: Actor(lambda now: OUT if 5 <= now < 9 else IN)}
    assert told(play(rules(occupancy(at_least=1, cooldown_s=20)), crowd, 60.0)) == [
        (2.0, 1), (22.0, 1),
    ]  # fmt: skip
    left = {1: Actor(lambda now: OUT if 5 <= now < 9 or now >= 15 else IN)}
    assert told(play(rules(occupancy(at_least=1, cooldown_s=20)), left, 60.0)) == [(2.0, 1)]
