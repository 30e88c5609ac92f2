"""Ingest: batches from Pub/Sub, written together, acknowledged after the write (decision 5).

    subscription -> queue -> decode -> queue -> gather -> store.write -> receipts, ack

Two threads: one decodes what comes next while the other waits for the store. What is held is
bounded by the subscription's flow limits, and what is decoded by one write's worth. While the
store is away nothing is acknowledged, and Pub/Sub keeps it. The subscription is a pull from
Pub/Sub, or the push endpoint's (`push_door`): the worker sees no difference.
"""

import contextlib
import queue
import threading
import time

import structlog

from cloud.bus.port import Flow, Publisher, Received, Subscriber, Subscription
from cloud.erasure.ranges import ReadErased, nothing_erased
from cloud.errors import StoreAwayError
from cloud.ingest.handler import SUBSCRIPTION, Batch, Handler
from cloud.ingest.receipts import Receipts
from cloud.ingest.settings import IngestSettings
from cloud.store.port import EventStore
from wayside.backoff import Backoff

_log = structlog.get_logger(__name__)


class IngestWorker:
    """The one that writes what Pub/Sub delivers.

    Args:
        settings: how much is gathered.
        store: written by this worker's thread alone.
        subscriber: from Pub/Sub.
        publisher: to the dead letter and, for receipts, down.
        backoff: the waits while the store is away.
        receipt_timeout_s: None: receipts are gathered and follow. A number: see `Handler`.
        read_erased: what is let go of, should it come late.
    """

    def __init__(
        self,
        settings: IngestSettings,
        store: EventStore,
        subscriber: Subscriber,
        publisher: Publisher,
        backoff: Backoff | None = None,
        receipt_timeout_s: float | None = None,
        read_erased: ReadErased = nothing_erased,
    ) -> None:
        self._settings = settings
        self._subscriber = subscriber
        self._backoff = backoff or Backoff(settings.retry_initial_s, settings.retry_max_s)
        self._receipts = Receipts(
            publisher, settings.receipt_interval_ms / 1000, settings.max_receipt_ranges
        )
        self._receipts_follow = receipt_timeout_s is None
        self._handler = Handler(
            store, publisher, self._receipts, receipt_timeout_s, read_erased=read_erased
        )
        # Not bounded itself: the subscription's flow limits are its bound.
        self._received: queue.SimpleQueue[Received | None] = queue.SimpleQueue()
        self._decoded: queue.Queue[Batch | None] = queue.Queue(settings.max_batches)
        self._stop = threading.Event()
        self._subscription: Subscription | None = None
        self._gathered_s = 0.0
        self._decoder = threading.Thread(target=self._decode, name="ingest-decode", daemon=True)
        self._writer = threading.Thread(target=self._write, name="ingest", daemon=True)

    @property
    def running(self) -> bool:
        """True while batches are taken and written."""
        taking = self._subscription is not None and self._subscription.listening
        return taking and self._decoder.is_alive() and self._writer.is_alive()

    def start(self) -> None:
        """Begin to take batches; returns at once."""
        if self._receipts_follow:
            self._receipts.start()
        self._decoder.start()
        self._writer.start()
        flow = Flow(self._settings.max_messages, self._settings.max_bytes)
        self._subscription = self._subscriber.subscribe(SUBSCRIPTION, self._received.put, flow)

    def stop(self) -> None:
        """Take no more, finish the write that runs, send its receipts; the rest comes again."""
        if self._subscription is not None:
            self._subscription.stop()
        self._stop.set()
        self._received.put(None)
        if self._writer.ident is not None:
            self._writer.join()
        while self._decoder.is_alive():
            self._make_room()
        self._receipts.stop()

    def _decode(self) -> None:
        """Decode each message until there is no further one; after `stop` give it back."""
        try:
            while (received := self._received.get()) is not None:
                if self._stop.is_set():
                    received.nack()
                elif (batch := self._handler.decode(received)) is not None:
                    self._decoded.put(batch)
        finally:  # also of a decoder that dies: the writer waits for nothing more
            self._decoded.put(None)

    def _make_room(self) -> None:
        """Give a batch back; for a decoder that a dead writer left before a full queue."""
        with contextlib.suppress(queue.Empty):
            batch = self._decoded.get(timeout=0.01)
            if batch is not None:
                batch.received.nack()

    def _write(self) -> None:
        """Write until told to stop, then give back what waits, to the last."""
        ended = False
        while not ended:
            batches, ended = self._gather()
            if self._stop.is_set():
                for batch in batches:
                    batch.received.nack()
            else:
                self._settle(batches)

    def _gather(self) -> tuple[list[Batch], bool]:
        """The next batches, as many as are there `max_wait_ms` after those before.

        So a batch that comes alone is written at once, and batches that come one after the
        other are written together: each write costs much the same, whatever is in it. The
        second is True when none will follow.
        """
        gathered: list[Batch] = []
        deadline = self._gathered_s + self._settings.max_wait_ms / 1000
        while len(gathered) < self._settings.max_batches:
            try:
                timeout_s = max(0.0, deadline - time.monotonic()) if gathered else None
                batch = self._decoded.get(timeout=timeout_s)
            except queue.Empty:
                break
            if batch is None:
                return gathered, True
            gathered.append(batch)
        self._gathered_s = time.monotonic()
        return gathered, False

    def _settle(self, batches: list[Batch]) -> None:
        """Have them settled; while the store is away, leave it alone for a while."""
        try:
            self._handler.write(batches)
        except StoreAwayError as error:
            wait_s = self._backoff.next_s()
            _log.warning(
                "store away", batches=len(batches), retry_s=round(wait_s, 1), reason=str(error)
            )
            self._stop.wait(wait_s)
        else:
            self._backoff.reset()
