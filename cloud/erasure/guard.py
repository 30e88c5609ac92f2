"""Writes that take nothing of what was erased: an event that comes late is let go of.

Ranges are read before a write and after it: either the write sees an erasure that was recorded
meanwhile and deletes again, or the erasure, recorded later, finds what was written.
"""

from collections.abc import Sequence

import structlog

from cloud.erasure.ranges import ReadErased
from cloud.store.port import EventRecord, EventStore

_log = structlog.get_logger(__name__)


def write_unerased(
    store: EventStore, events: Sequence[EventRecord], read_erased: ReadErased
) -> int:
    """Write events but those of erased ranges; returns how many were left out.

    What is left out counts as taken: its device must get a receipt, or it would send it for ever.

    Raises:
        StoreAwayError: the store, or the table of erasures, does not answer: try again.
        StoreRefusedError: as the store's `write`.
    """
    before = read_erased()
    kept = [event for event in events if not before.cover(event.id.device, event.captured_ns)]
    try:
        store.write(kept)
    finally:
        for one in read_erased().since(before):
            store.delete(one.device, one.since_ns, one.until_ns)
    late = len(events) - len(kept)
    if late:
        _log.info("events of an erased range are not kept", events=late)
    return late
