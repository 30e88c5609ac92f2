"""One erasure: recorded, carried out in store, archive and pictures, and recorded as done."""

from collections.abc import Callable, Sequence
from contextlib import ExitStack, closing

from cloud.app.store import open_store
from cloud.erasure.erasing import Erasing, Found
from cloud.erasure.ranges import ErasedRange
from cloud.errors import CloudError
from cloud.fleet.audit import Actor
from cloud.settings import CloudSettings

Confirm = Callable[[Found, Sequence[ErasedRange]], bool]
"""Told what would go and which erasures were broken off; True: delete it."""


def run_erase(settings: CloudSettings, erased: ErasedRange, by: Actor, confirm: Confirm) -> bool:
    """Erase a range, unless it is not confirmed; returns whether it was.

    Everything is opened before anything is recorded or deleted. The record comes before the
    first deletion, so that what is late is let go of from then on, and the end after the store's
    file was closed, as only then the bytes have left it.

    Raises:
        StartError: the store, the fleet's database or the blobs cannot be used.
        StoreAwayError: a database does not answer; begin again.
        BlobsAwayError: the blob store does not answer; begin again.
        ArchiveError: a file of the archive is damaged.
    """
    from cloud.archive.archive import Archive
    from cloud.blobs.opened import open_blobs
    from cloud.evidence.snapshots import Snapshots
    from cloud.fleet.audit import Audit
    from cloud.fleet.database import FleetDatabase
    from cloud.fleet.erasures import Erasures

    with closing(FleetDatabase(settings.fleet.url)) as database:
        audit = Audit(database)
        erasures = Erasures(database, audit)
        number: int | None = None
        try:
            with ExitStack() as ends:
                store = open_store(settings)
                ends.callback(store.close)
                blobs = open_blobs(settings.blobs)
                archive = Archive(blobs)
                ends.callback(archive.close)
                erasing = Erasing(erased, store, archive, Snapshots(blobs))
                found = erasing.find()
                if not confirm(found, erasures.broken_off(erased.device)):
                    return False
                number = erasures.begin(erased, by)
                erasing.carry_out()
        except (CloudError, OSError) as error:
            if number is not None:
                audit.end(number, f"failed: {error}")
            raise
        erasures.end(number, erased, _outcome(found))
        return True


def _outcome(found: Found) -> str:
    return f"done: {found.events} events, {found.files} files, {found.pictures} pictures"
