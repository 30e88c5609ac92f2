"""What is in the archive, for people."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from itertools import groupby

from cloud.archive.archive import Archive
from cloud.archive.keys import ArchiveFile
from cloud.errors import BlobNotFoundError


@dataclass(frozen=True, slots=True)
class Listed:
    """Files of a day.

    Attributes:
        day: UTC.
        devices: whose: a device, or a share of all.
        files: how many.
        events: in them; where a device was asked for, its events.
        bytes: of the files.
    """

    day: date
    devices: str
    files: int
    events: int
    bytes: int


def listed(archive: Archive, since_ns: int, until_ns: int, device: str) -> Iterator[Listed]:
    """What there is of a range, by day and part; of a device, by day.

    The bounds choose files; with a device, its events in the range are counted, file by file.

    Raises:
        BlobsAwayError: try again.
        ArchiveError: a file is damaged.
        OSError: there is no room for temporary files.
    """
    found = (
        (file, events, size_bytes)
        for file, size_bytes in archive.files(since_ns, until_ns, device)
        if (events := _events(archive, file, since_ns, until_ns, device))
    )
    for (day, devices), some in groupby(
        found, key=lambda one: (one[0].day, device or one[0].part.label)
    ):
        rows = list(some)
        events, size_bytes = sum(row[1] for row in rows), sum(row[2] for row in rows)
        yield Listed(day, devices, len(rows), events, size_bytes)


def _events(archive: Archive, file: ArchiveFile, since_ns: int, until_ns: int, device: str) -> int:
    if not device:
        return file.events
    try:
        return archive.count(file, since_ns, until_ns, device)
    except BlobNotFoundError:
        return 0  # joined or deleted meanwhile
