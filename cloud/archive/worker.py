"""Pub/Sub to the archive, by a subscription of its own.

    subscription -> gather -> a file a day and share of the devices -> ack

A round is cut into shares of the devices by the headers of its batches, and only what is being
written is decoded: a round of megabytes would be hundreds of them as rows.

Receipts are ingest's: a slow blob store holds up neither them nor the store, and what is not
archived yet is kept by Pub/Sub.
"""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date
from functools import partial

import structlog

from cloud.archive.archive import Archive
from cloud.archive.erase import erase_in, without
from cloud.archive.keys import ArchiveFile, Shard, day_of, shards_for
from cloud.archive.rows import ArchiveRow, files_of, rows
from cloud.archive.settings import ArchiveSettings
from cloud.bus.groups import GroupLimits, GroupReader
from cloud.bus.port import Received, Subscriber
from cloud.erasure.ranges import ErasedRanges, ReadErased, nothing_erased
from cloud.errors import ArchiveError, BlobsAwayError, StoreAwayError
from protos.codec import decode_batch, read_header
from protos.errors import InvalidPayloadError
from wayside.backoff import Backoff

SUBSCRIPTION = "archive"
_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class _Written:
    """What became of a share.

    Attributes:
        files: that are durable.
        whole: batches of which every event is in one of them, or was erased.
        lacking: the others.
        error: why there are others; None: there are none.
    """

    files: Sequence[ArchiveFile]
    whole: Sequence[Received]
    lacking: Sequence[Received]
    error: Exception | None

    @property
    def batches(self) -> Sequence[Received]:
        """All of them."""
        return [*self.whole, *self.lacking]


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
        self._events_per_file = settings.events_per_file
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
        shares = self._shares(group)
        try:
            erased = self._read_erased()
        except StoreAwayError as error:
            self._give_back([one for share in shares.values() for one in share], error)
            return
        written = self._write(shares, erased)
        try:
            files = [file for share in written for file in share.files]
            for one in self._read_erased().since(erased):
                erase_in(self._archive, files, one)
        except (StoreAwayError, BlobsAwayError, ArchiveError, OSError) as error:
            self._give_back([one for share in written for one in share.batches], error)
            return
        self._settle(written)

    def _shares(self, group: Sequence[Received]) -> dict[Shard, list[Received]]:
        """The batches by the share that their devices are in; what is none is done with."""
        devices: dict[Received, str] = {}
        events = 0
        for received in group:
            try:
                header = read_header(received.data)
            except InvalidPayloadError as error:
                _leave_to_ingest(received, error)
                continue
            devices[received] = header.device
            events += header.count
        shards = shards_for(events, self._events_per_file)
        shares: dict[Shard, list[Received]] = {}
        for received, device in devices.items():
            shares.setdefault(Shard.of_device(device, shards), []).append(received)
        return shares

    def _write(
        self, shares: dict[Shard, list[Received]], erased: ErasedRanges
    ) -> Sequence[_Written]:
        write = partial(self._write_share, erased)
        with ThreadPoolExecutor(self._writers, thread_name_prefix="archive") as writers:
            return list(writers.map(write, shares.keys(), shares.values()))

    def _write_share(
        self, erased: ErasedRanges, shard: Shard, share: Sequence[Received]
    ) -> _Written:
        """Write the files of a share, one a day, as many as can be written."""
        found = {received: rows for received in share if (rows := _rows(received)) is not None}
        kept = without((row for some in found.values() for row in some), erased)
        written: list[ArchiveFile] = []
        failed: dict[date, Exception] = {}
        for file, some in files_of(kept, lambda device: shard).items():
            if (error := self._try_to_write(file, some)) is not None:
                failed[file.day] = error
            else:
                written.append(file)
        whole: list[Received] = []
        lacking: list[Received] = []
        for received, some in found.items():
            lacks = failed and any(day_of(row.event.captured_ns) in failed for row in some)
            (lacking if lacks else whole).append(received)
        return _Written(written, whole, lacking, next(iter(failed.values()), None))

    def _try_to_write(self, file: ArchiveFile, rows: Sequence[ArchiveRow]) -> Exception | None:
        try:
            self._archive.write(file, rows)
        except (BlobsAwayError, ArchiveError, OSError) as error:
            return error
        return None

    def _settle(self, written: Sequence[_Written]) -> None:
        for received in (one for share in written for one in share.whole):
            received.ack()
        errors = [share.error for share in written if share.error is not None]
        if errors:
            self._give_back([one for share in written for one in share.lacking], errors[0])
        else:
            self._backoff.reset()

    def _give_back(self, batches: Sequence[Received], reason: Exception) -> None:
        """Have them again later."""
        for received in batches:
            received.nack()
        wait_s = self._backoff.next_s()
        _log.warning("not archived", batches=len(batches), reason=str(reason),
                     retry_s=round(wait_s, 1))  # fmt: skip
        self._reader.pause(wait_s)


def _rows(received: Received) -> list[ArchiveRow] | None:
    """The rows of a batch, None where it is none."""
    try:
        return rows(decode_batch(received.data))
    except InvalidPayloadError as error:
        _leave_to_ingest(received, error)
        return None


def _leave_to_ingest(received: Received, error: InvalidPayloadError) -> None:
    """Be done with what is no batch: ingest puts it in the dead letter."""
    _log.warning("not archived, ingest refuses it", reason=str(error),
                 message_id=received.message_id)  # fmt: skip
    received.ack()
