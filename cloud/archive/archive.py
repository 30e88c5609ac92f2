"""The archive's files in a blob store."""

from collections.abc import Iterator, Sequence
from heapq import merge

from cloud.archive.keys import ROOTS, ArchiveFile, day_folder, day_of
from cloud.archive.parquet import CONTENT_TYPE, ParquetFiles
from cloud.archive.rows import ArchiveRow
from cloud.blobs.port import Blobs

FOREVER_NS = 2**63 - 1


class Archive:
    """Files of events by day and part of the devices. Any thread may call it.

    Args:
        blobs: where the files are.
    """

    def __init__(self, blobs: Blobs) -> None:
        self._blobs = blobs
        self._parquet = ParquetFiles()

    def write(self, file: ArchiveFile, rows: Sequence[ArchiveRow]) -> None:
        """Keep a file; on return it is durable. Writing it again changes nothing.

        Raises:
            BlobsAwayError: try again.
            ArchiveError: it cannot be written.
            OSError: there is no room for temporary files.
        """
        self._blobs.put(file.key, self._parquet.encode(rows), CONTENT_TYPE)

    def files(
        self, since_ns: int = 0, until_ns: int = FOREVER_NS, device: str = ""
    ) -> Iterator[tuple[ArchiveFile, int]]:
        """Files that may hold events of a range, with their bytes, by day, part and time.

        Args:
            since_ns: captured at or after.
            until_ns: captured before.
            device: whose, all devices where none is named.

        Raises:
            BlobsAwayError: try again.
        """
        layouts = [self._files(layout, since_ns, until_ns, device) for layout in (1, 2)]
        yield from merge(*layouts, key=lambda found: found[0].day)

    def read(self, file: ArchiveFile, device: str = "") -> list[ArchiveRow]:
        """The rows of a file, sorted by (device, boot, lane, seq).

        Args:
            file: which.
            device: only the rows of this one; empty: all.

        Raises:
            BlobNotFoundError: it was deleted meanwhile.
            BlobsAwayError: try again.
            ArchiveError: it is damaged.
            OSError: there is no room for temporary files.
        """
        return self._parquet.decode(self._blobs.get(file.key), file.key, device)

    def count(
        self, file: ArchiveFile, since_ns: int = 0, until_ns: int = FOREVER_NS, device: str = ""
    ) -> int:
        """How many rows of a range are in a file: cheaper than to read them.

        Raises:
            BlobNotFoundError: it was deleted meanwhile.
            BlobsAwayError: try again.
            ArchiveError: it is damaged.
            OSError: there is no room for temporary files.
        """
        if file.is_within(since_ns, until_ns, device):
            return file.events
        data = self._blobs.get(file.key)
        return self._parquet.count(data, file.key, since_ns, until_ns, device)

    def delete(self, files: Sequence[ArchiveFile]) -> None:
        """Have these files no longer.

        Raises:
            BlobsAwayError: try again.
        """
        self._blobs.delete([file.key for file in files])

    def _files(
        self, layout: int, since_ns: int, until_ns: int, device: str
    ) -> Iterator[tuple[ArchiveFile, int]]:
        # A key behind every one of the days before, and before every one of the first day.
        after = day_folder(layout, day_of(since_ns))
        for entry in self._blobs.list(ROOTS[layout - 1], after):
            file = ArchiveFile.parse(entry.key)
            if file is None:
                continue
            if file.day > day_of(until_ns):
                return
            if file.may_hold(since_ns, until_ns, device):
                yield file, entry.size_bytes

    def close(self) -> None:
        """Let go of the memory; the blob store is the caller's."""
        self._parquet.close()
