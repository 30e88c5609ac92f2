"""Pub/Sub to the blob store: each picture written, then acknowledged, then receipted.

    subscription -> gather -> decode -> blobs.put -> ack -> receipts

The receipt names the picture's own place in the evidence lane, which the device's outbox knows.
"""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import structlog

from cloud.bus.dead_letters import refuse
from cloud.bus.groups import GroupLimits, GroupReader
from cloud.bus.port import Publisher, Received, Subscriber
from cloud.errors import BlobsAwayError, StoreAwayError
from cloud.evidence.settings import EvidenceSettings
from cloud.evidence.snapshots import Snapshots
from cloud.ingest.receipts import Receipts
from cloud.store.runs import Run
from protos.codec import MAX_PAYLOAD_BYTES, decode
from protos.errors import InvalidPayloadError
from protos.ids import Lane
from protos.v1.snapshot_pb2 import Snapshot
from wayside.backoff import Backoff

SUBSCRIPTION = "evidence"
_log = structlog.get_logger(__name__)


class EvidenceWorker:
    """The one that keeps the pictures that Pub/Sub delivers.

    Args:
        settings: how much is taken at once.
        snapshots: where pictures are kept.
        subscriber: from Pub/Sub.
        publisher: to the dead letter and, for receipts, down.
        backoff: the waits while the blob store is away.
    """

    def __init__(
        self,
        settings: EvidenceSettings,
        snapshots: Snapshots,
        subscriber: Subscriber,
        publisher: Publisher,
        backoff: Backoff | None = None,
    ) -> None:
        self._snapshots = snapshots
        self._publisher = publisher
        self._writers = settings.parallel_writes
        self._backoff = backoff or Backoff(settings.retry_initial_s, settings.retry_max_s)
        self._receipts = Receipts(
            publisher, settings.receipt_interval_ms / 1000, settings.max_receipt_ranges
        )
        limits = GroupLimits(
            settings.max_pictures,
            settings.max_pictures * MAX_PAYLOAD_BYTES,
            settings.max_wait_ms / 1000,
        )
        self._reader = GroupReader(subscriber, SUBSCRIPTION, self._keep_all, limits)

    @property
    def running(self) -> bool:
        """True while pictures are taken and kept."""
        return self._reader.running

    def start(self) -> None:
        """Begin to take pictures; returns at once."""
        self._receipts.start()
        self._reader.start()

    def stop(self) -> None:
        """Finish the pictures that are written now, send their receipts; the rest comes again."""
        self._reader.stop()
        self._receipts.stop()

    def _keep_all(self, group: Sequence[Received]) -> None:
        with ThreadPoolExecutor(self._writers, thread_name_prefix="evidence") as writers:
            outcomes = list(writers.map(self._keep, group))
        failures = [error for error in outcomes if error is not None]
        if not failures:
            self._backoff.reset()
            return
        wait_s = self._backoff.next_s()
        _log.warning("pictures not kept", pictures=len(failures), reason=str(failures[0]),
                     retry_s=round(wait_s, 1))  # fmt: skip
        self._reader.pause(wait_s)

    def _keep(self, received: Received) -> BlobsAwayError | StoreAwayError | None:
        """The error of a picture that was given back, as the blob store is away."""
        try:
            snapshot = decode(Snapshot, received.data)
            self._snapshots.keep(snapshot)
        except InvalidPayloadError as error:
            refuse(self._publisher, received, SUBSCRIPTION, str(error))
            return None
        except (BlobsAwayError, StoreAwayError) as error:
            received.nack()
            return error
        received.ack()
        run = Run(snapshot.seq, snapshot.seq)
        self._receipts.add(snapshot.device, snapshot.boot, Lane.EVIDENCE, run)
        return None
