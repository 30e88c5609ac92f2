"""What goes first when space runs out.

Rows that the broker took (PUBACK) before rows that it did not, less urgent lanes before more
urgent ones, older before newer; and no alarm while any other lane has a row.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from edge.publish.condense import Loss
from edge.publish.ledger import Ledger
from edge.publish.ranges import Ranges
from edge.publish.rows import Stream
from protos.ids import Lane

REASON_TAKEN = "outbox full, after PUBACK"
REASON = "outbox full"


@dataclass(frozen=True, slots=True)
class Evicted:
    """Rows without a gap that went, already recorded as lost."""

    stream: Stream
    first: int
    last: int


def evict(ledger: Ledger, free_bytes: int, taken: Mapping[Stream, Ranges]) -> list[Evicted]:
    """Delete rows until `free_bytes` are free, and record each as lost.

    Belongs to a transaction of the caller.

    Args:
        ledger: where.
        free_bytes: how much must go; less goes only when nothing is left.
        taken: the rows that have a PUBACK.

    Returns:
        what went.
    """
    gone: list[Evicted] = []
    for stream, first, last, reason in _candidates(ledger, taken):
        if free_bytes <= 0:
            break
        runs, freed = _runs(ledger, stream, first, last, free_bytes)
        free_bytes -= freed
        gone += give_up(ledger, stream, runs, reason)
    return gone


def give_up(ledger: Ledger, stream: Stream, runs: Ranges, reason: str) -> list[Evicted]:
    """Delete rows of a stream, and record each run of them as lost."""
    for start, end in runs:
        count = ledger.delete(stream, start, end)
        ledger.losses.evicted(stream, start, end)
        ledger.losses.record(Loss(stream.boot, stream.lane, start, end, count, reason))
    return [Evicted(stream, start, end) for start, end in runs]


def in_order(streams: Iterable[Stream]) -> list[Stream]:
    """Streams in the order in which they go: less urgent lanes first, older starts first."""
    return sorted(streams, key=lambda stream: (-stream.lane, stream.age))


def _candidates(
    ledger: Ledger, taken: Mapping[Stream, Ranges]
) -> Iterator[tuple[Stream, int, int, str]]:
    """Ranges in the order in which they go."""
    last_seqs = ledger.last_seqs()
    streams = in_order(last_seqs)
    for group in (
        [stream for stream in streams if stream.lane is not Lane.ALARM],
        [stream for stream in streams if stream.lane is Lane.ALARM],
    ):
        for stream in group:
            for first, last in taken.get(stream, ()):
                yield stream, first, last, REASON_TAKEN
        for stream in group:
            yield stream, 1, last_seqs[stream], REASON


def _runs(
    ledger: Ledger, stream: Stream, first: int, last: int, need_bytes: int
) -> tuple[Ranges, int]:
    """The oldest rows that make up `need_bytes`, as runs without a gap, and their bytes."""
    found = Ranges()
    freed = 0
    for seq, size in ledger.sizes(stream, first, last):
        found.add(seq, seq)
        freed += size
        if freed >= need_bytes:
            break
    return found, freed
