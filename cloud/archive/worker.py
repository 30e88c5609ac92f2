"""Pub/Sub to the archive, by a subscription of its own.

    subscription -> gather -> decode -> a file a day and device -> ack

Receipts are ingest's: a slow blob store holds up neither them nor the store, and what is not
archived yet is kept by Pub/Sub.
"""

from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor

import structlog

from cloud.archive.archive import Archive
from cloud.archive.erase import erase_in, without
from cloud.archive.keys import ArchiveFile
from cloud.archive.rows import ArchiveRow, files_of, rows
from cloud.archive.settings import ArchiveSettings
from cloud.bus.groups import GroupLimits, GroupReader
from cloud.bus.port import Received, Subscriber
from cloud.erasure.ranges import ReadErased, nothing_erased
from cloud.errors import ArchiveError, BlobsAwayError, StoreAwayError
from protos.codec import decode_batch
from protos.errors import InvalidPayloadError
from wayside.backoff import Backoff

SUBSCRIPTION = "archive"
_log = structlog.get_logger(__name__)


class ArchiveWorker:
    """The one that archives what Pub/Sub delivers.

    Args:
        settings: how much is gathered.
        archive: where it goes.
        subscriber: from Pub/Sub.
        backoff: the waits while the blob store is away.
        read_erased: what is let go of, should it come late.
    """

    def __init__(
        self,
        settings: ArchiveSettings,
        archive: Archive,
        subscriber: Subscriber,
        backoff: Backoff | None = None,
        read_erased: ReadErased = nothing_erased,
    ) -> None:
        self._archive = archive
        self._read_erased = read_erased
        self._writers = settings.parallel_writes
        self._backoff = backoff or Backoff(settings.retry_initial_s, settings.retry_max_s)
        limits = GroupLimits(settings.max_batches, settings.max_bytes, settings.max_wait_s)
        self._reader = GroupReader(subscriber, SUBSCRIPTION, self._archive_all, limits)

    @property
    def running(self) -> bool:
        """True while batches are taken and archived."""
        return self._reader.running

    def start(self) -> None:
        """Begin to take batches; returns at once."""
        self._reader.start()

    def stop(self) -> None:
        """Finish the files that are written now; the rest comes again."""
        self._reader.stop()

    def _archive_all(self, group: Sequence[Received]) -> None:
        found = {received: rows for received in group if (rows := _rows(received)) is not None}
        try:
            erased = self._read_erased()
            files = files_of(without((row for rows in found.values() for row in rows), erased))
            failed = self._write(files)
            for one in self._read_erased().since(erased):
                erase_in(self._archive, files, one)
        except (StoreAwayError, BlobsAwayError, ArchiveError, OSError) as error:
            for received in found:
                received.nack()
            self._wait(error, len(found))
            return
        missing = {row.event.id for file in failed for row in files[file]}
        for received, rows in found.items():
            if missing.isdisjoint(row.event.id for row in rows):
                received.ack()
            else:
                received.nack()
        if not failed:
            self._backoff.reset()
            return
        self._wait(next(iter(failed.values())), len(found))

    def _wait(self, reason: Exception, batches: int) -> None:
        wait_s = self._backoff.next_s()
        _log.warning("not archived", batches=batches, reason=str(reason),
                     retry_s=round(wait_s, 1))  # fmt: skip
        self._reader.pause(wait_s)

    def _write(self, files: dict[ArchiveFile, list[ArchiveRow]]) -> dict[ArchiveFile, Exception]:
        """Write all; returns those that failed, and why."""
        with ThreadPoolExecutor(self._writers, thread_name_prefix="archive") as writers:
            outcomes: Iterable[Exception | None] = writers.map(
                self._try_to_write, files.keys(), files.values()
            )
            return {
                file: outcome
                for file, outcome in zip(files, outcomes, strict=True)
                if outcome is not None
            }

    def _try_to_write(self, file: ArchiveFile, rows: Sequence[ArchiveRow]) -> Exception | None:
        try:
            self._archive.write(file, rows)
        except (BlobsAwayError, ArchiveError, OSError) as error:
            return error
        return None


def _rows(received: Received) -> list[ArchiveRow] | None:
    """The rows of a batch; what is none is done with, as ingest puts it in the dead letter."""
    try:
        return rows(decode_batch(received.data))
    except InvalidPayloadError as error:
        _log.warning("not archived, ingest refuses it", reason=str(error),
                     message_id=received.message_id)  # fmt: skip
        received.ack()
        return None
