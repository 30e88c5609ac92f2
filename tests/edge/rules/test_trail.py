"""How fast a measure changes: the same at every frame rate, and whatever a few frames say."""

import numpy as np
import pytest

from edge.rules.trail import SLOTS, Trail

NOBODY_ELSE = np.zeros(1, np.intp)
NS = 1_000_000_000


def seen(trail: Trail, seconds: float, fps: float, measure: object) -> int:
    """Let one object be seen for some seconds; returns the time of the last frame."""
    now_ns = 0
    for frame in range(round(seconds * fps) + 1):
        now_ns = 5 * NS + round(frame / fps * NS)
        value = measure(frame / fps)  # type: ignore[operator]
        trail.see(now_ns, NOBODY_ELSE, np.array([[value]]))
    return now_ns


def trail_of_one(window_s: float = 1.0) -> Trail:
    trail = Trail(1, window_s)
    trail.grow(1)
    return trail


@pytest.mark.parametrize("fps", [2.5, 7, 10, 30, 240])
def test_a_steady_change_is_exact_at_every_frame_rate(fps: float) -> None:
    trail = trail_of_one()
    now_ns = seen(trail, 4.0, fps, lambda now: 3.0 - 0.7 * now)
    assert trail.mean_slopes(now_ns, NOBODY_ELSE)[0, 0] == pytest.approx(-0.7)
    slope, value = trail.median_lines(now_ns, NOBODY_ELSE)
    assert (slope[0], value[0]) == pytest.approx((-0.7, 0.2))


@pytest.mark.parametrize("fps", [5, 10, 30])
def test_before_half_a_window_nothing_is_known(fps: int) -> None:
    for seconds, is_known in ((0.0, False), (0.2, False), (0.8, True)):
        trail = trail_of_one()
        now_ns = seen(trail, seconds, fps, lambda now: now)
        assert np.isfinite(trail.mean_slopes(now_ns, NOBODY_ELSE)[0, 0]) == is_known
        assert np.isfinite(trail.median_lines(now_ns, NOBODY_ELSE)[0][0]) == is_known


def test_what_is_older_than_the_window_is_forgotten() -> None:
    trail = trail_of_one()
    now_ns = seen(trail, 6.0, 10, lambda now: now if now < 4.5 else 4.5 - 2 * (now - 4.5))
    assert trail.mean_slopes(now_ns, NOBODY_ELSE)[0, 0] == pytest.approx(-2.0)
    later_ns = now_ns + 10 * NS
    trail.see(later_ns, NOBODY_ELSE, np.array([[1.0]]))
    assert np.isnan(trail.mean_slopes(later_ns, NOBODY_ELSE)[0, 0])


def test_a_few_wrong_values_move_the_medians_little_and_none_the_rest() -> None:
    trail = trail_of_one()
    now_ns = seen(trail, 3.0, 10, lambda now: 50.0 if round(now * 10) % 5 == 3 else 1.0 + 2.0 * now)
    slope, value = trail.median_lines(now_ns, NOBODY_ELSE)
    assert slope[0] == pytest.approx(2.0, abs=0.01)
    assert value[0] == pytest.approx(7.0, abs=0.05)


def test_objects_keep_their_own_past_when_others_come_and_go() -> None:
    trail = Trail(2, 1.0)
    trail.grow(3)
    for frame in range(21):
        now_s = frame / 10
        values = np.array([[now_s, 2 * now_s, 3 * now_s], [0.0, -now_s, 5.0]])
        trail.see(frame * NS // 10, np.arange(3), values)
    trail.keep(np.array([True, False, True]))
    trail.grow(1)
    slopes = trail.mean_slopes(2 * NS, np.arange(3))
    assert slopes[:, :2] == pytest.approx(np.array([[1.0, 3.0], [0.0, 0.0]]))
    assert np.isnan(slopes[:, 2]).all()
    assert trail._values.shape == (SLOTS, 2, 3)


@pytest.mark.parametrize("window_s", [0.5, 1.0, 10.0])
def test_who_is_missed_in_some_frames_is_as_fast_as_who_is_seen_in_all(window_s: float) -> None:
    trail, rng, found = Trail(1, window_s), np.random.default_rng(3), []
    trail.grow(2)
    for frame in range(round(4 * window_s * 30)):
        now_s = frame / 30
        columns = np.arange(2 if rng.random() < 0.6 else 1)
        trail.see(round(now_s * NS), columns, np.full((1, len(columns)), 10 * now_s))
        if len(columns) == 2:
            found.append(trail.mean_slopes(round(now_s * NS), columns)[0])
            found.append(trail.median_lines(round(now_s * NS), columns)[0])
    slopes = np.array(found)
    known = slopes[~np.isnan(slopes)]
    assert len(known) > len(found)
    assert known == pytest.approx(np.full(len(known), 10.0))
