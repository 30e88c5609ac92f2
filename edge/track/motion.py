"""Where boxes will be: a constant-velocity Kalman filter for every track, all at once.

A track's state is centre and size, (cx, cy, w, h), and their velocities in px/s. The noise of
all four coordinates is the same share of the object's longer side, as in ByteTrack where it
is a share of the height; the four filters then share one covariance, and the 8x8 matrices of the
textbook shrink to three numbers a track: var(position), cov(position, velocity), var(velocity).

Process noise is continuous white-noise acceleration (Bar-Shalom, Li and Kirubarajan, "Estimation
with Applications to Tracking and Navigation", 2001, section 6.2): predicting by one second, or
ten times by a tenth, gives the same filter, so the frame rate does not matter.
"""

import numpy as np
from numpy.typing import NDArray

F64 = NDArray[np.float64]
F32 = NDArray[np.float32]
Mask = NDArray[np.bool_]

MEASUREMENT_STD = 0.05
"""Standard deviation of a sure box's edge, in longer sides of the box (ByteTrack: 1/20)."""

ACCELERATION_STD = 0.7
"""Square root of the acceleration's spectral density, in longer sides / s^1.5: a person
reaches walking pace, 0.7 body heights a second, within a second."""

INITIAL_SPEED_STD = 2.0
"""Standard deviation of an unknown velocity, in longer sides / s (ByteTrack: 10/160 a frame)."""

MIN_SIDE_PX = 1.0
"""No prediction is smaller than a pixel."""

MARGIN_STDS = 0.5
"""By so many standard deviations of a prediction boxes grow before they are compared."""

REACH_STDS = 4.0
"""A box further than that from its prediction would be an impossible jump: one in 3,000 would be
refused wrongly, were the errors Gaussian (two coordinates, chi-square of 16)."""


class Motion:
    """The filters of N tracks; column i of every array belongs to track i.

    The tracks are the last axis, so that each coordinate of all of them lies together: with some
    tens of tracks the number of calls is what counts, and none of them jumps about in memory.
    For the same reason all is one table, and every attribute a part of it: what several of them
    need alike is done to all at once.

    Args:
        table: (11, N) float64, the rows of all attributes in this order.

    Attributes:
        position: (4, N) float64, centre x, centre y, width, height in px.
        velocity: (4, N) float64, of the position, px/s.
        var_position: (N,) float64, px^2.
        covariance: (N,) float64, of position and velocity, px^2/s.
        var_velocity: (N,) float64, px^2/s^2.
    """

    __slots__ = (
        "_centre", "_course", "_gaining", "_height", "_size", "_table", "_width",
        "covariance", "position", "var_position", "var_velocity", "velocity",
    )  # fmt: skip

    def __init__(self, table: F64) -> None:
        self._table = table = np.ascontiguousarray(table)
        self.position, self.velocity = table[:4], table[4:8]
        self.var_position, self.covariance, self.var_velocity = table[8:]
        self._centre, self._size = table[:2], table[2:4]
        self._width, self._height = self._size
        # What a measurement changes in the same way: position and velocity by its gains, and
        # what the gains follow from.
        self._course = table[:8].reshape(2, 4, table.shape[1])
        self._gaining = table[8:10]

    @classmethod
    def start(cls, ltrb: F32) -> "Motion":
        """Filters that know one box each, (4, N) in px, and nothing of its velocity."""
        motion = cls(np.zeros((_ROWS, ltrb.shape[1])))
        motion.position[:] = _centre_size(ltrb)
        side = motion.longer_side()
        motion.var_position[:] = (MEASUREMENT_STD * side) ** 2
        motion.var_velocity[:] = (INITIAL_SPEED_STD * side) ** 2
        return motion

    def predict(self, dt_s: float) -> None:
        """Go `dt_s` >= 0 seconds ahead."""
        noise = self.longer_side()
        noise *= ACCELERATION_STD
        noise *= noise
        self.position += dt_s * self.velocity
        np.maximum(self._size, MIN_SIDE_PX, out=self._size)
        gained = dt_s * self.var_velocity
        spread = 2 * self.covariance
        spread += gained
        spread *= dt_s
        self.var_position += spread
        self.var_position += noise * (dt_s**3 / 3)
        gained += noise * (dt_s**2 / 2)
        self.covariance += gained
        noise *= dt_s
        self.var_velocity += noise

    def correct(self, is_seen: Mask, ltrb: F32, doubt: F64) -> None:
        """Take in what was seen; who was not seen coasts with the size it has.

        An object shrinks while it disappears behind another; extrapolated, it would vanish.

        Args:
            is_seen: (N,) of the tracks.
            ltrb: (4, N) in px, the box of each track that is seen, any finite one for the others.
            doubt: (N,) by how much each box trembles more than a sure one, 1 or more.
        """
        surprise = _centre_size(ltrb)
        noise = MEASUREMENT_STD * doubt
        noise *= np.maximum(surprise[2], surprise[3])
        noise *= noise
        noise += self.var_position
        surprise -= self.position
        # Who was not seen gains nothing, so that all are corrected at once.
        share = is_seen.astype(np.float64)
        gains = self._gaining * (share / noise)
        self._course += gains[:, None] * surprise
        self.velocity[2:] *= share
        gain, velocity_gain = gains
        velocity_gain *= self.covariance
        self.var_velocity -= velocity_gain
        np.subtract(1.0, gain, gain)
        self._gaining *= gain

    def coast(self) -> None:
        """Nobody was seen: all tracks keep their size, as in `correct`."""
        self.velocity[2:] = 0.0

    def rest(self, waits: Mask, ltrb: F32) -> None:
        """Let these tracks, (N,), stand where the boxes (4, N) are, as if just seen there."""
        np.copyto(self._table, Motion.start(ltrb)._table, where=waits)

    def longer_side(self) -> F64:
        """(N,) px, width or height, whichever is more."""
        side: F64 = np.maximum(self._width, self._height)
        return side

    def ltrb(self) -> F32:
        """(4, N), the boxes that the filters expect, in px."""
        half = self._size * 0.5
        boxes = np.empty(self.position.shape, np.float32)
        np.subtract(self._centre, half, boxes[:2])
        np.add(self._centre, half, boxes[2:])
        return boxes

    def gates_px(self) -> F32:
        """By how much each box grows before it is compared, and how far it reaches.

        Returns:
            (2, N): the margin, one side at most, by which a box grows each way, and how far from
            the predicted centre each track can be seen.
        """
        side = self.longer_side()
        gates = _GATE_SIDES * side
        gates *= gates
        gates += self.var_position
        np.sqrt(gates, gates)
        gates *= _GATE_STDS
        np.minimum(gates[0], side, out=gates[0])
        return gates.astype(np.float32)

    def keep(self, columns: Mask) -> "Motion":
        """The filters of some of the tracks."""
        return Motion(self._table.compress(columns, axis=1))

    def joined(self, other: "Motion") -> "Motion":
        """These filters, then the other ones."""
        return Motion(np.concatenate((self._table, other._table), axis=1))


_ROWS = 11
_GATE_SIDES = np.array(((0.0,), (MEASUREMENT_STD,)))
_GATE_STDS = np.array(((MARGIN_STDS,), (REACH_STDS,)))
"""Of the margin and of the reach: how much of a side is noise, and how many deviations it is."""


def _centre_size(ltrb: F32) -> F64:
    boxes = np.empty(ltrb.shape, np.float64)
    low, high, centre = ltrb[:2], ltrb[2:], boxes[:2]
    np.subtract(high, low, out=boxes[2:])
    np.add(high, low, out=centre)
    centre *= 0.5
    return boxes
