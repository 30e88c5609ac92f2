"""The filters of all tracks at once are the textbook's, one by one."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from edge.track.motion import ACCELERATION_STD, INITIAL_SPEED_STD, MEASUREMENT_STD, Motion

F64 = NDArray[np.float64]
BOXES = np.array([[10, 20, 50, 120], [300, 100, 420, 160]], np.float32).T.copy()
"""(4, 2): of two objects, an edge a row."""
EVERY = np.array([True, True])
SURE = np.ones(2)
steps = st.floats(0.01, 1.0)
doubts = st.floats(1.0, 5.0)


class Textbook:
    """One object's 8x8 Kalman filter, written down as in the books."""

    def __init__(self, box: F64) -> None:
        self.mean = np.concatenate((box, np.zeros(4)))
        side = max(box[2], box[3])
        self.cov = np.diag(
            [(MEASUREMENT_STD * side) ** 2] * 4 + [(INITIAL_SPEED_STD * side) ** 2] * 4
        )

    def predict(self, dt: float) -> None:
        eye, zero = np.eye(4), np.zeros((4, 4))
        side = max(self.mean[2], self.mean[3])
        go = np.block([[eye, dt * eye], [zero, eye]])
        noise = np.block([[dt**3 / 3 * eye, dt**2 / 2 * eye], [dt**2 / 2 * eye, dt * eye]])
        self.mean = go @ self.mean
        self.cov = go @ self.cov @ go.T + (ACCELERATION_STD * side) ** 2 * noise

    def correct(self, box: F64, doubt: float) -> None:
        see = np.hstack((np.eye(4), np.zeros((4, 4))))
        noise = (MEASUREMENT_STD * doubt * max(box[2], box[3])) ** 2 * np.eye(4)
        gain = self.cov @ see.T @ np.linalg.inv(see @ self.cov @ see.T + noise)
        self.mean = self.mean + gain @ (box - see @ self.mean)
        self.cov = self.cov - gain @ see @ self.cov


def centre_size(ltrb: NDArray[np.float32]) -> F64:
    left, top, right, bottom = ltrb.astype(np.float64)
    return np.stack(((left + right) / 2, (top + bottom) / 2, right - left, bottom - top), axis=1)


@settings(deadline=None)
@given(st.lists(st.tuples(steps, st.integers(-30, 30), st.integers(0, 10), doubts), max_size=8))
def test_every_filter_is_the_textbooks(moves: list[tuple[float, int, int, float]]) -> None:
    motion = Motion.start(BOXES)
    books = [Textbook(box) for box in centre_size(BOXES)]
    boxes = BOXES.copy()
    for dt_s, across, wider, doubt in moves:
        boxes += np.array([[across], [0], [across + wider], [0]], np.float32)
        motion.predict(dt_s)
        motion.correct(EVERY, boxes, np.full(2, doubt))
        for book, box in zip(books, centre_size(boxes), strict=True):
            book.predict(dt_s)
            book.correct(box, doubt)
    for row, book in enumerate(books):
        np.testing.assert_allclose(motion.position[:, row], book.mean[:4], rtol=1e-6, atol=1e-6)
        np.testing.assert_allclose(motion.velocity[:, row], book.mean[4:], rtol=1e-6, atol=1e-5)
        np.testing.assert_allclose(motion.var_position[row], book.cov[0, 0], rtol=1e-6)
        np.testing.assert_allclose(motion.covariance[row], book.cov[0, 4], rtol=1e-6, atol=1e-6)
        np.testing.assert_allclose(motion.var_velocity[row], book.cov[7, 7], rtol=1e-6)


@settings(deadline=None)
@given(st.floats(0.05, 2.0), st.integers(2, 30))
def test_many_small_predictions_are_one_large_one(total_s: float, pieces: int) -> None:
    whole, cut = Motion.start(BOXES), Motion.start(BOXES)
    for motion in (whole, cut):
        motion.velocity += np.array([[30.0], [-20.0], [0.0], [0.0]])
    whole.predict(total_s)
    for _ in range(pieces):
        cut.predict(total_s / pieces)
    np.testing.assert_allclose(cut.position, whole.position, rtol=1e-9)
    np.testing.assert_allclose(cut.var_position, whole.var_position, rtol=1e-9)
    np.testing.assert_allclose(cut.covariance, whole.covariance, rtol=1e-9)
    np.testing.assert_allclose(cut.var_velocity, whole.var_velocity, rtol=1e-9)


def test_it_learns_the_velocity_of_what_it_sees() -> None:
    motion = Motion.start(BOXES)
    for number in range(1, 20):
        motion.predict(0.1)
        motion.correct(EVERY, BOXES + np.float32(number * 5), SURE)
    motion.predict(1.0)
    np.testing.assert_allclose(motion.ltrb(), BOXES + (19 * 5 + 50), atol=3.0)


def test_who_is_not_seen_keeps_its_size_and_goes_on() -> None:
    motion = Motion.start(BOXES)
    motion.velocity[:] = np.array([[10.0], [0.0], [-20.0], [-40.0]])
    before = motion.keep(EVERY)
    motion.correct(np.array([False, True]), BOXES, SURE)
    np.testing.assert_array_equal(motion.position[:, 0], before.position[:, 0])
    np.testing.assert_array_equal(motion.var_position[0], before.var_position[0])
    motion.predict(1.0)
    assert motion.position[:, 0].tolist() == pytest.approx([40, 70, 40, 100])
    assert motion.position[2, 1] < 120


def test_where_nobody_is_seen_all_keep_their_size() -> None:
    motion = Motion.start(BOXES)
    motion.velocity[:] = -20.0
    motion.coast()
    assert motion.velocity.tolist() == [[-20.0, -20.0], [-20.0, -20.0], [0.0, 0.0], [0.0, 0.0]]


def test_no_prediction_is_turned_inside_out() -> None:
    motion = Motion.start(BOXES)
    motion.velocity[2:] = -1000.0
    motion.predict(1.0)
    boxes = motion.ltrb()
    assert (boxes[2:] > boxes[:2]).all()


def test_the_other_tracks_are_left_alone() -> None:
    motion = Motion.start(BOXES)
    motion.predict(0.5)
    before = motion.keep(EVERY)
    motion.correct(np.array([False, True]), BOXES + np.float32(10), SURE)
    for name in ("position", "velocity", "var_position", "covariance", "var_velocity"):
        np.testing.assert_array_equal(getattr(motion, name)[..., 0], getattr(before, name)[..., 0])
    assert motion.position[0, 1] > before.position[0, 1]


@pytest.mark.parametrize(("fps", "narrow"), [(5, False), (25, True)])
def test_margin_and_reach_follow_the_time_between_frames(fps: int, narrow: bool) -> None:
    motion = Motion.start(BOXES)
    for _ in range(2 * fps):
        motion.predict(1 / fps)
        motion.correct(EVERY, BOXES, SURE)
    motion.predict(1 / fps)
    sides = np.array([100.0, 120.0])
    assert (motion.gates_px()[0] < 0.02 * sides).all() == narrow
    assert (motion.gates_px()[1] < 0.3 * sides).all() == narrow
    motion.predict(60.0)
    np.testing.assert_allclose(motion.gates_px()[0], sides)
