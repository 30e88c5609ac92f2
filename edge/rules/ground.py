"""Where on the ground objects stand, and how fast they move there.

Four points of a plane and their places in a picture fix the homography between the two (Hartley
and Zisserman, "Multiple View Geometry in Computer Vision", 2nd ed., 4.1).
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from edge.rules.fields import ANCHORS
from edge.rules.objects import F64, Objects, Sight
from edge.rules.shapes import GroundSettings
from edge.rules.trail import Trail

_FEET = ANCHORS.index("bottom-centre")


class Homography:
    """The view of a plane.

    Args:
        picture: four points (x, y), no three of them in one line.
        plane: where they are on the plane.
    """

    def __init__(
        self, picture: Sequence[tuple[float, float]], plane: Sequence[tuple[float, float]]
    ) -> None:
        # About their middle, so that an origin far away costs no digits.
        middle = np.mean(plane, axis=0)
        rows = []
        for (x, y), (u, v) in zip(picture, np.array(plane) - middle, strict=True):
            rows += [
                [x, y, 1, 0, 0, 0, -x * u, -y * u, -u],
                [0, 0, 0, x, y, 1, -x * v, -y * v, -v],
            ]
        # What the eight rows take to zero; no coefficient is presumed to be another than zero, as
        # the last one is where the horizon goes through the picture's origin.
        matrix = np.linalg.svd(np.array(rows))[2][-1].reshape(3, 3)
        # One sign on the visible side of the horizon, where the four points are.
        self._matrix: F64 = matrix * np.sign(matrix[2] @ (*picture[0], 1.0))
        self._middle = middle

    def to_plane(self, points: F64) -> F64:
        """(S, 2) on the plane for (S, 2) in the picture; NaN on the horizon and beyond it."""
        turned = points @ self._matrix[:, :2].T + self._matrix[:, 2]
        depth = np.where(turned[:, 2:] > 0.0, turned[:, 2:], np.nan)
        places: F64 = turned[:, :2] / depth + self._middle
        return places


class Ground:
    """Places and speeds of a camera's objects on the ground.

    Args:
        settings: the four points, and the window of speeds.
    """

    def __init__(self, settings: GroundSettings) -> None:
        self._view = Homography(settings.points, settings.metres)
        self._trail = Trail(2, settings.window_s)

    def grow(self, count: int) -> None:
        """There are `count` more objects."""
        self._trail.grow(count)

    def keep(self, columns: NDArray[np.bool_]) -> None:
        """Forget the objects whose column is False."""
        self._trail.keep(columns)

    def step(self, sight: Sight, objects: Objects) -> tuple[F64, F64]:
        """Where those that are seen stand, (S, 2) m, and their speeds, (S,) m/s; NaN: not known.

        Known speeds are kept in `objects` as well, until others are known. A box that is cut off
        by the lower edge of the picture shows no feet, so nothing is known of where they stand.
        """
        has_feet = objects.ltrb[3, sight.columns] < 1.0
        places = self._view.to_plane(np.where(has_feet[:, None], sight.after[_FEET], np.nan))
        self._trail.see(sight.now_ns, sight.columns, places.T)
        velocity = self._trail.mean_slopes(sight.now_ns, sight.columns)
        speeds_mps: F64 = np.hypot(velocity[0], velocity[1])
        is_known = ~np.isnan(speeds_mps)
        objects.speed_mps[sight.columns[is_known]] = speeds_mps[is_known]
        return places, speeds_mps
