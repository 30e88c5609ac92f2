"""Where boxes will be: a constant-velocity Kalman filter for every track, all at once.

A track's state is centre and size, (cx, cy, w, h), and their velocities in px/s. The noise of
all four coordinates is the same share of the object's longer side, as in ByteTrack where it
is a share of the height; the four filters then share one covariance, and the 8x8 matrices of the
textbook shrink to three numbers a track: var(position), cov(position, velocity), var(velocity).

Process noise is continuous white-noise acceleration (Bar-Shalom, Li and Kirubarajan, "Estimation
with Applications to Tracking and Navigation", 2001, section 6.2): predicting by one second, or
ten times by a tenth, gives the same filter, so the frame rate does not matter.
"""

from dataclasses import dataclass, fields

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


@dataclass(slots=True)
class Motion:
    """The filters of N tracks; column i of every array belongs to track i.

    The tracks are the last axis, so that each coordinate of all of them lies together: with some
    tens of tracks the number of calls is what counts, and none of them jumps about in memory.

    Attributes:
        position: (4, N) float64, centre x, centre y, width, height in px.
        velocity: (4, N) float64, of the position, px/s.
        var_position: (N,) float64, px^2.
        covariance: (N,) float64, of position and velocity, px^2/s.
        var_velocity: (N,) float64, px^2/s^2.
    """

    position: F64
    velocity: F64
    var_position: F64
    covariance: F64
    var_velocity: F64

    @classmethod
    def start(cls, ltrb: F32) -> "Motion":
        """Filters that know one box each, (4, N) in px, and nothing of its velocity."""
        position = _centre_size(ltrb)
        side = _longer_side(position)
        return cls(
            position,
            np.zeros_like(position),
            (MEASUREMENT_STD * side) ** 2,
            np.zeros_like(side),
            (INITIAL_SPEED_STD * side) ** 2,
        )

    def predict(self, dt_s: float) -> None:
        """Go `dt_s` >= 0 seconds ahead."""
        noise = _longer_side(self.position)
        noise *= ACCELERATION_STD
        noise *= noise
        self.position += dt_s * self.velocity
        size = self.position[2:]
        np.maximum(size, MIN_SIDE_PX, out=size)
        gained = dt_s * self.var_velocity
        self.var_position += dt_s * (2 * self.covariance + gained)
        self.var_position += noise * (dt_s**3 / 3)
        self.covariance += gained + noise * (dt_s**2 / 2)
        self.var_velocity += noise * dt_s

    def correct(self, is_seen: Mask, ltrb: F32, doubt: F64) -> None:
        """Take in what was seen; who was not seen coasts with the size it has.

        An object shrinks while it disappears behind another; extrapolated, it would vanish.

        Args:
            is_seen: (N,) of the tracks.
            ltrb: (4, N) in px, the box of each track that is seen, any finite one for the others.
            doubt: (N,) by how much each box trembles more than a sure one, 1 or more.
        """
        surprise = _centre_size(ltrb)
        noise = MEASUREMENT_STD * doubt * _longer_side(surprise)
        noise *= noise
        noise += self.var_position
        surprise -= self.position
        # Who was not seen gains nothing, so that all are corrected at once.
        certainty = is_seen / noise
        gain, velocity_gain = self.var_position * certainty, self.covariance * certainty
        self.position += gain * surprise
        self.velocity += velocity_gain * surprise
        self.velocity[2:] *= is_seen
        self.var_velocity -= velocity_gain * self.covariance
        np.subtract(1.0, gain, out=gain)
        self.var_position *= gain
        self.covariance *= gain

    def coast(self) -> None:
        """Nobody was seen: all tracks keep their size, as in `correct`."""
        self.velocity[2:] = 0.0

    def rest(self, waits: Mask, ltrb: F32) -> None:
        """Let these tracks, (N,), stand where the boxes (4, N) are, as if just seen there."""
        anew = Motion.start(ltrb)
        for field in fields(self):
            np.copyto(getattr(self, field.name), getattr(anew, field.name), where=waits)

    def ltrb(self) -> F32:
        """(4, N), the boxes that the filters expect, in px."""
        centre, half = self.position[:2], self.position[2:] * 0.5
        boxes = np.empty(self.position.shape, np.float32)
        np.subtract(centre, half, out=boxes[:2], casting="same_kind")
        np.add(centre, half, out=boxes[2:], casting="same_kind")
        return boxes

    def gates_px(self) -> tuple[F32, F32]:
        """By how much each box grows, each way, before it is compared, and how far it reaches.

        Returns:
            margin: (N,), one side at most.
            reach: (N,), how far from the predicted centre each track can be seen.
        """
        side = _longer_side(self.position)
        margin = np.sqrt(self.var_position)
        margin *= MARGIN_STDS
        np.minimum(margin, side, out=margin)
        side *= MEASUREMENT_STD
        side *= side
        side += self.var_position
        reach = np.sqrt(side, out=side)
        reach *= REACH_STDS
        return margin.astype(np.float32), reach.astype(np.float32)

    def keep(self, columns: Mask) -> "Motion":
        """The filters of some of the tracks."""
        return Motion(*(getattr(self, field.name)[..., columns] for field in fields(self)))

    def joined(self, other: "Motion") -> "Motion":
        """These filters, then the other ones."""
        return Motion(
            *(
                np.concatenate((getattr(self, field.name), getattr(other, field.name)), axis=-1)
                for field in fields(self)
            )
        )


def _centre_size(ltrb: F32) -> F64:
    boxes = np.empty(ltrb.shape, np.float64)
    low, high, centre = ltrb[:2], ltrb[2:], boxes[:2]
    np.subtract(high, low, out=boxes[2:])
    np.add(high, low, out=centre)
    centre *= 0.5
    return boxes


def _longer_side(position: F64) -> F64:
    side: F64 = np.maximum(position[2], position[3])
    return side
