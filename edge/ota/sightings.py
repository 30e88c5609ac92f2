"""What a network finds in frames, counted in blocks of some seconds for probation."""

import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from typing import Generic

import numpy as np

from edge.infer.port import Found, Model
from edge.ota.probation import Baseline, Block, summed_up
from edge.ota.serving import Trial
from models.areas import Areas
from models.detections import Detections

Measure = Callable[[Found], Mapping[str, float]]
"""How much of each class is in one picture: objects, or shares of it."""


class Sightings(Generic[Found]):
    """Told by the network's workers, asked by whoever judges; see `edge.infer.port.Observer`.

    Args:
        measure: of what is found.
        block_s: of a block.
        keep: blocks that are remembered, the latest ones.
        skip: blocks that are left out at first: an engine warms up.
        monotonic_s: the monotonic clock.
    """

    def __init__(
        self,
        measure: "Measure[Found]",
        block_s: float,
        keep: int,
        skip: int = 0,
        monotonic_s: Callable[[], float] = time.monotonic,
    ) -> None:
        self._measure = measure
        self._block_s = block_s
        self._skip = skip
        self._monotonic_s = monotonic_s
        self._lock = threading.Lock()
        self._blocks: deque[Block] = deque(maxlen=keep)
        self._begun_s: float | None = None
        self._frames, self._worked_ns = 0, 0
        self._amounts: dict[str, float] = {}
        self._errors = 0

    def looked(self, found: Sequence[Found], worked_ns: int, /) -> None:
        """A batch was looked at."""
        amounts = [self._measure(one) for one in found]
        now_s = self._monotonic_s()
        with self._lock:
            self._begun_s = now_s if self._begun_s is None else self._begun_s
            self._frames += len(found)
            self._worked_ns += worked_ns
            for one in amounts:
                for name, amount in one.items():
                    self._amounts[name] = self._amounts.get(name, 0.0) + amount
            if now_s - self._begun_s >= self._block_s:
                self._close(now_s)

    def failed(self, error: BaseException, /) -> None:
        """The network failed on a batch."""
        with self._lock:
            self._errors += 1

    @property
    def baseline(self) -> Baseline:
        """What was found in the blocks that are remembered."""
        with self._lock:
            blocks = list(self._blocks)
        return summed_up(blocks)

    @property
    def trial(self) -> Trial:
        """The same, with how often the network failed."""
        with self._lock:
            blocks, errors = list(self._blocks), self._errors
        return Trial(summed_up(blocks), errors)

    def _close(self, now_s: float) -> None:
        if self._skip:
            self._skip -= 1
        else:
            self._blocks.append(Block(self._frames, self._amounts, self._worked_ns / 1e9))
        self._begun_s, self._frames, self._worked_ns, self._amounts = now_s, 0, 0, {}


def objects_of(model: Model, threshold: float) -> "Measure[Detections]":
    """Counts objects by class, from the confidence on at which the model is sure of them.

    Args:
        model: that finds them.
        threshold: of confidence, in [0, 1].
    """
    classes = model.manifest.classes

    def measure(found: Detections) -> Mapping[str, float]:
        sure = found.class_id[found.confidence >= threshold]
        ids, counts = np.unique(sure, return_counts=True)
        return {classes[one]: float(n) for one, n in zip(ids.tolist(), counts, strict=True)}

    return measure


def areas_of(model: Model) -> "Measure[Areas]":
    """Adds up the share of the network's input that each class has."""
    classes = model.manifest.classes

    def measure(found: Areas) -> Mapping[str, float]:
        shares: dict[str, float] = {}
        for one in found.maps:
            ids, counts = np.unique(one, return_counts=True)
            for class_id, count in zip(ids.tolist(), counts.tolist(), strict=True):
                if class_id < len(classes):
                    name = classes[class_id]
                    shares[name] = shares.get(name, 0.0) + count / one.size
        return shares

    return measure
