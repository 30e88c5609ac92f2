"""Speeds in metres a second on the ground, and who is too fast."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.rules.ground import Homography
from protos.ids import Lane
from protos.v1.event_batch_pb2 import EventBatch
from tests.edge.rules.scenes import Actor, Place, of_kind, play, rules, time_s

CORNERS = [(0.2, 0.9), (0.8, 0.9), (0.6, 0.3), (0.4, 0.3)]
METRES = [(0.0, 0.0), (6.0, 0.0), (6.0, 30.0), (0.0, 30.0)]
GROUND = {"points": CORNERS, "metres": METRES}
TO_PICTURE = Homography(METRES, CORNERS)


def picture(x_m: float, y_m: float) -> Place:
    """Where a point of the ground is in the picture."""
    x, y = TO_PICTURE.to_plane(np.array([(x_m, y_m)]))[0]
    return (float(x), float(y))


def drives(mps: float, x_m: float = 3.0, begins_m: float = 0.5, jitter: float = 0.0) -> Actor:
    """Straight away from the camera; `jitter` is the standard deviation of its box."""
    rng = np.random.default_rng(7)

    def way(now_s: float) -> Place:
        x, y = picture(x_m, begins_m + mps * now_s)
        return (x + float(rng.normal(0, jitter)), y + float(rng.normal(0, jitter)))

    return Actor(way)


def limit(**rule: object) -> dict[str, object]:
    """Settings with one speed rule and a ground."""
    one = {"id": "too-fast", "kind": "speed", "limit_mps": 5, **rule}
    return {
        "ground": GROUND,
        "zones": [{"id": "near", "points": [[0, 0.6], [1, 0.6], [1, 1], [0, 1]]}],
        "rules": [one],
    }


@pytest.mark.parametrize("fps", [3, 10, 30])
@pytest.mark.parametrize("mps", [1.0, 4.0])
def test_every_event_of_an_object_says_how_fast_it_is(fps: int, mps: float) -> None:
    drafts = play(rules({"ground": GROUND}), {1: drives(mps)}, 6.0, fps)
    started, *updated = of_kind(drafts, "OBJECT_STARTED", "OBJECT_UPDATED")
    assert started.object.speed_mps == 0.0
    assert len(updated) >= 3
    assert [e.object.speed_mps for e in updated] == pytest.approx([mps] * len(updated), rel=1e-3)
    (ended,) = of_kind(drafts, "OBJECT_ENDED")
    assert ended.object.speed_mps == pytest.approx(mps, rel=1e-3)


def test_without_a_ground_no_speed_is_said() -> None:
    drafts = play(rules({}), {1: drives(4.0)}, 3.0)
    assert {draft.event.object.speed_mps for draft in drafts} == {0.0}


def test_trembling_boxes_do_not_run() -> None:
    standing = drives(0.0, begins_m=4.0, jitter=0.002)
    camera = rules({"ground": GROUND})
    speeds = []
    for second in range(20):
        drafts = play(camera, {1: standing}, 0.9, 10.0, until_finish=False, begins_s=second)
        speeds += [event.object.speed_mps for event in of_kind(drafts, "OBJECT_UPDATED")]
    assert len(camera) == 1
    (ended,) = camera.finish()
    assert max([ended.event.object.speed_mps, *speeds]) < 0.5


@pytest.mark.parametrize("fps", [4, 10, 25])
def test_who_is_too_fast_is_told_once_with_the_speed(fps: int) -> None:
    drafts = play(rules(limit()), {1: drives(6.0), 2: drives(4.5, x_m=1.0)}, 5.0, fps)
    (event,) = of_kind(drafts, "SPEED")
    # Half a window of one second until a speed is known, and half a second above the limit.
    assert time_s(event) == pytest.approx(1.0, abs=1.6 / fps)
    assert event.object.track_id == 1
    assert event.rule_hit.value == pytest.approx(6.0, rel=1e-3)
    assert event.object.speed_mps == pytest.approx(6.0, rel=1e-3)
    assert (event.rule_hit.rule, event.rule_hit.target) == ("too-fast", "")
    assert {d.lane for d in drafts if d.event.kind == EventBatch.SPEED} == {Lane.ALARM}


def test_a_second_sprint_is_told_when_the_first_was_over_long_enough() -> None:
    def stop_and_go(now_s: float) -> Place:
        in_sprint = min(now_s % 12.0, 3.0)
        return picture(3.0, 0.5 + 6.0 * in_sprint)

    def told(rearm_s: float) -> int:
        drafts = play(rules(limit(rearm_s=rearm_s)), {1: Actor(stop_and_go)}, 16.0)
        return len(of_kind(drafts, "SPEED"))

    # Its way back takes no time, which is a sprint of its own, and in the same as the next.
    assert told(rearm_s=5.0) == 2
    assert told(rearm_s=20.0) == 1


def test_only_in_its_zone_is_anybody_too_fast() -> None:
    far, near = drives(6.0, begins_m=12.0), drives(6.0, x_m=2.0)
    drafts = play(rules(limit(zone="near")), {1: far, 2: near}, 3.0, 20)
    assert [event.object.track_id for event in of_kind(drafts, "SPEED")] == [2]


def test_where_no_feet_are_seen_no_speed_is_known() -> None:
    cut_off = Actor(lambda now: (0.3 + 0.1 * now, 1.02))
    drafts = play(rules(limit(limit_mps=0.1)), {1: cut_off}, 4.0)
    assert of_kind(drafts, "SPEED") == []
    assert {draft.event.object.speed_mps for draft in drafts} == {0.0}


shares = st.floats(0.05, 0.95)


@settings(deadline=None)
@given(st.lists(st.tuples(st.floats(-3, 9), st.floats(0, 60)), min_size=1, max_size=8))
def test_there_and_back_is_the_same_place(places: list[tuple[float, float]]) -> None:
    at = np.array(places)
    np.testing.assert_allclose(
        Homography(CORNERS, METRES).to_plane(TO_PICTURE.to_plane(at)), at, atol=1e-6
    )


def test_beyond_the_horizon_there_is_no_ground() -> None:
    # The sides of the ground meet at y = 0: x = 0.2 + t / 5 = 0.8 - t / 5 of t = 1.5.
    view = Homography(CORNERS, METRES)
    points = np.array([(0.5, 0.01), (0.5, -0.01), (0.1, -0.5)])
    assert np.isfinite(view.to_plane(points)[:, 0]).tolist() == [True, False, False]


@settings(deadline=None, max_examples=40)
@given(st.floats(0.1, 50.0), st.floats(-1000, 1000), st.floats(0, 6.3), st.booleans())
def test_speeds_do_not_depend_on_where_and_how_the_ground_is_measured_from(
    mps: float, origin: float, turn: float, is_mirrored: bool
) -> None:
    flip = np.array([[-1.0 if is_mirrored else 1.0, 0.0], [0.0, 1.0]])
    turned = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    metres = np.array(METRES) @ flip @ turned.T + origin
    places = np.array([picture(2.0, 1.0), picture(2.0, 1.0 + mps)])
    moved = np.diff(Homography(CORNERS, metres.tolist()).to_plane(places), axis=0)
    assert np.hypot(*moved[0]) == pytest.approx(mps, rel=1e-6)


def test_the_speed_of_who_shows_no_feet_any_more_is_the_last_that_was_known() -> None:
    def comes_near(now_s: float) -> Place:
        return picture(3.0, 12.0 - 4.0 * now_s) if now_s < 2.5 else (0.5, 1.05)

    drafts = play(rules({"ground": GROUND}), {1: Actor(comes_near)}, 5.0)
    (ended,) = of_kind(drafts, "OBJECT_ENDED")
    assert ended.object.speed_mps == pytest.approx(4.0, rel=0.01)
