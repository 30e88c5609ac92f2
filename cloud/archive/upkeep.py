"""Upkeep of the archive: small files into large ones, old ones away."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import groupby

from cloud.archive.archive import Archive
from cloud.archive.erase import erase_in, without
from cloud.archive.keys import NS_PER_DAY, ArchiveFile
from cloud.archive.rows import files_of
from cloud.erasure.ranges import ReadErased, nothing_erased
from cloud.errors import BlobNotFoundError

MAX_EVENTS = 50_000
"""In a joined file; files are read whole, and this is some 250 MB of memory."""

_EPOCH = date(1970, 1, 1)


@dataclass(slots=True)
class Upkeep:
    """What was done: files that are gone, files in their place."""

    removed: int = 0
    made: int = 0


def compact(
    archive: Archive,
    before: date,
    max_events: int = MAX_EVENTS,
    read_erased: ReadErased = nothing_erased,
) -> Upkeep:
    """Join the files of each day and part of the devices; what was archived twice stands once.

    Broken off at any moment, nothing is lost: the joined file is written before the small ones
    are deleted.

    Args:
        archive: whose files.
        before: days before this one; on it files still arrive.
        max_events: in a joined file.
        read_erased: what must not get into a joined file.

    Raises:
        BlobsAwayError: try again.
        ArchiveError: a file is damaged.
        StoreAwayError: the table of erasures does not answer.
    """
    done = Upkeep()
    until_ns = (before - _EPOCH).days * NS_PER_DAY
    # All at once, as what is deleted below would be missed in the pages to come.
    found = [file for file, _ in archive.files(until_ns=until_ns)]
    for _, files in groupby(found, key=lambda file: (file.day, file.part)):
        for small in _portions(files, max_events):
            _join(archive, small, done, read_erased)
    return done


def apply_retention(archive: Archive, keep_days: int, today: date) -> Upkeep:
    """Delete the days that are older than `keep_days`.

    Raises:
        BlobsAwayError: try again.
    """
    oldest = today - timedelta(days=keep_days)
    until_ns = max(0, (oldest - _EPOCH).days) * NS_PER_DAY
    old = [file for file, _ in archive.files(until_ns=until_ns) if file.day < oldest]
    archive.delete(old)
    return Upkeep(removed=len(old))


def _portions(files: Iterable[ArchiveFile], max_events: int) -> Iterator[list[ArchiveFile]]:
    """Two or more neighbours each, as many as fit into one file."""
    portion: list[ArchiveFile] = []
    events = 0
    for file in files:
        if portion and events + file.events > max_events:
            if len(portion) > 1:
                yield portion
            portion, events = [], 0
        portion.append(file)
        events += file.events
    if len(portion) > 1:
        yield portion


def _join(
    archive: Archive, small: list[ArchiveFile], done: Upkeep, read_erased: ReadErased
) -> None:
    erased = read_erased()
    try:
        found = (row for file in small for row in archive.read(file))
        joined = files_of(without(found, erased), lambda device: small[0].part)
    except BlobNotFoundError:
        return  # somebody else compacts this day, or deletes it
    for file, rows in joined.items():
        archive.write(file, rows)
        done.made += file not in small
    gone = [file for file in small if file not in joined]
    archive.delete(gone)
    for one in read_erased().since(erased):
        erase_in(archive, joined, one)
    done.removed += len(gone)
