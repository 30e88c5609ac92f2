"""What a benchmark says: ours against a reference, measured by turns in one process.

Absolute times of a shared machine mean little, so every row carries a ratio. Ours and the
reference take turns, so that whatever slows the machine for a while slows both.
"""

import gc
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, slots=True)
class Row:
    """One comparison.

    Attributes:
        name: what was measured.
        ours_ms: median time of one unit of work (a frame, a batch) in ms.
        reference_ms: the same of the reference.
        ratio: median of the rounds' ours / reference; below 1 ours is faster.
        spread: quartiles of the rounds' ratios.
        bound: highest ratio that is good enough; for "at least 0.9 of its frames per second"
            it is 1 / 0.9. None: shown only.
    """

    name: str
    ours_ms: float
    reference_ms: float
    ratio: float
    spread: tuple[float, float]
    bound: float | None = None

    @property
    def holds(self) -> bool:
        """True where the ratio is within its bound."""
        return self.bound is None or self.ratio <= self.bound


def interleaved(
    name: str,
    ours: Callable[[], object],
    reference: Callable[[], object],
    *,
    rounds: int = 15,
    units: int = 1,
    bound: float | None = None,
) -> Row:
    """The row of two pieces of work that take turns.

    Args:
        name: of the row.
        ours: does `units` units of work.
        reference: does the same work.
        rounds: how often both are timed, after one run of each that is not.
        units: how many frames, batches or messages one call handles.
        bound: see `Row`.
    """
    ours()
    reference()
    times_ms = np.empty((rounds, 2))
    for turn in range(rounds):
        order = ((0, ours), (1, reference)) if turn % 2 == 0 else ((1, reference), (0, ours))
        for column, work in order:
            times_ms[turn, column] = _time_ms(work) / units
    return row_of(name, times_ms[:, 0], times_ms[:, 1], bound=bound)


def row_of(
    name: str,
    ours_ms: Iterable[float],
    reference_ms: Iterable[float],
    *,
    bound: float | None = None,
) -> Row:
    """The row of times that were measured in pairs, in ms a unit of work."""
    ours, reference = np.array([*ours_ms]), np.array([*reference_ms])
    low, middle, high = np.percentile(ours / reference, (25, 50, 75)).tolist()
    return Row(
        name, float(np.median(ours)), float(np.median(reference)), middle, (low, high), bound
    )


def _time_ms(work: Callable[[], object]) -> float:
    gc.collect()
    start_ns = time.perf_counter_ns()
    work()
    return (time.perf_counter_ns() - start_ns) / 1e6


def markdown(rows: Iterable[Row]) -> str:
    """The rows as a table for docs/benchmarks.md."""
    lines = [
        "| what | ours, ms | reference, ms | ours / reference | quartiles | bound | |",
        "|---|---|---|---|---|---|---|",
    ]
    lines += [_line(row) for row in rows]
    return "\n".join(lines) + "\n"


def _line(row: Row) -> str:
    low, high = row.spread
    bound = "" if row.bound is None else f"<= {row.bound:.2f}"
    verdict = "" if row.bound is None else "holds" if row.holds else "**misses**"
    return (
        f"| {row.name} | {row.ours_ms:.3g} | {row.reference_ms:.3g} | {row.ratio:.2f} "
        f"| {low:.2f} to {high:.2f} | {bound} | {verdict} |"
    )
