"""Distances and positions on the Earth, on a sphere: good to 0.6 %, far below a receiver's error.

Haversine formula: R. W. Sinnott, "Virtues of the Haversine", Sky and Telescope 68 (1984).
"""

import math

EARTH_RADIUS_M = 6_371_008.8
"""Mean radius (IUGG)."""

_LEAST_COSINE = 1e-6  # a step along a parallel is not defined at the poles


def distance_m(
    latitude_deg: float, longitude_deg: float, other_latitude_deg: float, other_longitude_deg: float
) -> float:
    """Great-circle distance in m."""
    first, second = math.radians(latitude_deg), math.radians(other_latitude_deg)
    turn = math.radians(other_longitude_deg - longitude_deg)
    h = (
        math.sin((second - first) / 2) ** 2
        + math.cos(first) * math.cos(second) * math.sin(turn / 2) ** 2
    )
    return 2 * EARTH_RADIUS_M * math.asin(math.sqrt(min(1.0, h)))


def moved(
    latitude_deg: float, longitude_deg: float, heading_deg: float, way_m: float
) -> tuple[float, float]:
    """Latitude and longitude after a short way in a direction; a negative way goes back."""
    heading = math.radians(heading_deg)
    north_deg = math.degrees(way_m * math.cos(heading) / EARTH_RADIUS_M)
    cosine = max(_LEAST_COSINE, math.cos(math.radians(latitude_deg)))
    east_deg = math.degrees(way_m * math.sin(heading) / (EARTH_RADIUS_M * cosine))
    return max(-90.0, min(90.0, latitude_deg + north_deg)), wrapped(longitude_deg + east_deg)


def wrapped(angle_deg: float) -> float:
    """The same direction from -180 (included) to 180."""
    return (angle_deg + 180) % 360 - 180


def between(first_deg: float, second_deg: float, share: float) -> float:
    """The direction at a share of the shorter way from one to another, from -180 to 180."""
    return wrapped(first_deg + wrapped(second_deg - first_deg) * share)
