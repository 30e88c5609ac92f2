"""The store's port: events in, exactly once; questions out.

Order of ingest. A reader who follows the cursor of `order="ingest"` is shown every event that
was ever written, also one that comes days late, and none is skipped while others are written.
A store that cannot say whether a batch is new (InfluxDB) shows an event again on a later page
after it was delivered again: within a page an event stands once, across pages readers drop what
they have by its id. A page may hold fewer events than its limit, even none, while `more` is
true: follow the cursor.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple, Protocol, get_args

from cloud.store.summaries import DwellQuery, DwellRow, HeatQuery, LatestQuery, ZoneRow, ZonesQuery
from protos.ids import EventId, Lane

MAX_LIMIT = 1000
"""Events that a page holds at most."""

MAX_INTERVALS = 10_000
"""Intervals into which a CountQuery may cut its range."""


class EventRecord(NamedTuple):
    """One event as the store knows it: everything from the event's own bytes, nothing else.

    `cloud.store.records` makes it; a store needs to keep `id` and `payload` only, the rest is
    read from the payload again. A tuple, since ingest makes one an event: a frozen dataclass of
    so many fields costs four times as much.

    Attributes:
        id: its name; writing the same id twice leaves one event.
        captured_ns: Unix time of the frame.
        kind: as on the wire, lower case with dashes: `line-crossed`.
        box: top, left, width, height in [0, 1], or None.
        value: what a rule or a sensor measured.
        clock_synced: whether the device's clock was disciplined; None where nobody said.
        payload: the wire's `Event`, with what a newer peer added.
    """

    id: EventId
    captured_ns: int
    kind: str
    camera: str = ""
    frame: int = 0
    model: str = ""
    model_version: str = ""
    class_name: str = ""
    track_id: int | None = None
    confidence: float | None = None
    box: tuple[float, float, float, float] | None = None
    rule: str = ""
    target: str = ""
    direction: str = ""
    dwell_s: float | None = None
    value: float | None = None
    clock_synced: bool | None = None
    payload: bytes = b""


Order = Literal["ingest", "captured"]


@dataclass(frozen=True, slots=True)
class EventQuery:
    """A question for events; an empty field does not filter.

    Attributes:
        since_ns: captured at or after.
        until_ns: captured before.
        order: `ingest` is the order in which events arrived, and a reader who follows its
            cursor misses none that comes late; `captured` sorts by time, device, boot, lane, seq.
        cursor: of an earlier page with the same filters, empty for the first.
        limit: events a page holds at most, 1 to 1,000.
    """

    device: str = ""
    camera: str = ""
    kind: str = ""
    class_name: str = ""
    rule: str = ""
    target: str = ""
    lane: Lane | None = None
    since_ns: int | None = None
    until_ns: int | None = None
    order: Order = "ingest"
    cursor: str = ""
    limit: int = 100


@dataclass(frozen=True, slots=True)
class EventPage:
    """Some events and where to go on; the cursor stays valid at the end, for polling."""

    events: tuple[EventRecord, ...]
    cursor: str
    more: bool


GroupBy = Literal["device", "camera", "kind", "class", "rule"]
GROUPS: tuple[GroupBy, ...] = get_args(GroupBy)


@dataclass(frozen=True, slots=True)
class CountQuery:
    """A question for numbers of events by interval and group.

    Intervals begin at multiples of `interval_s` since 1970, so the first may begin before
    `since_ns`; it counts what was captured at or after `since_ns` and before `until_ns`.
    """

    since_ns: int
    until_ns: int
    interval_s: int
    group_by: tuple[GroupBy, ...] = ()
    device: str = ""
    camera: str = ""
    kind: str = ""
    class_name: str = ""
    rule: str = ""


@dataclass(slots=True)
class CountRow:
    """Events of one group in one interval.

    Not frozen: that would double the time of an answer of tens of thousands.
    """

    interval_start_ns: int
    group: tuple[str, ...]
    count: int


@dataclass(frozen=True, slots=True)
class SequenceRow:
    """What the store holds of one (device, boot, lane): the proof that nothing is missing.

    Nothing is missing and nothing stands twice when `count`, `distinct` and
    `last_seq - first_seq + 1` are the same number.
    """

    device: str
    boot: int
    lane: Lane
    count: int
    distinct: int
    first_seq: int
    last_seq: int


class EventStore(Protocol):
    """Events that can be asked for. `write` is called by one thread, questions by any."""

    def prepared(self, events: Sequence[EventRecord]) -> Sequence[EventRecord]:
        """The same events as `write` takes them fastest, which takes others, too.

        For another thread than the one that writes, so that the next write is made while the
        store carries out this one. It asks nothing of the store.
        """

    def write(self, events: Sequence[EventRecord]) -> None:
        """Make events durable; on return they are. Writing one again changes nothing.

        Raises:
            StoreAwayError: try again later; some of the events may have been written.
            StoreRefusedError: the events that it names will never be taken; all others are
                durable.
        """

    def events(self, query: EventQuery) -> EventPage:
        """A page of events.

        Raises:
            QueryError: the cursor or a limit is not valid.
            StoreAwayError: the store does not answer.
        """

    def counts(self, query: CountQuery) -> Sequence[CountRow]:
        """Numbers of events, intervals without events left out, in order of time and group.

        Where counts outlive their events (`rollup_retention_days`), events that retention took
        count as if captured at the begin of their minute, and what comes later than it does not.

        Raises:
            QueryError: the range or the interval is out of bounds.
            StoreAwayError: the store does not answer.
        """

    def latest(self, query: LatestQuery) -> Sequence[EventRecord]:
        """The last event of each device, camera and kind, in the order of these.

        Raises:
            QueryError: the range is out of bounds, or there are too many.
            StoreAwayError: the store does not answer.
        """

    def top_zones(self, query: ZonesQuery) -> Sequence[ZoneRow]:
        """Zones and lines by the number of their events, most first, then by name.

        Raises:
            QueryError: the range or the limit is out of bounds, or there are too many.
            StoreAwayError: the store does not answer.
        """

    def heat_map(self, query: HeatQuery) -> Sequence[Sequence[int]]:
        """Numbers of boxes with their centre in a cell, by row and column.

        Raises:
            QueryError: the range or the grid is out of bounds, or there are too many boxes.
            StoreAwayError: the store does not answer.
        """

    def dwell(self, query: DwellQuery) -> Sequence[DwellRow]:
        """How long objects stayed, by device, camera and rule, in the order of these.

        Raises:
            QueryError: the range is out of bounds, or there are too many rules.
            StoreAwayError: the store does not answer.
        """

    def sequences(self, device: str = "") -> Sequence[SequenceRow]:
        """What is stored of each (device, boot, lane), all devices where none is named.

        Raises:
            StoreAwayError: the store does not answer.
        """

    def delete(self, device: str, since_ns: int, until_ns: int) -> None:
        """Have no event of a range, in no answer; broken off, it is simply begun again.

        Any thread may call it. Where the file is the store's own, the bytes have left it after
        `expunge`, or when the store is closed.

        Args:
            device: whose; empty: of all devices.
            since_ns: captured at or after; a whole microsecond.
            until_ns: captured before; a whole microsecond.

        Raises:
            QueryError: the range is out of bounds.
            StoreAwayError: the store does not answer, or can't delete.
        """

    def expunge(self) -> None:
        """Have no bytes of what was deleted in a file of the store's own; else it does nothing.

        Any thread may call it; questions are answered meanwhile, and writes may wait.

        Raises:
            StoreAwayError: there is no room for a second file; begin again.
        """

    def check(self) -> None:
        """Return when the store answers.

        Raises:
            StoreAwayError: it does not.
        """

    def close(self) -> None:
        """Let go of the file or the connection."""
