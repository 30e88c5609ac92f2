"""Two who are too near each other: told once, both named."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.rules.port import Draft
from protos.ids import Lane
from protos.v1.event_batch_pb2 import EventBatch
from tests.edge.rules.scenes import Actor, Place, of_kind, play, rules, time_s, tracks_at
from tests.edge.rules.test_speed import GROUND, picture


def distance(**rule: object) -> dict[str, object]:
    """Settings with one proximity rule and a ground."""
    one = {"id": "apart", "kind": "proximity", "metres": 1.5, "near_s": 2, "rearm_s": 4, **rule}
    return {
        "ground": GROUND,
        "zones": [{"id": "left", "points": [[0, 0], [0.5, 0], [0.5, 1], [0, 1]]}],
        "rules": [one],
    }


def stands(x_m: float, y_m: float, class_id: int = 0) -> Actor:
    return Actor(lambda _: picture(x_m, y_m), class_id)


def beside(gaps: dict[float, float]) -> Actor:
    """Stands beside (1, 10) m, from each time on so many metres away."""

    def way(now_s: float) -> Place:
        gap = [metres for begin, metres in gaps.items() if begin <= now_s][-1]
        return picture(1.0 + gap, 10.0)

    return Actor(way)


def pairs(drafts: list[Draft]) -> list[tuple[float, int, int]]:
    return [
        (round(time_s(event), 1), event.object.track_id, event.rule_hit.other_track_id)
        for event in of_kind(drafts, "PROXIMITY")
    ]


@pytest.mark.parametrize("fps", [2, 10, 25])
def test_a_pair_is_told_once_with_its_distance_and_both_names(fps: int) -> None:
    actors = {4: stands(1.0, 10.0), 2: stands(2.0, 10.0), 7: stands(4.0, 10.0)}
    drafts = play(rules(distance()), actors, 20.0, fps)
    assert pairs(drafts) == [(2.0, 2, 4)]
    (event,) = of_kind(drafts, "PROXIMITY")
    assert event.rule_hit.value == pytest.approx(1.0, abs=1e-3)
    assert event.rule_hit.rule == "apart"
    assert {d.lane for d in drafts if d.event.kind == EventBatch.PROXIMITY} == {Lane.ALARM}


def test_of_three_together_every_pair_is_told() -> None:
    actors = {1: stands(1.0, 10.0), 2: stands(2.0, 10.0), 3: stands(1.5, 10.5)}
    assert pairs(play(rules(distance()), actors, 5.0)) == [(2.0, 1, 2), (2.0, 1, 3), (2.0, 2, 3)]


def test_a_short_meeting_is_none() -> None:
    passing = beside({0: 5.0, 3: 1.0, 4.9: 5.0, 8: 1.0, 9: 5.0})
    assert pairs(play(rules(distance()), {1: stands(1.0, 10.0), 2: passing}, 12.0)) == []


def test_a_pair_is_told_anew_only_after_it_was_apart_for_long() -> None:
    def told(apart_s: float) -> list[tuple[float, int, int]]:
        other = beside({0: 1.0, 5: 3.0, 5 + apart_s: 1.0})
        return pairs(play(rules(distance()), {1: stands(1.0, 10.0), 2: other}, 20.0))

    assert told(3.5) == [(2.0, 1, 2)]
    assert told(4.5) == [(2.0, 1, 2), (11.5, 1, 2)]


def test_who_is_out_of_sight_for_a_moment_is_near_still_and_told_when_seen() -> None:
    def blink(now_s: float) -> Place | None:
        return None if 1.0 < now_s < 3.0 else picture(2.0, 10.0)

    actors = {1: stands(1.0, 10.0), 2: Actor(blink)}
    assert pairs(play(rules(distance()), actors, 6.0)) == [(3.0, 1, 2)]


def test_a_pair_is_not_mixed_up_when_others_end() -> None:
    camera = rules(distance())
    drafts: list[Draft] = []
    places = {1: (5.0, 20.0), 2: (1.0, 10.0), 3: (5.0, 2.0), 4: (2.0, 10.0), 5: (5.0, 28.0)}
    for frame in range(60):
        alive = [name for name in places if frame < {1: 10, 3: 14}.get(name, 99)]
        seen = {name: (picture(*places[name]), Actor(lambda _: None)) for name in alive}
        ended = {12: (1,), 16: (3,)}.get(frame, ())
        drafts += camera.step(tracks_at(frame / 10, frame, seen, ended=ended), 800, 400)
    assert pairs(drafts) == [(2.0, 2, 4)]


def test_who_ends_takes_its_pairs_along() -> None:
    camera = rules(distance(near_s=0))
    drafts: list[Draft] = []
    for frame in range(40):
        seen = {number: (picture(1.0 + gap, 10.0), Actor(lambda _: None))
                for number, gap in ((1, 0.0), (frame + 2, 1.0))}  # fmt: skip
        ended = (frame + 1,) if frame else ()
        drafts += camera.step(tracks_at(frame / 10, frame, seen, ended=ended), 800, 400)
        assert len(camera) == 2
    assert pairs(drafts) == [(round(frame / 10, 1), 1, frame + 2) for frame in range(40)]


def test_zone_and_classes_hold_for_both() -> None:
    # The picture's middle is at 3 m.
    actors = {1: stands(2.0, 10.0), 2: stands(2.5, 10.0), 3: stands(3.4, 10.0)}
    assert pairs(play(rules(distance(zone="left")), actors, 4.0)) == [(2.0, 1, 2)]
    actors = {1: stands(2.0, 10.0), 2: stands(2.5, 10.0, 1), 3: stands(3.0, 10.0)}
    assert pairs(play(rules(distance(classes=["person"])), actors, 4.0)) == [(2.0, 1, 3)]


def test_within_its_cooldown_nobody_is_told_of_again() -> None:
    actors = {1: stands(1.0, 10.0), 2: stands(2.0, 10.0), 3: stands(3.2, 10.0)}
    # 2 and 3 are as near as 1 and 2, and would be told with them.
    found = pairs(play(rules(distance(cooldown_s=60)), actors, 10.0))
    assert found == [(2.0, 1, 2)]


def test_who_is_near_still_when_the_cooldown_is_over_is_told_then() -> None:
    actors = {1: stands(1.0, 10.0), 2: stands(2.0, 10.0), 3: stands(3.2, 10.0)}
    found = pairs(play(rules(distance(cooldown_s=5)), actors, 30.0))
    assert found == [(2.0, 1, 2), (7.0, 2, 3)]


metres = st.tuples(st.integers(0, 12), st.integers(0, 12))


@settings(deadline=None, max_examples=30)
@given(st.lists(metres, min_size=2, max_size=9), st.randoms(use_true_random=False))
def test_near_pairs_are_those_of_all_pairs_in_any_order(
    places: list[Place], random: object
) -> None:
    # Halves of a metre and an odd limit keep every distance off it.
    spots = np.array(places) / 2 + (0.0, 2.0)
    gaps = np.hypot(*(spots[:, None] - spots).transpose(2, 0, 1))
    expected = {
        (one + 1, two + 1) for one, two in zip(*np.nonzero(np.triu(gaps < 1.234, 1)), strict=True)
    }
    names = list(range(1, len(spots) + 1))
    random.shuffle(names)  # type: ignore[attr-defined]
    actors = {name: stands(*spots[name - 1].tolist()) for name in names}
    drafts = play(rules(distance(metres=1.234, near_s=0)), actors, 0.5, until_finish=False)
    told = pairs(drafts)
    assert len(told) == len(expected)
    assert {(one, two) for _, one, two in told} == expected
