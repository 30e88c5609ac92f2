"""What a detector says of the street: boxes that tremble, are missed, doubled, or of nothing.

Its errors live in time, as a real detector's do: who is missed in one picture is likely to be
missed in the next one a twenty-fifth of a second later, and unlikely a fifth of a second later.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.signal import lfilter

from models.detections import Detections
from models.nms import nms
from tests.support.street import (
    F64,
    HEIGHT_PX,
    MIN_VISIBLE,
    TICKS_PER_S,
    WIDTH_PX,
    Rng,
    View,
    view,
    world,
)

START_NS = 1_700_000_000_000_000_000
NMS_IOU = 0.65
LEAST_SCORE = 0.1
STATIC_FALSE, GHOSTS_PER_S = 3, 0.5
MISSED_ALONE = 0.03
"""Share of sightings that are missed for no reason, besides bursts of misses."""


@dataclass(frozen=True, slots=True, eq=False)
class Shot:
    """One frame: what was there and what the detector said.

    Attributes:
        captured_ns: of the frame; the camera's clock trembles.
        person: (N,) who was there and to be seen.
        xyxy: (N, 4) float32, their boxes in px.
        detections: of the frame.
    """

    captured_ns: int
    person: NDArray[np.intp]
    xyxy: NDArray[np.float32]
    detections: Detections


@dataclass(frozen=True, slots=True, eq=False)
class _Errors:
    """A detector's errors over T ticks for P people, each steady for a while.

    Attributes:
        edges: (T, P, 4) of the edges, in heights.
        score: (T, P) of the score.
        cut: (T, P) how far a box shrinks to what is seen of a person, 0 to 1.
        missed: (T, P) bursts without any box.
        doubled: (T, P) bursts with a second box.
        false_score: (T, K) scores of the static false boxes.
    """

    edges: F64
    score: F64
    cut: F64
    missed: NDArray[np.bool_]
    doubled: NDArray[np.bool_]
    false_score: F64


def shots(seed: int, fps: float, *, duration_s: float = 60.0, people: int = 40) -> list[Shot]:
    """A recording: one seed is the same world and the same detector at any frame rate."""
    street = world(seed, duration_s, people)
    rng = np.random.default_rng((seed, 1))
    errors = _errors(rng, len(street.xyxy), street.xyxy.shape[1])
    bias = rng.normal(0, 0.05, (street.xyxy.shape[1],))
    false_boxes, ghosts = _false_boxes(rng, STATIC_FALSE), _ghosts(rng, len(street.xyxy))
    alone = np.random.default_rng((seed, 2, round(fps)))
    taken = []
    for tick in _ticks(alone, fps, len(street.xyxy)):
        seen = view(street, tick)
        boxes, score = _people(seen, errors, bias, tick, alone)
        shown = [(box, value) for begin, end, box, value in ghosts if begin <= tick < end]
        boxes += [*false_boxes, *(box for box, _ in shown)]
        score += [*errors.false_score[tick].tolist(), *(value for _, value in shown)]
        there = seen.visible >= MIN_VISIBLE
        taken.append(
            Shot(
                START_NS + tick * (1_000_000_000 // TICKS_PER_S),
                seen.person[there],
                seen.xyxy[there].astype(np.float32),
                _said(boxes, score, alone),
            )
        )
    return taken


def _ticks(rng: Rng, fps: float, ticks: int) -> list[int]:
    """Ticks of the frames, a fifth of a frame's time early or late."""
    count = int((ticks - 1) / TICKS_PER_S * fps)
    at = (np.arange(1, count) + rng.uniform(-0.2, 0.2, count - 1)) * TICKS_PER_S / fps
    ticks_of: list[int] = np.unique(np.round(at).astype(int)).tolist()
    return ticks_of


def _steady(rng: Rng, tau_s: float, shape: tuple[int, ...]) -> F64:
    """Noise of variance 1 that keeps its value for about `tau_s`: Ornstein and Uhlenbeck's."""
    keep = np.exp(-1 / (tau_s * TICKS_PER_S))
    fresh = rng.normal(0, 1, shape)
    fresh[1:] *= np.sqrt(1 - keep**2)
    noise: F64 = lfilter([1], [1, -keep], fresh, axis=0)
    return noise


