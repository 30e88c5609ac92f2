"""A street before a camera, with exact truth: who was where, and how much of them was seen.

People walk on flat ground, 6 to 20 m from a camera that hangs 3 m high. They cross each other's
way, stop, hide behind posts and turn back there, meet and leave together. The world goes on in
ticks of a fiftieth of a second whatever the frame rate, so that one seed is the same recording
at 5 and at 25 frames a second. `street_detector` says what a detector makes of it.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter1d

F64 = NDArray[np.float64]
Rng = np.random.Generator

TICKS_PER_S = 50
WIDTH_PX, HEIGHT_PX = 1280.0, 720.0
FOCAL_PX, HORIZON_PX, CAMERA_HEIGHT_M = 900.0, 200.0, 3.0
NEAR_M, FAR_M = 6.0, 20.0
POST_M = 5.5
"""Distance of the posts: nobody walks before them."""
MIN_VISIBLE = 0.2
"""Of whom less is seen, truth asks nothing: no tracker can know."""
BODY = 0.85
"""Share of a box, each way, that a body covers of what is behind it."""

Path = Sequence[tuple[float, float, float]]
"""Where somebody is when: (s, m to the right, m from the camera), straight lines between."""


@dataclass(frozen=True, slots=True, eq=False)
class World:
    """P people over T ticks.

    Attributes:
        xyxy: (T, P, 4) float64, their whole boxes in px; NaN while somebody is not there.
        distance_m: (T, P) from the camera.
        posts: (K, 4) xyxy in px, in front of everybody.
    """

    xyxy: F64
    distance_m: F64
    posts: F64


@dataclass(frozen=True, slots=True, eq=False)
class View:
    """What the camera sees of a world in one tick; N people are in the picture.

    Attributes:
        person: (N,) their numbers.
        xyxy: (N, 4) float64, their boxes within the picture.
        visible: (N,) share of each box that nothing hides.
        seen_xyxy: (N, 4) the box around what is seen of each; the whole box where nothing is.
    """

    person: NDArray[np.intp]
    xyxy: F64
    visible: F64
    seen_xyxy: F64


def world(seed: int, duration_s: float, people: int) -> World:
    """A street with about so many people in all."""
    rng = np.random.default_rng(seed)
    posts = rng.uniform(-2.2, -0.8), rng.uniform(0.8, 2.2)
    scenes: tuple[Callable[[Rng, float, Sequence[float]], list[Path]], ...] = (
        _walks, _crossing, _stops, _hides, _group,
    )  # fmt: skip
    paths: list[Path] = []
    while len(paths) < people:
        scene = scenes[len(paths) % len(scenes)]
        paths += scene(rng, rng.uniform(0, duration_s - 5), posts)
    boxes, distance_m = zip(*(_seen(path, duration_s, rng) for path in paths), strict=True)
    outlines = [_box(x, POST_M, w / 2, 4.0) for x, w in zip(posts, (0.9, 0.5), strict=True)]
    return World(np.stack(boxes, axis=1), np.stack(distance_m, axis=1), np.array(outlines))


def view(of: World, tick: int) -> View:
    """What is seen in one tick."""
    span = np.array((WIDTH_PX, HEIGHT_PX))
    centre = (of.xyxy[tick, :, :2] + of.xyxy[tick, :, 2:]) / 2
    person = ((centre > 0) & (centre < span)).all(axis=1).nonzero()[0]
    whole = of.xyxy[tick, person]
    xyxy = np.clip(whole, 0, np.tile(span, 2))
    points = _grid(xyxy)
    margin = (1 - BODY) / 2 * np.tile(whole[:, 2:] - whole[:, :2], 2) * (1, 1, -1, -1)
    hidden = np.any(_within(points, of.posts), axis=2)
    nearer = of.distance_m[tick, person] < of.distance_m[tick, person][:, None]
    hidden |= (_within(points, whole + margin) & nearer[:, None]).any(axis=2)
    return View(person, xyxy, 1 - hidden.mean(axis=1), _around(points, ~hidden, xyxy))


def _grid(xyxy: F64) -> F64:
    """(N, 60, 2), points spread over boxes."""
    across, down = np.meshgrid((np.arange(6) + 0.5) / 6, (np.arange(10) + 0.5) / 10)
    share = np.stack((across.ravel(), down.ravel()), axis=1)
    return xyxy[:, None, :2] + share * (xyxy[:, 2:] - xyxy[:, :2])[:, None]


def _within(points: F64, boxes: F64) -> NDArray[np.bool_]:
    """(N, 60, M), which points are in which boxes."""
    at = points[:, :, None]
    inside = (at > boxes[:, :2]) & (at < boxes[:, 2:])
    return np.asarray(inside.all(axis=3), np.bool_)


def _around(points: F64, seen: NDArray[np.bool_], xyxy: F64) -> F64:
    """(N, 4), boxes around the points that are seen, grown by half the grid's step."""
    half = (xyxy[:, 2:] - xyxy[:, :2]) / (12, 20)
    low = np.where(seen[:, :, None], points, np.inf).min(axis=1) - half
    high = np.where(seen[:, :, None], points, -np.inf).max(axis=1) + half
    return np.where(np.any(seen, axis=1)[:, None], np.concatenate((low, high), axis=1), xyxy)


