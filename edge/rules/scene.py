"""One frame as the rules see it."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from edge.rules.crossing import Crossings
from edge.rules.latch import Flips
from edge.rules.objects import F64, Objects, Sight
from edge.rules.presence import Presence


class Scene(NamedTuple):
    """What a frame shows, and what follows from it for all rules.

    Attributes:
        sight: the objects that are seen.
        objects: all that live.
        moves: who entered or left the zones of all rules.
        crossings: (R, S) who crossed the lines of all rules, None where nobody did.
        places: (S, 2) m on the ground, NaN where not known; None without a ground.
        speeds_mps: (S,), NaN where not known; None without a ground.
    """

    sight: Sight
    objects: Objects
    moves: Flips | None
    crossings: NDArray[np.int8] | None
    places: F64 | None
    speeds_mps: F64 | None


@dataclass(frozen=True, slots=True)
class Rows:
    """Some successive rows of a camera's presence: the rules of one kind.

    Attributes:
        presence: of all rules that watch zones.
        rows: which.
    """

    presence: Presence
    rows: slice

    def is_inside(self, sight: Sight) -> NDArray[np.bool_]:
        """(R, S), who of those that are seen is in the zone."""
        return self.presence.stays.is_set[self.rows].take(sight.columns, axis=1)

    def looks_at(self, sight: Sight) -> NDArray[np.bool_]:
        """(R, S), who is in the zone while the rule looks."""
        return self.is_inside(sight) & self.is_on(sight.now_ns)

    def is_on(self, now_ns: int) -> NDArray[np.bool_]:
        """(R, 1), which rules look."""
        return self.presence.is_on(now_ns)[self.rows]

    def since_ns(self, sight: Sight) -> NDArray[np.int64]:
        """(R, S), since when; counts where `is_inside`."""
        return self.presence.stays.set_ns[self.rows].take(sight.columns, axis=1)


@dataclass(frozen=True, slots=True)
class Ways:
    """Some successive rows of a camera's crossings: the rules of one kind.

    Attributes:
        crossings: of all rules that watch lines.
        rows: which.
    """

    crossings: Crossings
    rows: slice

    def is_on(self, now_ns: int) -> NDArray[np.bool_]:
        """(R, 1), which rules look."""
        return self.crossings.is_on(now_ns)[self.rows]
