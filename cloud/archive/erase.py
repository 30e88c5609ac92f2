"""Erased rows out of the archive's files.

Whoever puts rows into a file reads the erased ranges before it and after it: either it sees an
erasure that was recorded meanwhile and takes the rows out again, or the erasure, recorded later,
finds the file. So a worker and `compact` may run at the same time and bring nothing back.
"""

from collections.abc import Iterable, Iterator

from cloud.archive.archive import Archive
from cloud.archive.keys import ArchiveFile
from cloud.archive.rows import ArchiveRow, files_of
from cloud.erasure.ranges import ErasedRange, ErasedRanges
from cloud.errors import BlobNotFoundError


def files_with(archive: Archive, erased: ErasedRange) -> Iterator[tuple[ArchiveFile, int]]:
    """Files that may hold rows of a range, with their bytes.

    Raises:
        BlobsAwayError: try again.
    """
    return archive.files(erased.since_ns, erased.until_ns, erased.device)


def without(rows: Iterable[ArchiveRow], erased: ErasedRanges) -> list[ArchiveRow]:
    """The rows that were not erased."""
    return [row for row in rows if not erased.cover(row.event.id.device, row.event.captured_ns)]


def erase(archive: Archive, erased: ErasedRange) -> int:
    """Have no row of a range in any file; returns how many files held some.

    A file is rewritten without them: the new one is durable before the old one goes. Broken off
    at any moment, nothing else is lost, and another run does the rest.

    Raises:
        BlobsAwayError: try again.
        ArchiveError: a file is damaged.
        OSError: there is no room for temporary files.
    """
    # All at once, as what is deleted meanwhile would be missed in the pages to come.
    return erase_in(archive, [file for file, _ in files_with(archive, erased)], erased)


def erase_in(archive: Archive, files: Iterable[ArchiveFile], erased: ErasedRange) -> int:
    """Have no row of a range in these files; see `erase`."""
    return sum(_erase_in(archive, file, erased) for file in files)


def _erase_in(archive: Archive, file: ArchiveFile, erased: ErasedRange) -> bool:
    """True where the file held some."""
    if not _is_all(file, erased):
        try:
            rows = archive.read(file)
        except BlobNotFoundError:
            return False  # joined or erased meanwhile, by somebody who minds the ranges too
        kept = without(rows, ErasedRanges.of([erased]))
        if len(kept) == len(rows):
            return False
        for smaller, some in files_of(kept).items():
            archive.write(smaller, some)
    archive.delete([file])
    return True


def _is_all(file: ArchiveFile, erased: ErasedRange) -> bool:
    """Whether the name alone says that every row is of the range; damaged files go so, too."""
    first, last = file.first_ns, file.last_ns
    return erased.covers(file.device, first) and erased.covers(file.device, last)