def _seen(path: Path, duration_s: float, rng: Rng) -> tuple[F64, F64]:
    """Boxes (T, 4) and distances (T,) of somebody on a path: smoothed, with a swaying gait."""
    now = np.arange(round(duration_s * TICKS_PER_S)) / TICKS_PER_S
    when, x, z = np.array(path).T
    x, z = (gaussian_filter1d(np.interp(now, when, at), 0.3 * TICKS_PER_S) for at in (x, z))
    tall_m, wide_m, phase = rng.uniform(1.5, 1.95), rng.uniform(0.5, 0.7), rng.uniform(0, 6.28)
    stride = np.sin(np.cumsum(np.hypot(np.gradient(x), np.gradient(z))) * 4.5 + phase)
    boxes = _box(x + 0.03 * stride, z, wide_m / 2 * (1 + 0.2 * stride), tall_m)
    boxes[(now < when[0]) | (now > when[-1])] = np.nan
    return boxes, z


def _box(x: F64 | float, z: F64 | float, half_m: F64 | float, tall_m: float) -> F64:
    """(..., 4) xyxy in px of something that stands on the ground."""
    scale = FOCAL_PX / np.asarray(z)
    feet = HORIZON_PX + scale * CAMERA_HEIGHT_M
    left, right = (WIDTH_PX / 2 + scale * (x + side) for side in (-half_m, half_m))
    return np.stack(np.broadcast_arrays(left, feet - scale * tall_m, right, feet), axis=-1)


def _edge_m(z: float) -> float:
    """How far from the middle the picture ends, and half a metre more."""
    return WIDTH_PX / 2 / FOCAL_PX * z + 0.5


def _speed(rng: Rng) -> float:
    return rng.uniform(0.9, 1.8)


def _across(start_s: float, z: float, side: int, speed: float, drift_m: float = 0.0) -> Path:
    """From one edge of the picture to the other."""
    far = _edge_m(z)
    return [(start_s, -side * far, z), (start_s + 2 * far / speed, side * far, z + drift_m)]


def _walks(rng: Rng, start_s: float, _: Sequence[float]) -> list[Path]:
    z = rng.uniform(NEAR_M + 2, FAR_M)
    return [_across(start_s, z, rng.choice((-1, 1)), _speed(rng), rng.uniform(-2, 2))]


def _crossing(rng: Rng, start_s: float, _: Sequence[float]) -> list[Path]:
    """Two who come from both sides and pass closely."""
    z = rng.uniform(NEAR_M, FAR_M)
    return [
        _across(start_s + rng.uniform(0, 1), z + gap, side, _speed(rng))
        for side, gap in ((1, 0.0), (-1, rng.uniform(0.3, 1.0)))
    ]


def _stops(rng: Rng, start_s: float, _: Sequence[float]) -> list[Path]:
    """Comes, stands for a while, and goes on or back."""
    z, side, speed = rng.uniform(NEAR_M + 1, FAR_M), rng.choice((-1, 1)), _speed(rng)
    far, x = _edge_m(z), rng.uniform(-2, 2)
    stop_s = start_s + (far + side * x) / speed
    go_s = stop_s + rng.uniform(4, 15)
    out = rng.choice((-1, 1))
    return [[(start_s, -side * far, z), (stop_s, x, z), (go_s, x, z),
             (go_s + (far - out * x) / speed, out * far, z)]]  # fmt: skip


def _hides(rng: Rng, start_s: float, posts: Sequence[float]) -> list[Path]:
    """Waits behind a post, out of sight, and goes on or back."""
    z, side, speed = rng.uniform(NEAR_M + 1, 14), rng.choice((-1, 1)), _speed(rng)
    x = rng.choice(posts) * z / POST_M
    far = _edge_m(z)
    stop_s = start_s + (far + side * x) / speed
    go_s = stop_s + rng.uniform(0.3, 1.2)
    out = side if rng.uniform() < 0.7 else -side
    return [[(start_s, -side * far, z), (stop_s, x, z), (go_s, x, z),
             (go_s + (far - out * x) / speed, out * far, z)]]  # fmt: skip


def _group(rng: Rng, start_s: float, _: Sequence[float]) -> list[Path]:
    """Two or three who meet, stand together, and leave together."""
    z, x = rng.uniform(NEAR_M + 2, FAR_M - 3), rng.uniform(-2, 2)
    far, out, pace = _edge_m(z) + 1, rng.choice((-1, 1)), _speed(rng)
    speeds = [_speed(rng) for _ in range(rng.integers(2, 4))]
    go_s = start_s + (far + 2) / min(speeds) + rng.uniform(3, 8)
    paths: list[Path] = []
    for place, speed in enumerate(speeds):
        at, deep, side = x + 0.55 * place, z + rng.uniform(-0.4, 0.4), rng.choice((-1, 1))
        stop_s, end_s = start_s + (far + side * at) / speed, go_s + (far - out * at) / pace
        stands = [(stop_s, at, deep), (go_s, at, deep)]
        paths.append([(start_s, -side * far, deep), *stands, (end_s, out * far, deep)])
    return paths
