"""Growing waits with jitter, so that a thousand devices do not come back at once."""

import random
from dataclasses import dataclass, field


@dataclass(slots=True)
class Backoff:
    """Waits drawn from [initial, cap], where the cap grows from `initial_s` up to `max_s`.

    A uniform draw ("full jitter" in M. Brooker, "Exponential Backoff And Jitter", AWS
    Architecture Blog 2015) with a floor, so that a dead peer is not hammered.

    Args:
        initial_s: the shortest wait.
        max_s: the longest wait.
        factor: how fast the cap grows.
        rng: source of the jitter; a seeded one makes tests repeatable.
    """

    initial_s: float = 0.5
    max_s: float = 60.0
    factor: float = 2.0
    rng: random.Random = field(default_factory=random.Random)
    _cap_s: float = field(default=0.0, init=False)

    def next_s(self) -> float:
        """The next wait in seconds."""
        self._cap_s = min(self.max_s, max(self.initial_s, self._cap_s * self.factor))
        return self.rng.uniform(self.initial_s, self._cap_s)

    def reset(self) -> None:
        """Start again from the shortest wait; call it after a success."""
        self._cap_s = 0.0
