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
    """Files that hold rows of a range, with their bytes; what their names leave open is looked up.

    Raises:
        BlobsAwayError: try again.
        ArchiveError: a file is damaged.
        OSError: there is no room for temporary files.
    """
    bounds = erased.since_ns, erased.until_ns, erased.device
    for file, size_bytes in archive.files(*bounds):
        try:
            holds_some = archive.count(file, *bounds) > 0
        except BlobNotFoundError:
            continue  # joined or erased meanwhile, by somebody who minds the ranges too
        if holds_some:
            yield file, size_bytes


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
    bounds = erased.since_ns, erased.until_ns, erased.device
    return erase_in(archive, [file for file, _ in archive.files(*bounds)], erased)


def erase_in(archive: Archive, files: Iterable[ArchiveFile], erased: ErasedRange) -> int:
    """Have no row of a range in these files; see `erase`."""
    return sum(_erase_in(archive, file, erased) for file in files)


def _erase_in(archive: Archive, file: ArchiveFile, erased: ErasedRange) -> bool:
    """True where the file held some."""
    bounds = erased.since_ns, erased.until_ns, erased.device
    # Where the name says that all of it goes, a damaged file goes too.
    if not file.is_within(*bounds):
        try:
            if not file.may_hold(*bounds) or not archive.count(file, *bounds):
                return False
            rows = archive.read(file)
        except BlobNotFoundError:
            return False  # joined or erased meanwhile, by somebody who minds the ranges too
        kept = without(rows, ErasedRanges.of([erased]))
        for smaller, some in files_of(kept, lambda device: file.part).items():
            archive.write(smaller, some)
    archive.delete([file])
    return True
