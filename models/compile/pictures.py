"""Whether frames are pictures at all: whoever calibrates on noise gets a network for noise."""

from collections.abc import Sequence

import numpy as np

from models.detections import Image
from models.errors import MediaError

LEAST_LIKENESS = 0.5
"""Of neighbours in a picture; cameras at night have 0.7 and more, white noise has none."""

LEAST_CONTRAST = 2.0
"""Standard deviation of the grey levels, of 255; a lens cap has less."""


def require_pictures(frames: Sequence[Image]) -> None:
    """Return when most frames show something.

    Raises:
        MediaError: there are none, or more than half of them are noise or of one colour.
    """
    if not frames:
        raise MediaError("no frames: name a video or pictures of where the network will look")
    noisy = sum(likeness(frame) < LEAST_LIKENESS for frame in frames)
    empty = sum(float(frame.std()) < LEAST_CONTRAST for frame in frames)
    for count, what in ((empty, "of one colour"), (noisy, "noise: their pixels are unlike their "
                                                          "neighbours")):  # fmt: skip
        if count * 2 > len(frames):
            raise MediaError(
                f"{count} of {len(frames)} frames are {what}; name pictures of where the network "
                "will look"
            )


def likeness(frame: Image) -> float:
    """The correlation of pixels with those to their right, in [-1, 1]; 1 for one colour."""
    grey = frame.mean(axis=2, dtype=np.float32)
    left, right = grey[:, :-1].ravel(), grey[:, 1:].ravel()
    left, right = left - left.mean(), right - right.mean()
    scale = float(np.sqrt(np.dot(left, left) * np.dot(right, right)))
    return float(np.dot(left, right)) / scale if scale > 0 else 1.0
