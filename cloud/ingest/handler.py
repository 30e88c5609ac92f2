"""What becomes of a batch: decode -> store.write -> receipt -> ack, or the dead letter.

One handler for both doors, the pull worker and the push endpoint. Every message that it is given
is settled: by `ack` once its events are stored or its refusal stands in the dead letter, by `nack`
where trying again can help. One thread writes; one may decode what comes next meanwhile.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import structlog

from cloud.bus.dead_letters import refuse
from cloud.bus.port import Publisher, Received
from cloud.erasure.guard import write_unerased
from cloud.erasure.ranges import ReadErased, nothing_erased
from cloud.errors import StoreAwayError, StoreRefusedError
from cloud.ingest.receipts import Receipts
from cloud.store.port import EventRecord, EventStore
from cloud.store.records import records
from cloud.store.runs import Run, runs_of
from protos.codec import decode_batch
from protos.errors import InvalidPayloadError
from protos.ids import EventId, Lane

SUBSCRIPTION = "ingest"

CLOCK_AHEAD_NS = 60 * 1_000_000_000
"""A frame that was captured later than this after now tells of a clock that is wrong."""

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, eq=False)
class Batch:
    """A delivery and what is in it."""

    received: Received
    device: str
    boot: int
    lane: Lane
    run: Run
    records: Sequence[EventRecord]

    def runs_without(self, refused: Mapping[EventId, str]) -> Sequence[Run]:
        """What of it is stored."""
        if not refused:
            return [self.run]
        stored = (record.id for record in self.records if record.id not in refused)
        return runs_of(stored).get((self.device, self.boot, self.lane), [])

    def refusal(self, refused: Mapping[EventId, str]) -> str:
        """Which of its events the store refuses, and why; empty where it has them all."""
        if not refused:
            return ""
        found = (record.id for record in self.records if record.id in refused)
        return "; ".join(f"{event_id}: {refused[event_id]}" for event_id in found)


class Handler:
    """Batches into the store, poison into the dead letter, receipts down.

    Args:
        store: written by the calling thread alone.
        publisher: to the dead letter.
        receipts: of what is stored.
        receipt_timeout_s: None: receipts follow when they follow. A number: they are published
            before the batch is acknowledged, and that is waited for this long at most; for a
            process that may be frozen as soon as it has answered.
        clock_ns: Unix time, to notice devices whose clocks are ahead.
        read_erased: what is let go of, should it come late.
    """

    def __init__(
        self,
        store: EventStore,
        publisher: Publisher,
        receipts: Receipts,
        receipt_timeout_s: float | None = None,
        clock_ns: Callable[[], int] = time.time_ns,
        read_erased: ReadErased = nothing_erased,
    ) -> None:
        self._read_erased = read_erased
        self._store = store
        self._publisher = publisher
        self._receipts = receipts
        self._receipt_timeout_s = receipt_timeout_s
        self._clock_ns = clock_ns

    def decode(self, received: Received) -> Batch | None:
        """The batch, or None for one that went to the dead letter. Any thread may call it."""
        try:
            batch = decode_batch(received.data)
            found = self._store.prepared(records(batch))
        except InvalidPayloadError as error:
            refuse(self._publisher, received, SUBSCRIPTION, str(error))
            return None
        run = Run(batch.first_seq, batch.first_seq + batch.count - 1)
        return Batch(received, batch.device, batch.boot, Lane(batch.lane), run, found)

    def write(self, batches: Sequence[Batch]) -> None:
        """Settle batches, all that can be stored by one write. One thread calls it.

        Raises:
            StoreAwayError: the store does not answer; every batch has been given back.
        """
        if not batches:
            return
        try:
            found = [record for batch in batches for record in batch.records]
            write_unerased(self._store, found, self._read_erased)
        except StoreAwayError:
            for batch in batches:
                batch.received.nack()
            raise
        except StoreRefusedError as error:
            self._settle(batches, error.reasons)
        else:
            self._settle(batches, {})

    def _settle(self, batches: Sequence[Batch], refused: Mapping[EventId, str]) -> None:
        """Receipts for what is stored; a batch that holds anything else to the dead letter."""
        for batch in batches:
            for run in batch.runs_without(refused):
                self._receipts.add(batch.device, batch.boot, batch.lane, run)
        if self._receipt_timeout_s is not None:
            self._receipts.deliver(self._receipt_timeout_s)
        for batch in batches:
            if reason := batch.refusal(refused):
                refuse(self._publisher, batch.received, SUBSCRIPTION, reason)
            else:
                batch.received.ack()
        self._tell_of_clocks(batches)

    def _tell_of_clocks(self, batches: Sequence[Batch]) -> None:
        """Say which devices' events are stored with a time that has not come yet."""
        now_ns = self._clock_ns()
        ahead_ns: dict[str, int] = {}
        for batch in batches:
            latest_ns = max([record.captured_ns for record in batch.records])
            if latest_ns > now_ns + CLOCK_AHEAD_NS:
                ahead_ns[batch.device] = max(latest_ns - now_ns, ahead_ns.get(batch.device, 0))
        for device, by_ns in ahead_ns.items():
            _log.warning("clock of a device is ahead", device_id=device, ahead_s=by_ns // 10**9)
