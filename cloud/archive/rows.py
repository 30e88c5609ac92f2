"""Batches into rows of the archive and back.

A row is one event, in the bytes that a store keeps, with the header of the batch that brought it:
what a newer peer added is in them too. Reading a row goes through the same code as ingest, so a
store that is rebuilt holds what ingest would have written.
"""

import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import groupby

from google.protobuf.message import DecodeError

from cloud.archive.keys import ArchiveFile, Part, day_of
from cloud.errors import ArchiveError
from cloud.store.port import EventRecord
from cloud.store.records import records
from protos.codec import encode
from protos.errors import InvalidPayloadError
from protos.ids import EventId, Lane
from protos.v1.event_batch_pb2 import EventBatch


@dataclass(frozen=True, slots=True)
class ArchiveRow:
    """An event, and the header of the batch in which it travelled.

    Attributes:
        event: as the store takes it.
        header: the wire's `EventBatch` without its events.
    """

    event: EventRecord
    header: bytes


def rows(batch: EventBatch) -> list[ArchiveRow]:
    """The rows of a batch.

    Raises:
        InvalidPayloadError: the store would not take it either.
    """
    header = EventBatch()
    header.CopyFrom(batch)
    header.ClearField("events")
    encoded = encode(header)
    return [ArchiveRow(event, encoded) for event in records(batch)]


def read_rows(kept: Iterable[tuple[bytes, bytes]], where: str) -> Iterator[ArchiveRow]:
    """Rows out of pairs of header and event, as they were written.

    Args:
        kept: bytes of a header, bytes of an event.
        where: the file, for messages.

    Raises:
        ArchiveError: they are no such bytes.
    """
    for header, events in groupby(kept, key=lambda pair: pair[0]):
        try:
            batch = EventBatch.FromString(header)
            batch.events.extend(EventBatch.Event.FromString(event) for _, event in events)
            found = records(batch)  # a ValueError is a lane that is none
        except (DecodeError, InvalidPayloadError, ValueError) as error:
            raise ArchiveError(f"archive file {where}: {error}") from error
        yield from (ArchiveRow(event, header) for event in found)


def files_of(
    rows: Iterable[ArchiveRow], part_of: Callable[[str], Part]
) -> dict[ArchiveFile, list[ArchiveRow]]:
    """Rows by the file that they belong into, each event once, sorted by (device, boot, lane, seq).

    Args:
        rows: in any order.
        part_of: of a device.
    """
    files: dict[tuple[date, Part], dict[EventId, ArchiveRow]] = {}
    for row in rows:
        event = row.event
        place = day_of(event.captured_ns), part_of(event.id.device)
        files.setdefault(place, {})[event.id] = row
    found = {
        place: sorted(some.values(), key=lambda row: row.event.id) for place, some in files.items()
    }
    return {_file(day, part, some): some for (day, part), some in found.items()}


def lane_slug(event: EventRecord) -> str:
    """The lane as the archive's column has it."""
    return Lane(event.id.lane).slug


def _file(day: date, part: Part, rows: Sequence[ArchiveRow]) -> ArchiveFile:
    times = [row.event.captured_ns for row in rows]
    digest = hashlib.sha256()
    for row in rows:
        for piece in (str(row.event.id).encode(), row.header, row.event.payload):
            digest.update(len(piece).to_bytes(4, "big") + piece)
    return ArchiveFile(day, part, min(times), max(times), len(rows), digest.hexdigest()[:16])
