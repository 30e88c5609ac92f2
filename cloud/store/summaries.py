"""Questions for summaries of events, and their answers; `questions` has their bounds.

Percentiles are by nearest rank, as InfluxDB has them: the p-th of n sorted values is the one at
rank floor(n p / 100 + 0.5).
"""

from dataclasses import dataclass
from typing import TypeAlias

MAX_RANGE_NS = 366 * 86_400 * 1_000_000_000
MAX_GROUPS = 10_000
"""Rows that an answer has at most."""

MAX_CELLS = 10_000
MAX_ZONES = 1000
PERCENTILES = (50, 90, 95, 99)


@dataclass(frozen=True, slots=True)
class LatestQuery:
    """A question for the last event of each device, camera and kind.

    Attributes:
        since_ns: captured at or after.
        until_ns: captured before; a little after now, so that a device whose clock is wrong can't
            move the latest into the future.
    """

    since_ns: int
    until_ns: int
    device: str = ""
    camera: str = ""
    kind: str = ""


@dataclass(frozen=True, slots=True)
class ZonesQuery:
    """A question for the zones or lines with the most events of a kind.

    Attributes:
        limit: rows, 1 to 1,000.
    """

    since_ns: int
    until_ns: int
    kind: str = "zone-entered"
    device: str = ""
    camera: str = ""
    limit: int = 10


@dataclass(frozen=True, slots=True)
class ZoneRow:
    """Events of one zone or line."""

    device: str
    camera: str
    zone: str
    count: int


@dataclass(frozen=True, slots=True)
class HeatQuery:
    """A question for how many boxes of one camera have their centre in each cell of a grid.

    Attributes:
        rows: cells from top to bottom.
        columns: cells from left to right.
    """

    since_ns: int
    until_ns: int
    device: str
    camera: str
    rows: int
    columns: int
    kind: str = ""
    class_name: str = ""


@dataclass(frozen=True, slots=True)
class DwellQuery:
    """A question for how long objects stayed, by rule.

    Attributes:
        kind: whose `dwell_s` is meant; `zone-exited` says the whole stay.
    """

    since_ns: int
    until_ns: int
    kind: str = "zone-exited"
    device: str = ""
    camera: str = ""
    rule: str = ""


@dataclass(frozen=True, slots=True)
class DwellRow:
    """Stays that one rule saw.

    Attributes:
        percentiles_s: one for each of PERCENTILES.
    """

    device: str
    camera: str
    rule: str
    count: int
    percentiles_s: tuple[float, ...]


SummaryQuery: TypeAlias = LatestQuery | ZonesQuery | HeatQuery | DwellQuery


def cell(center: float, cells: int) -> int:
    """Which of so many cells of [0, 1] a centre falls into; beyond an edge counts as at it."""
    return min(max(int(center * cells), 0), cells - 1)


def nearest_rank(number: int, percentile: int) -> int:
    """The rank, from 1, of a percentile among so many sorted values."""
    return max(1, (number * percentile + 50) // 100)
