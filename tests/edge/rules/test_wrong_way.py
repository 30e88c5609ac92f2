"""Who moves the wrong way is told; who dithers, stands, or goes across is not."""

import math
from dataclasses import replace
from itertools import combinations

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from protos.ids import Lane
from protos.v1.event_batch_pb2 import EventBatch
from tests.edge.rules.scenes import (
    HEIGHT_PX,
    WIDTH_PX,
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

ASPECT = 2.0
"""Of the scenes' pictures: what is a share of x is two of y."""


def one_way(**rule: object) -> dict[str, object]:
    """Settings with one wrong-way rule: to the right is right."""
    one = {"id": "no-entry", "kind": "wrong-way", "right_way": [[0.2, 0.5], [0.4, 0.5]], **rule}
    return {
        "zones": [{"id": "lane", "points": [[0.1, 0.1], [0.9, 0.1], [0.9, 0.9], [0.1, 0.9]]}],
        "rules": [one],
    }


def wrong(way: Way, seconds: float, fps: float = 10.0, **rule: object) -> list[float]:
    """When it is told, in s."""
    drafts = play(rules(one_way(**rule)), {1: Actor(way)}, seconds, fps)
    return [round(time_s(event), 2) for event in of_kind(drafts, "WRONG_WAY")]


@pytest.mark.parametrize("fps", [5, 10, 25])
def test_who_comes_the_wrong_way_is_told_once_when_it_has_come_far_enough(fps: int) -> None:
    ghost = Actor(straight((0.8, 0.5), (0.2, 0.5), 12.0))
    drafts = play(rules(one_way(zone="lane")), {3: ghost}, 12.0, fps)
    (event,) = of_kind(drafts, "WRONG_WAY")
    # 0.1 of the height are 0.05 of the width, at 0.05 a second.
    assert time_s(event) == pytest.approx(1.0, abs=1.1 / fps)
    assert event.rule_hit.value == pytest.approx(180.0)
    assert (event.rule_hit.rule, event.rule_hit.target) == ("no-entry", "lane")
    assert event.object.track_id == 3
    assert {d.lane for d in drafts if d.event.kind == EventBatch.WRONG_WAY} == {Lane.ALARM}


def test_the_right_way_and_straight_across_are_not_told() -> None:
    assert wrong(straight((0.2, 0.5), (0.8, 0.5), 12.0), 12.0) == []
    assert wrong(straight((0.5, 0.2), (0.5, 0.8), 12.0), 12.0) == []


@pytest.mark.parametrize(("degrees", "is_told"), [(140, True), (130, False), (220, True)])
def test_the_tolerance_is_an_angle_as_seen_in_the_picture(degrees: float, is_told: bool) -> None:
    turn = math.radians(degrees)
    end = (0.5 + 0.3 * math.cos(turn) / ASPECT, 0.5 - 0.3 * math.sin(turn))
    assert bool(wrong(straight((0.5, 0.5), end, 4.0), 4.0)) == is_told


def test_dithering_on_the_spot_goes_nowhere() -> None:
    def dither(now_s: float) -> Place:
        return (0.5 + 0.016 * math.sin(now_s * 9), 0.5 + 0.032 * math.cos(now_s * 7))

    assert wrong(dither, 40.0, fps=25) == []


def test_who_turns_round_is_told_as_soon_as_who_came_that_way() -> None:
    turned = through((0.2, 0.5), (0.6, 0.5), (0.2, 0.5), seconds_each=4.0)
    assert wrong(turned, 8.0) == pytest.approx([4.5], abs=0.11)


def test_who_was_told_is_told_anew_after_it_came_back_the_right_way() -> None:
    weaves = through((0.7, 0.5), (0.5, 0.5), (0.7, 0.5), (0.5, 0.5), seconds_each=4.0)
    assert wrong(weaves, 12.0) == pytest.approx([1.0, 9.0], abs=0.11)
    hesitates = through((0.7, 0.5), (0.5, 0.5), (0.52, 0.5), (0.3, 0.5), seconds_each=4.0)
    assert wrong(hesitates, 12.0) == pytest.approx([1.0], abs=0.11)


def test_a_jump_is_no_way() -> None:
    def jump(now_s: float) -> Place:
        return (0.6, 0.5) if now_s < 3.0 or now_s >= 3.3 else (0.4, 0.5)

    assert wrong(jump, 8.0, moving_s=0.5) == []


def test_what_happens_beside_the_zone_is_left_alone() -> None:
    beside = straight((0.8, 0.95), (0.2, 0.95), 6.0)
    assert wrong(beside, 6.0, zone="lane") == []
    assert len(wrong(beside, 6.0)) == 1


angles = st.floats(0, 2 * math.pi)
stops = st.lists(st.tuples(st.integers(25, 75), st.integers(25, 75)), min_size=2, max_size=6)


@settings(deadline=None, max_examples=30)
@given(stops, angles, st.booleans(), st.sampled_from([1, 3]))
def test_turned_mirrored_or_slower_it_is_the_same(
    places: list[tuple[int, int]], turn: float, is_mirrored: bool, slower: int
) -> None:
    # Straight across is neither ahead nor back: there the last digit decides.
    assume(all(one == two or one[0] != two[0] for one, two in combinations(places, 2)))

    def moved(x: float, y: float) -> Place:
        """A place turned around the middle of the picture, as its pixels show it."""
        right, below = (x - 0.5) * ASPECT, y - 0.5
        below = -below if is_mirrored else below
        cosine, sine = math.cos(turn), math.sin(turn)
        return (
            0.5 + (right * cosine - below * sine) / ASPECT,
            0.5 + right * sine + below * cosine,
        )

    # Odd shares keep lengths of legs and their angles off the limits.
    way = [(0.5 + (x - 50) / 431, 0.5 + (y - 50) / 237) for x, y in places]
    seconds = 2.0 * (len(way) - 1)
    before = wrong(through(*way, seconds_each=2.0), seconds, min_distance=0.087, moving_s=0)
    after = wrong(
        through(*[moved(*place) for place in way], seconds_each=2.0 * slower),
        seconds * slower,
        10.0 / slower,
        min_distance=0.087,
        moving_s=0,
        right_way=[moved(0.45, 0.5), moved(0.55, 0.5)],
    )
    assert [round(at / slower, 2) for at in after] == before


def test_a_picture_of_another_shape_moves_nobody() -> None:
    camera, stands = rules(one_way()), Actor(lambda _: (0.8, 0.5))
    drafts = []
    for frame in range(60):
        tracks = tracks_at(frame / 10, frame, {1: ((0.8, 0.5), stands)})
        width_px = WIDTH_PX if frame < 30 else WIDTH_PX // 2
        squeezed = tracks.xyxy * np.array([width_px / WIDTH_PX, 1] * 2, np.float32)
        drafts += camera.step(replace(tracks, xyxy=squeezed), width_px, HEIGHT_PX)
    assert of_kind(drafts, "WRONG_WAY") == []
