"""One transaction of the outbox: receipts out, drafts in, losses said, room made."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from edge.publish.ageing import expire
from edge.publish.clock import ClockState
from edge.publish.condense import Loss
from edge.publish.eviction import Evicted, evict
from edge.publish.ledger import Ledger
from edge.publish.ranges import Ranges
from edge.publish.rows import Stream
from edge.publish.settings import KIB
from edge.publish.staging import Staged
from edge.rules.port import Event
from protos.codec import encode
from protos.ids import Lane
from protos.v1.event_batch_pb2 import EventBatch

REASON_STAGING = "no disk took them, memory full"
REASON_OVERSIZED = "event too large"

_MIN_SLACK_BYTES = 16 * KIB


def _nothing_taken() -> Mapping[Stream, Ranges]:
    return {}


@dataclass(frozen=True, slots=True)
class Work:
    """What a transaction is to do.

    Attributes:
        stored: rows that have a receipt.
        drafts: events to write.
        given_up: (lane, reason) and number of the events that never got a seq.
        taken: tells which rows have a PUBACK; asked only when room must be made.
        max_age_s: rows that are older go; None: none does for its age.
    """

    stored: Mapping[Stream, Ranges] = field(default_factory=dict)
    drafts: Sequence[Staged] = ()
    given_up: Mapping[tuple[Lane, str], int] = field(default_factory=dict)
    taken: Callable[[], Mapping[Stream, Ranges]] = _nothing_taken
    max_age_s: float | None = None


@dataclass(frozen=True, slots=True)
class Committed:
    """What a transaction did.

    Attributes:
        evicted: the rows that went because there was no room.
        expired: the rows that went because they were too old; perhaps there are more.
        unsaid: True where a further transaction is needed to say a loss.
    """

    evicted: list[Evicted]
    expired: list[Evicted]
    unsaid: bool


def commit(
    ledger: Ledger, work: Work, *, max_bytes: int, now_ns: int, clock: ClockState
) -> Committed:
    """Do the work in one transaction; on return it is durable.

    Args:
        ledger: where.
        work: what.
        max_bytes: what the rows may occupy.
        now_ns: Unix time, for the EVENTS_LOST event.
        clock: what is known of the clock now.

    Raises:
        sqlite3.Error: nothing of it was done.
    """
    with ledger.transaction():
        ledger.register_boot()
        for stream, held in work.stored.items():
            for first, last in held:
                ledger.delete(stream, first, last)
                ledger.losses.stored(stream, first, last)
        ledger.insert(work.drafts)
        for (lane, reason), count in work.given_up.items():
            ledger.losses.record(Loss(ledger.boot, lane, 0, 0, count, reason))
        if ledger.losses.unsaid:
            _say(ledger, now_ns, clock)
        expired = _expire(ledger, work.max_age_s, now_ns) if clock.synced else []
        evicted: list[Evicted] = []
        if ledger.bytes > max_bytes:
            # More than needed, so that the next transactions, and the report, find room.
            slack = max(_MIN_SLACK_BYTES, max_bytes // 64)
            evicted = evict(ledger, ledger.bytes - max_bytes + slack, work.taken())
        unsaid = ledger.losses.unsaid
    return Committed(evicted, expired, unsaid)


def _expire(ledger: Ledger, max_age_s: float | None, now_ns: int) -> list[Evicted]:
    if max_age_s is None:
        return []
    return expire(ledger, ledger.dates.see(now_ns), now_ns - int(max_age_s * 1e9))


def _say(ledger: Ledger, now_ns: int, clock: ClockState) -> None:
    """Write an EVENTS_LOST event for the oldest losses that no event says."""
    ids, report = ledger.losses.next_report()
    event = Event(captured_ns=now_ns, kind=EventBatch.EVENTS_LOST, events_lost=report)
    ledger.insert([Staged(Lane.STATE, now_ns, clock, encode(event))])
    stream = ledger.stream(Lane.STATE)
    ledger.losses.said(ids, stream, ledger.last_seqs()[stream])
