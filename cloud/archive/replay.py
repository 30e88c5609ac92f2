"""The archive into a store."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import structlog

from cloud.archive.archive import FOREVER_NS, Archive
from cloud.erasure.guard import write_unerased
from cloud.erasure.ranges import ReadErased, nothing_erased
from cloud.errors import StoreRefusedError
from cloud.store.port import EventRecord, EventStore

_EVENTS_A_WRITE = 5000
_log = structlog.get_logger(__name__)


@dataclass(slots=True)
class Replayed:
    """What a replay has done.

    Attributes:
        files: read.
        events: handed to the store, also those that it had.
        refused: that the store will never take.
        erased: left out, as their range was erased.
    """

    files: int = 0
    events: int = 0
    refused: int = 0
    erased: int = 0


def replay(
    archive: Archive,
    store: EventStore,
    since_ns: int = 0,
    until_ns: int = FOREVER_NS,
    device: str = "",
    on_file: Callable[[int, int], None] = lambda done, total: None,
    read_erased: ReadErased = nothing_erased,
) -> Replayed:
    """Write the archive's events into a store.

    The store is keyed by event, so what it has stays as it is, and a replay that was broken off
    is simply begun again.

    Args:
        archive: from where.
        store: whereto.
        since_ns: captured at or after.
        until_ns: captured before.
        device: whose, all devices where none is named.
        on_file: told after each file how many bytes of how many are done.
        read_erased: what stays out of the store.

    Raises:
        BlobsAwayError: the blob store does not answer.
        BlobNotFoundError: a file was deleted or compacted meanwhile; begin again.
        ArchiveError: a file is damaged.
        StoreAwayError: the store, or the table of erasures, does not answer.
    """
    files = list(archive.files(since_ns, until_ns, device))
    total_bytes = sum(size_bytes for _, size_bytes in files)
    done, done_bytes = Replayed(), 0
    for file, size_bytes in files:
        events = [
            row.event
            for row in archive.read(file, device)
            if since_ns <= row.event.captured_ns < until_ns
        ]
        for first in range(0, len(events), _EVENTS_A_WRITE):
            _write(store, events[first : first + _EVENTS_A_WRITE], file.key, read_erased, done)
        done.files += 1
        done.events += len(events)
        done_bytes += size_bytes
        on_file(done_bytes, total_bytes)
    return done


def _write(
    store: EventStore,
    events: Sequence[EventRecord],
    where: str,
    read_erased: ReadErased,
    done: Replayed,
) -> None:
    """Have them in the store, but for what was erased and what it will never take."""
    try:
        done.erased += write_unerased(store, events, read_erased)
    except StoreRefusedError as error:
        _log.error("events refused", file=where, reason=str(error))
        done.refused += len(error.reasons)
