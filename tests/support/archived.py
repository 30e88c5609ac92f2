"""Batches as they are archived."""

from collections.abc import Callable, Iterable

from cloud.archive.archive import Archive
from cloud.archive.keys import OneDevice, Part, Shard
from cloud.archive.rows import files_of, rows
from protos.v1.event_batch_pb2 import EventBatch
from tests.support.stored import START_NS

PartOf = Callable[[str], Part]
DAY_NS = 86_400_000_000_000
MIDNIGHT_NS = START_NS // DAY_NS * DAY_NS
"""The day in which START_NS lies, 2025-06-15, begins here."""


def in_shards(shards: int) -> PartOf:
    """Layout 2, as the worker writes it."""
    return lambda device: Shard.of_device(device, shards)


def archive_batches(
    archive: Archive, batches: Iterable[EventBatch], part_of: PartOf = OneDevice
) -> None:
    """Write batches as one round of files, by default in layout 1, as stores of users have it."""
    found = (row for batch in batches for row in rows(batch))
    for file, some in files_of(found, part_of).items():
        archive.write(file, some)