def _bursts(rng: Rng, every_s: float, low_s: float, high_s: float, shape: tuple[int, int]) -> F64:
    """(T, P) bool as float: stretches of time, one in `every_s` on average."""
    active = np.zeros(shape)
    for tick, person in np.argwhere(rng.uniform(size=shape) < 1 / (every_s * TICKS_PER_S)):
        active[tick : tick + round(rng.uniform(low_s, high_s) * TICKS_PER_S), person] = 1
    return active


def _errors(rng: Rng, ticks: int, people: int) -> _Errors:
    shape = (ticks, people)
    slow, quick = (_steady(rng, tau_s, (*shape, 4)) for tau_s in (0.4, 0.02))
    return _Errors(
        edges=0.018 * slow + 0.012 * quick,
        score=0.10 * _steady(rng, 0.4, shape),
        cut=np.clip(0.4 + 0.6 * _steady(rng, 0.8, shape), 0, 1),
        missed=_bursts(rng, 15, 0.2, 0.6, shape) > 0,
        doubled=_bursts(rng, 12, 0.2, 1.2, shape) > 0,
        false_score=0.40 + 0.17 * _steady(rng, 1.0, (ticks, STATIC_FALSE)),
    )


def _people(
    seen: View, errors: _Errors, bias: F64, tick: int, alone: Rng
) -> tuple[list[F64], list[float]]:
    """Boxes and scores of who is in the picture, the second boxes of some included."""
    boxes, scores = [], []
    for person, whole, share, part in zip(
        seen.person, seen.xyxy, seen.visible, seen.seen_xyxy, strict=True
    ):
        score = 0.86 + bias[person] - 0.75 * (1 - share) ** 1.3 + errors.score[tick, person]
        if errors.missed[tick, person] or alone.uniform() < MISSED_ALONE or share < 0.05:
            continue
        cut = errors.cut[tick, person]
        box = (1 - cut) * whole + cut * part + errors.edges[tick, person] * (whole[3] - whole[1])
        boxes.append(box)
        scores.append(float(score))
        if errors.doubled[tick, person]:
            boxes.append(_second(box, int(person)))
            scores.append(float(score) - 0.2 + alone.normal(0, 0.08))
    return boxes, scores


def _second(box: F64, person: int) -> F64:
    """A second box of one person: the upper body, or beside the first one."""
    wide, high = box[2:] - box[:2]
    moves = ((0, 0, 0, -0.45 * high), (0.3 * wide, 0, 0.3 * wide, 0.1 * high))
    moved: F64 = box + np.array(moves[person % 2])
    return moved


def _false_boxes(rng: Rng, count: int) -> F64:
    """(count, 4) boxes of bushes and signs."""
    corner = rng.uniform((0, 150), (WIDTH_PX - 100, HEIGHT_PX - 200), (count, 2))
    size = rng.uniform((40, 90), (80, 200), (count, 2))
    boxes: F64 = np.concatenate((corner, corner + size), axis=1)
    return boxes


def _ghosts(rng: Rng, ticks: int) -> list[tuple[int, int, F64, float]]:
    """Boxes of nothing that stay for a moment: first tick, last one, where, and how sure."""
    count = rng.poisson(GHOSTS_PER_S * ticks / TICKS_PER_S)
    begin = rng.integers(0, ticks, count)
    end = begin + np.round(rng.uniform(0.04, 0.4, count) * TICKS_PER_S).astype(int)
    score = rng.normal(0.45, 0.15, count)
    boxes = _false_boxes(rng, count)
    return [*zip(begin.tolist(), end.tolist(), boxes, score.tolist(), strict=True)]


def _said(boxes: Sequence[F64], scores: Sequence[float], alone: Rng) -> Detections:
    """The detections after the suppression of overlaps, within the picture."""
    xyxy = np.array(boxes).reshape(-1, 4)
    xyxy += alone.normal(0, 1.0, xyxy.shape)
    np.clip(xyxy, 0, (WIDTH_PX, HEIGHT_PX) * 2, out=xyxy)
    score = np.clip(np.array(scores), 0, 0.99).astype(np.float32)
    large = (xyxy[:, 2:] - xyxy[:, :2] > 4).all(axis=1) & (score >= LEAST_SCORE)
    found = Detections(
        xyxy[large].astype(np.float32), score[large], np.zeros(int(large.sum()), np.int32)
    )
    return found[nms(found.xyxy, found.confidence, found.class_id, NMS_IOU)]
