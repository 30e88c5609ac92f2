"""Ingest: batches from Pub/Sub, written together, acknowledged after the write (decision 5).

    subscription -> queue -> gather -> decode -> store.write -> ack -> receipts

One thread gathers and writes. What is held is bounded by the subscription's flow limits. A batch
that can never be stored goes to the dead letter; while the store is away nothing is
acknowledged, and Pub/Sub keeps it.
"""

import queue
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass

import structlog

from cloud.bus.dead_letters import refuse
from cloud.bus.port import Flow, Publisher, Received, Subscriber, Subscription
from cloud.errors import StoreAwayError, StoreRefusedError
from cloud.ingest.receipts import Receipts
from cloud.ingest.settings import IngestSettings
from cloud.store.port import EventRecord, EventStore
from cloud.store.records import records
from cloud.store.runs import Run
from protos.codec import decode_batch
from protos.errors import InvalidPayloadError
from protos.ids import Lane
from wayside.backoff import Backoff

SUBSCRIPTION = "ingest"
_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, eq=False)
class _Batch:
    """A delivery and what is in it."""

    received: Received
    device: str
    boot: int
    lane: Lane
    run: Run
    records: Sequence[EventRecord]


class IngestWorker:
    """The one that writes what Pub/Sub delivers.

    Args:
        settings: how much is gathered.
        store: written by this worker's thread alone.
        subscriber: from Pub/Sub.
        publisher: to the dead letter and, for receipts, down.
        backoff: the waits while the store is away.
    """

    def __init__(
        self,
        settings: IngestSettings,
        store: EventStore,
        subscriber: Subscriber,
        publisher: Publisher,
        backoff: Backoff | None = None,
    ) -> None:
        self._settings = settings
        self._store = store
        self._subscriber = subscriber
        self._publisher = publisher
        self._backoff = backoff or Backoff(settings.retry_initial_s, settings.retry_max_s)
        self._receipts = Receipts(
            publisher, settings.receipt_interval_ms / 1000, settings.max_receipt_ranges
        )
        # Not bounded itself: the subscription's flow limits are its bound.
        self._queue: queue.SimpleQueue[Received | None] = queue.SimpleQueue()
        self._stop = threading.Event()
        self._subscription: Subscription | None = None
        self._thread: threading.Thread | None = None

    @property
    def running(self) -> bool:
        """True while batches are taken and written."""
        taking = self._subscription is not None and self._subscription.listening
        return taking and self._thread is not None and self._thread.is_alive()

    def start(self) -> None:
        """Begin to take batches; returns at once."""
        self._receipts.start()
        self._thread = threading.Thread(target=self._run, name="ingest", daemon=True)
        self._thread.start()
        flow = Flow(self._settings.max_messages, self._settings.max_bytes)
        self._subscription = self._subscriber.subscribe(SUBSCRIPTION, self._queue.put, flow)

    def stop(self) -> None:
        """Take no more, finish the write that runs, send its receipts; the rest comes again."""
        if self._subscription is not None:
            self._subscription.stop()
        self._stop.set()
        self._queue.put(None)
        if self._thread is not None:
            self._thread.join()
        self._receipts.stop()

    def _run(self) -> None:
        while not self._stop.is_set():
            self._store_all(self._decoded(self._gather()))
        for received in self._drained():
            received.nack()

    def _gather(self) -> list[Received]:
        """The next batches, as many as are there within `max_wait_ms` of the first."""
        gathered: list[Received] = []
        deadline = 0.0
        while len(gathered) < self._settings.max_batches:
            try:
                timeout_s = max(0.0, deadline - time.monotonic()) if gathered else None
                received = self._queue.get(timeout=timeout_s)
            except queue.Empty:
                break
            if received is None:
                break
            if not gathered:
                deadline = time.monotonic() + self._settings.max_wait_ms / 1000
            gathered.append(received)
        return gathered

    def _drained(self) -> list[Received]:
        drained = []
        while not self._queue.empty():
            received = self._queue.get()
            if received is not None:
                drained.append(received)
        return drained

    def _decoded(self, gathered: Sequence[Received]) -> list[_Batch]:
        """The batches that are any; the others go to the dead letter."""
        batches = []
        for received in gathered:
            batch = self._decode(received)
            if batch is not None:
                batches.append(batch)
        return batches

    def _decode(self, received: Received) -> _Batch | None:
        try:
            batch = decode_batch(received.data)
            found = records(batch)
        except InvalidPayloadError as error:
            refuse(self._publisher, received, SUBSCRIPTION, str(error))
            return None
        run = Run(batch.first_seq, batch.first_seq + batch.count - 1)
        return _Batch(received, batch.device, batch.boot, Lane(batch.lane), run, found)

    def _store_all(self, batches: list[_Batch]) -> None:
        """Write them together; where the store refuses that, each alone, to find the culprit."""
        groups = [batches] if batches else []
        while groups:
            group = groups.pop(0)
            try:
                self._store.write([record for batch in group for record in batch.records])
            except StoreRefusedError as error:
                if len(group) > 1:
                    groups[:0] = [[batch] for batch in group]
                    continue
                refuse(self._publisher, group[0].received, SUBSCRIPTION, str(error))
            except StoreAwayError as error:
                self._give_back([batch for some in (group, *groups) for batch in some], error)
                return
            else:
                self._acknowledge(group)

    def _acknowledge(self, group: Sequence[_Batch]) -> None:
        self._backoff.reset()
        for batch in group:
            batch.received.ack()
        for batch in group:
            self._receipts.add(batch.device, batch.boot, batch.lane, batch.run)

    def _give_back(self, batches: Sequence[_Batch], error: StoreAwayError) -> None:
        """Let Pub/Sub keep them, and leave the store alone for a while."""
        wait_s = self._backoff.next_s()
        _log.warning(
            "store away", batches=len(batches), retry_s=round(wait_s, 1), reason=str(error)
        )
        for batch in batches:
            batch.received.nack()
        self._stop.wait(wait_s)
