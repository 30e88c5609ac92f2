"""Whether anything moves before a camera, so that nothing is inferred where nothing does.

A picture is shrunk to a small grey one and compared with a background that follows slowly: what
differs by more than the place's own noise has moved. The model is a running mean and a running mean
deviation of each pixel (compare Stauffer and Grimson, "Adaptive background mixture models for
real-time tracking", CVPR 1999, with one mode instead of several):

- The background is brought to the picture's brightness first, by the median of their quotients, so
  a cloud is no motion. Where most of the picture has changed (a lamp, an infrared filter), the
  background begins anew, which opens the gate once and not for ever.
- A place that is never quiet, a tree or a flag, raises its own threshold within seconds. A
  deviation counts by no more than the threshold, so one who walks past hardly does.
- Brightness alone is looked at: who is as bright all over as what is behind them is found when a
  frame is let through for another reason.
- Whoever stands still becomes background after a while. That costs nobody's track: while tracks
  live, a frame is let through every `verify_s`, whatever moves.

Times are those of the frames.
"""

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from edge.capture.port import Frame
from edge.capture.settings import MotionSettings
from models.detections import Image

NS_PER_S = 1_000_000_000
F32 = NDArray[np.float32]

Shrink = Callable[[Image], NDArray[np.uint8]]
"""A picture as a small grey one, (h, w) uint8, always of the same size."""

FIRST_NOISE = 1.0
"""Levels of 255 by which a pixel of the small picture is taken to deviate at first."""

NOISE_FACTOR = 4.0
"""Mean deviations that are noise yet: 3.2 standard deviations, were it Gaussian."""

MAX_NOISE = 15.0
"""Levels; a place is never so restless that a change of a quarter of the scale is nothing there."""

GAP_S = 10.0
"""Without frames, after which the background is forgotten."""


class Background:
    """What a camera sees where nothing moves.

    Args:
        learn_s: within which it follows two thirds of a change.
        min_level: levels of 255 below which no difference counts.
        global_share: share of the pixels that changed, above which it is the light.
    """

    def __init__(self, learn_s: float, min_level: float, global_share: float) -> None:
        self._learn_s = learn_s
        self._min_level = min_level
        self._global_share = global_share
        self._mean: F32 = np.empty((0, 0), np.float32)
        self._noise: F32 = np.empty((0, 0), np.float32)

    def changed(self, grey: NDArray[np.uint8], dt_s: float | None) -> float:
        """Share of the pixels that differ from the background, 1 where it begins anew.

        Args:
            grey: (h, w) uint8.
            dt_s: since the picture before; None: there is none to compare with.
        """
        picture = grey.astype(np.float32)
        if dt_s is None or picture.shape != self._mean.shape:
            return self._begin(picture)
        self._mean *= _gain(picture, self._mean)
        away = picture - self._mean
        far = np.abs(away)
        threshold = self._noise * NOISE_FACTOR
        threshold += self._min_level
        share: float = np.count_nonzero(far > threshold) / far.size
        if share > self._global_share:
            return self._begin(picture)
        rate = 1 - math.exp(-dt_s / self._learn_s)
        away *= rate
        self._mean += away
        np.minimum(far, threshold, out=far)
        far -= self._noise
        far *= rate
        self._noise += far
        np.minimum(self._noise, MAX_NOISE, out=self._noise)
        return share

    def _begin(self, picture: F32) -> float:
        self._mean = picture
        self._noise = np.full(picture.shape, FIRST_NOISE, np.float32)
        return 1.0


def _gain(picture: F32, mean: F32) -> float:
    """By how much brighter a picture is than the background, on every third row and column."""
    quotients = picture[::3, ::3] / np.maximum(mean[::3, ::3], 1.0)
    return min(max(float(np.median(quotients)), 0.25), 4.0)


class MotionGate:
    """Lets the frames of a live camera through that are worth inferring.

    These are those in which something moves, and those of `linger_s` after it, in which the
    tracker gets to know who has come; one every `verify_s` while somebody is known, and one every
    `idle_s` where nobody is. What is told of who stands still is therefore `verify_s` and one
    frame late at most.

    The thread that reads calls `takes`, the one that tracks `tell`.

    Args:
        settings: seconds and levels.
        shrink: makes pictures small.
    """

    def __init__(self, settings: MotionSettings, shrink: Shrink) -> None:
        self._settings = settings
        self._shrink = shrink
        self._background = Background(settings.learn_s, settings.min_level, settings.global_share)
        self._seen_ns: int | None = None
        self._taken_ns = 0
        self._moved_ns = 0
        # Of the thread that tracks: whether tracks live, and when somebody was last unknown.
        self._is_inhabited = False
        self._doubted_ns = 0

    def takes(self, frame: Frame) -> bool:
        """True where the frame is to be inferred; each frame is asked about once, in order."""
        now_ns, settings = frame.captured_ns, self._settings
        share = self._background.changed(self._shrink(frame.image), self._since_last_s(now_ns))
        if share >= settings.min_area:
            self._moved_ns = now_ns
        open_ns = now_ns - max(self._moved_ns, self._doubted_ns)
        wait_s = settings.verify_s if self._is_inhabited else settings.idle_s
        wanted = (
            open_ns <= settings.linger_s * NS_PER_S or now_ns - self._taken_ns >= wait_s * NS_PER_S
        )
        if wanted:
            self._taken_ns = now_ns
        return wanted

    def tell(self, captured_ns: int, living: int, tentative: int) -> None:
        """What the tracker knows after a frame.

        Args:
            captured_ns: of the frame.
            living: tracks that count, in sight or lost.
            tentative: tracks that do not count yet: they are looked at until they do, or end.
        """
        self._is_inhabited = living > 0
        if tentative:
            self._doubted_ns = captured_ns

    def _since_last_s(self, now_ns: int) -> float | None:
        """Time since the frame before; None where it was long ago, or time ran backwards."""
        before_ns, self._seen_ns = self._seen_ns, now_ns
        if before_ns is None or not 0 <= now_ns - before_ns <= GAP_S * NS_PER_S:
            self._taken_ns = self._moved_ns = self._doubted_ns = 0
            return None
        return (now_ns - before_ns) / NS_PER_S
