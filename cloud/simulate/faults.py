"""Duplicates and disorder, on purpose: when the copies of a batch go out. No I/O."""

import random

_HELD_S = (0.2, 2.0)
"""How long a batch is held back: others of its device overtake it."""


class Faults:
    """Decides over each sending.

    Args:
        duplicates: share of sendings that happen twice.
        reorder: share of sendings that are held back.
        rng: of every choice.
    """

    def __init__(self, duplicates: float, reorder: float, rng: random.Random) -> None:
        self._duplicates = duplicates
        self._reorder = reorder
        self._rng = rng

    def delays_s(self) -> list[float]:
        """When each copy goes out, in s from now; the first entry is the batch itself."""
        rng = self._rng
        delays = [rng.uniform(*_HELD_S) if rng.random() < self._reorder else 0.0]
        if rng.random() < self._duplicates:
            delays.append(rng.uniform(*_HELD_S))
        return delays
