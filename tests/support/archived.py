"""Batches as they are archived."""

from collections.abc import Iterable

from cloud.archive.archive import Archive
from cloud.archive.rows import files_of, rows
from protos.v1.event_batch_pb2 import EventBatch
from tests.support.stored import START_NS

DAY_NS = 86_400_000_000_000
MIDNIGHT_NS = START_NS // DAY_NS * DAY_NS
"""The day in which START_NS lies, 2025-06-15, begins here."""


def archive_batches(archive: Archive, batches: Iterable[EventBatch]) -> None:
    """Write batches as one round of files."""
    for file, found in files_of(row for batch in batches for row in rows(batch)).items():
        archive.write(file, found)
