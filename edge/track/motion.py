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
    """The filters of N tracks; row i of every array belongs to track i.

    Attributes:
        position: (N, 4) float64, centre x, centre y, width, height in px.
        velocity: (N, 4) float64, of the position, px/s.
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
    def start(cls, xyxy: NDArray[np.float32]) -> "Motion":
        """Filters that know one box each, (N, 4) in px, and nothing of its velocity."""
        position = _centre_size(xyxy)
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
        noise = (ACCELERATION_STD * _longer_side(self.position)) ** 2
        self.position += dt_s * self.velocity
        np.maximum(self.position[:, 2:], MIN_SIDE_PX, out=self.position[:, 2:])
        self.var_position += dt_s * (2 * self.covariance + dt_s * self.var_velocity)
        self.var_position += noise * (dt_s**3 / 3)
        self.covariance += dt_s * self.var_velocity + noise * (dt_s**2 / 2)
        self.var_velocity += noise * dt_s

    def correct(self, rows: NDArray[np.intp], xyxy: NDArray[np.float32], doubt: F64) -> None:
        """Take in what was seen: box k, (K, 4) in px, is of track `rows[k]`.

        Args:
            rows: (K,) of the tracks.
            xyxy: (K, 4) in px.
            doubt: (K,) by how much each box trembles more than a sure one, 1 or more.
        """
        measured = _centre_size(xyxy)
        variance, covariance = self.var_position[rows], self.covariance[rows]
        certainty = 1 / (variance + (MEASUREMENT_STD * doubt * _longer_side(measured)) ** 2)
        gain, velocity_gain = variance * certainty, covariance * certainty
        surprise = measured - self.position[rows]
        self.position[rows] += gain[:, None] * surprise
        self.velocity[rows] += velocity_gain[:, None] * surprise
        self.var_position[rows] = (1 - gain) * variance
        self.covariance[rows] = (1 - gain) * covariance
        self.var_velocity[rows] -= velocity_gain * covariance

    def hold_size(self, rows: NDArray[np.bool_]) -> None:
        """Let these tracks coast with the size they have.

        An object shrinks while it disappears behind another; extrapolated, it would vanish.
        """
        self.velocity[rows, 2:] = 0.0

    def xyxy(self) -> NDArray[np.float32]:
        """(N, 4), the boxes that the filters expect, in px."""
        half = self.position[:, 2:] / 2
        boxes = np.empty(self.position.shape, np.float32)
        np.subtract(self.position[:, :2], half, out=boxes[:, :2], casting="same_kind")
        np.add(self.position[:, :2], half, out=boxes[:, 2:], casting="same_kind")
        return boxes

    def margin_px(self) -> F64:
        """(N,) by how much each box grows, each way, before it is compared: one side at most."""
        side = _longer_side(self.position)
        return np.minimum(MARGIN_STDS * np.sqrt(self.var_position), side)

    def reach_px(self) -> F64:
        """(N,) how far from the predicted centre each track can be seen."""
        noise = (MEASUREMENT_STD * _longer_side(self.position)) ** 2
        return REACH_STDS * np.sqrt(self.var_position + noise)

    def keep(self, rows: NDArray[np.bool_]) -> "Motion":
        """The filters of some of the tracks."""
        return Motion(*(getattr(self, field.name)[rows] for field in fields(self)))

    def joined(self, other: "Motion") -> "Motion":
        """These filters, then the other ones."""
        return Motion(
            *(
                np.concatenate((getattr(self, field.name), getattr(other, field.name)))
                for field in fields(self)
            )
        )


def _centre_size(xyxy: NDArray[np.float32]) -> F64:
    boxes = np.empty(xyxy.shape, np.float64)
    np.subtract(xyxy[:, 2:], xyxy[:, :2], out=boxes[:, 2:])
    np.add(xyxy[:, 2:], xyxy[:, :2], out=boxes[:, :2])
    boxes[:, :2] *= 0.5
    return boxes


def _longer_side(position: F64) -> F64:
    return np.maximum(position[:, 2], position[:, 3])
