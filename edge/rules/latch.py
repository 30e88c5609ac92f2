"""A fact about R rules and N objects that holds, or no longer holds, once it did so long enough."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edge.rules.columns import Columns

NS_PER_S = 1_000_000_000


def nanoseconds(seconds: Sequence[float]) -> NDArray[np.int64]:
    """(R, 1) of R durations in s."""
    return np.array([round(value * NS_PER_S) for value in seconds], np.int64).reshape(-1, 1)


@dataclass(slots=True)
class Latch(Columns):
    """What each rule holds for true of each object.

    Attributes:
        is_set: (R, N).
        set_ns: (R, N), time of the first of the frames that set it; counts while `is_set`.
        is_pending: (R, N), what the frames say differs from `is_set`.
        since_ns: (R, N), from which frame on without a break; counts while `is_pending`.
    """

    is_set: NDArray[np.bool_]
    set_ns: NDArray[np.int64]
    is_pending: NDArray[np.bool_]
    since_ns: NDArray[np.int64]

    @classmethod
    def of(cls, rules: int, objects: int = 0) -> "Latch":
        """Nothing is set."""
        shape = (rules, objects)
        return cls(
            np.zeros(shape, np.bool_),
            np.zeros(shape, np.int64),
            np.zeros(shape, np.bool_),
            np.zeros(shape, np.int64),
        )

    def step(
        self,
        columns: NDArray[np.intp],
        now_ns: int,
        was_set: NDArray[np.bool_],
        rises: NDArray[np.bool_],
        falls: NDArray[np.bool_],
        wait_ns: NDArray[np.int64],
    ) -> "Flips | None":
        """What changes with this frame, None where nothing does.

        Args:
            columns: (S,) of the objects that are seen.
            now_ns: time of the frame.
            was_set: (R, S), `is_set` of them.
            rises: (R, S) the frame says that it holds; matters where it is not set.
            falls: (R, S) the frame says that it does not hold; matters where it is set.
            wait_ns: for how long without a break the frames must say so, (R, 1) or (R, S).
        """
        is_pending = np.where(was_set, falls, rises)
        if not np.count_nonzero(is_pending):
            self.hold(columns)
            return None
        was_pending = self.is_pending.take(columns, axis=1)
        since_ns = np.where(was_pending, self.since_ns.take(columns, axis=1), now_ns)
        is_due = is_pending & (now_ns - since_ns >= wait_ns)
        flips = None
        if np.count_nonzero(is_due):
            set_ns = self.set_ns.take(columns, axis=1)
            flips = Flips(is_due & ~was_set, is_due & was_set, since_ns, set_ns)
            self.is_set[:, columns] = was_set ^ is_due
            self.set_ns[:, columns] = np.where(flips.rose, since_ns, set_ns)
            is_pending &= ~is_due
        # Whoever is pending still is so since the same frame.
        if np.count_nonzero(is_pending != was_pending):
            self.is_pending[:, columns] = is_pending
            self.since_ns[:, columns] = since_ns
        return flips

    def hold(self, columns: NDArray[np.intp]) -> None:
        """As `step`, of a frame that agrees with what is held true of those that are seen."""
        if np.count_nonzero(self.is_pending):
            self.is_pending[:, columns] = False

    def held_ns(
        self, columns: NDArray[np.intp], last_seen_ns: NDArray[np.int64]
    ) -> NDArray[np.int64]:
        """(R, E), for how long it was set of objects that have ended, until it began to end."""
        gone = np.s_[:, columns]
        until_ns = np.where(self.is_pending[gone], self.since_ns[gone], last_seen_ns)
        return until_ns - self.set_ns[gone]


@dataclass(frozen=True, slots=True, eq=False)
class Flips:
    """What a frame changed.

    Attributes:
        rose: (R, S) it is set now and was not before.
        fell: (R, S) it was set and is no more.
        since_ns: (R, S), where it rose or fell: the first of the frames that said so.
        set_ns: (R, S), where it fell: since when it was set.
    """

    rose: NDArray[np.bool_]
    fell: NDArray[np.bool_]
    since_ns: NDArray[np.int64]
    set_ns: NDArray[np.int64]
