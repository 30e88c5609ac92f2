"""One erasure: recorded, carried out in store, archive and pictures, and recorded as done."""

import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack, closing

from cloud.app.store import open_store
from cloud.erasure.erasing import Erasing, Found, outcome_of
from cloud.erasure.ranges import ErasedRange
from cloud.errors import CloudError, ErasureError
from cloud.fleet.audit import Actor
from cloud.fleet.erasures import Erasure
from cloud.settings import CloudSettings

_LOOK_AGAIN_S = 0.5

Confirm = Callable[[Found, Sequence[ErasedRange]], bool]
"""Told what would go and which erasures were broken off; True: delete it."""


def run_erase(
    settings: CloudSettings, erased: ErasedRange, by: Actor, asked_ns: int, confirm: Confirm
) -> bool:
    """Erase a range, unless it is not confirmed; returns whether it was.

    Everything is opened before anything is recorded or deleted. The record comes before the
    first deletion, so that what is late is let go of from then on, and the end after the store's
    file was closed, as only then the bytes have left it.

    Args:
        settings: which store, fleet's database and blobs.
        erased: the range.
        by: who asks.
        asked_ns: when they did.
        confirm: asked before anything is recorded.

    Raises:
        StoreHeldError: another process holds the store's file; nothing was done.
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
        erasures = Erasures(database, Audit(database))
        number: int | None = None
        try:
            with ExitStack() as ends:
                store = open_store(settings)
                ends.callback(store.close)
                blobs = open_blobs(settings.blobs)
                archive = Archive(blobs)
                ends.callback(archive.close)
                erasing = Erasing(erased, store, archive, Snapshots(blobs), asked_ns)
                found = erasing.find()
                if not confirm(found, erasures.broken_off(erased.device)):
                    return False
                number = erasures.begin(erased, by)
                erasing.carry_out()
        except (CloudError, OSError) as error:
            if number is not None:
                erasures.fail(number, str(error))
            raise
        erasures.end(number, outcome_of(found))
        return True


def serve_answers(settings: CloudSettings) -> bool:
    """Whether a `serve` of these settings answers on this machine, ready or not."""
    from cloud.app.ready import ReadyRoute

    tls = settings.api.tls
    route = ReadyRoute(
        settings.api.host, settings.api.port, tls.certificate_file if tls is not None else None
    )
    return route.is_ready() or route.has_answered


def ask_serve(
    settings: CloudSettings,
    erased: ErasedRange,
    by: Actor,
    asked_ns: int,
    told: Callable[[Erasure], None],
    patience_s: float = 30.0,
) -> Erasure:
    """Have the running `serve` erase a range, and wait until it has tried.

    It is asked through the fleet's database, which both of them hold anyhow.

    Args:
        settings: of that serve.
        erased: the range.
        by: who asks.
        asked_ns: when they did.
        told: called with each change of its state.
        patience_s: how long it may take until it begins.

    Raises:
        ErasureError: too many wait already, or it does not begin; the record stays.
        StartError: the fleet's database cannot be used.
        StoreAwayError: it does not answer.
    """
    from cloud.fleet.audit import Audit
    from cloud.fleet.database import FleetDatabase
    from cloud.fleet.erasures import Erasures, ErasureState

    with closing(FleetDatabase(settings.fleet.url)) as database:
        erasures = Erasures(database, Audit(database))
        erasure = erasures.ask(erased, by, asked_ns)
        told(erasure)
        deadline_s = time.monotonic() + patience_s
        while erasure.state not in (ErasureState.DONE, ErasureState.FAILED):
            if erasure.state is ErasureState.ACCEPTED and time.monotonic() > deadline_s:
                raise ErasureError(
                    f"erasure {erasure.number} is on record, and no `serve` has begun it: the "
                    "next one that starts with this fleet database carries it out"
                )
            time.sleep(_LOOK_AGAIN_S)
            before, erasure = erasure, erasures.get(erasure.number)
            if erasure.state is not before.state:
                told(erasure)
        return erasure
