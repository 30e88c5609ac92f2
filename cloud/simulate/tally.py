"""What happened, counted."""

import random
from dataclasses import dataclass, field

_SAMPLES = 20_000


@dataclass(slots=True)
class Tally:
    """Counters of a whole fleet, in batches unless they say otherwise.

    Attributes:
        rng: chooses which round trips are kept.
        made: new batches.
        sent: PUBLISH packets of batches, with those that went out again.
        resent: of these, those without a receipt in time or at a reconnect.
        duplicates: copies sent on purpose.
        held_back: held back on purpose.
        pubacked: PUBACKs that say taken.
        nobody: PUBACKs that say that nobody subscribes.
        refused: PUBACKs that say refused.
        receipted: batches whose receipt came.
        heartbeats: births, heartbeats and goodbyes.
        connections: connections that stood.
        failures: connections that did not come to stand.
        longest_s: the longest round trip.
    """

    rng: random.Random = field(default_factory=random.Random)
    made: int = 0
    sent: int = 0
    resent: int = 0
    duplicates: int = 0
    held_back: int = 0
    pubacked: int = 0
    nobody: int = 0
    refused: int = 0
    receipted: int = 0
    heartbeats: int = 0
    connections: int = 0
    failures: int = 0
    longest_s: float = 0.0
    _round_trips_s: list[float] = field(default_factory=list)

    def round_trip(self, seconds: float) -> None:
        """A batch was first sent so long before its receipt.

        A fixed number of them is kept, each as likely as any other (reservoir sampling: J. S.
        Vitter, "Random Sampling with a Reservoir", algorithm R, ACM TOMS 1985).
        """
        self.receipted += 1
        self.longest_s = max(self.longest_s, seconds)
        if len(self._round_trips_s) < _SAMPLES:
            self._round_trips_s.append(seconds)
        elif (place := self.rng.randrange(self.receipted)) < _SAMPLES:
            self._round_trips_s[place] = seconds

    def percentile_s(self, share: float) -> float | None:
        """The round trip that this share of batches did not exceed, None before the first."""
        if not self._round_trips_s:
            return None
        ordered = sorted(self._round_trips_s)
        return ordered[min(len(ordered) - 1, int(share * len(ordered)))]
