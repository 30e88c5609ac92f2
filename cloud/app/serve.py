"""Store, ingest and API in one process: the one that holds the database file (decision 15)."""

import threading
from contextlib import ExitStack
from typing import TYPE_CHECKING, Protocol

from cloud.app.http import answer
from cloud.app.store import open_store
from cloud.erasure.ranges import ReadErased
from cloud.errors import StartError
from cloud.settings import CloudSettings
from cloud.store.port import EventStore
from wayside.net import port_is_open

if TYPE_CHECKING:
    from cloud.archive.archive import Archive
    from cloud.evidence.snapshots import Snapshots
    from cloud.fleet.devices import Devices


class _Worker(Protocol):
    """What takes messages of a subscription."""

    @property
    def running(self) -> bool: ...

    def start(self) -> None: ...

    def stop(self) -> None: ...


def run_serve(settings: CloudSettings, stop: threading.Event) -> None:
    """Ingest and answer until told to stop.

    Raises:
        StartError: the store, the fleet's database or the blobs cannot be used, or the API's
            port is taken.
        BusError: Pub/Sub does not answer.
    """
    from cloud.api.access import Access
    from cloud.api.app import create_app
    from cloud.archive.archive import Archive
    from cloud.blobs.opened import open_blobs
    from cloud.erasure.erasing import Erasing
    from cloud.erasure.worker import ErasureWorker
    from cloud.evidence.snapshots import Snapshots
    from cloud.fleet.audit import Audit
    from cloud.fleet.database import FleetDatabase
    from cloud.fleet.devices import Devices
    from cloud.fleet.erasures import Erasures
    from cloud.fleet.keys import Keys
    from cloud.fleet.lifecycle import Lifecycle
    from cloud.registry.registry import Registry

    _require_free_port(settings)
    with ExitStack() as ends:
        store = open_store(settings, rolls_up=True)
        ends.callback(store.close)
        database = FleetDatabase(settings.fleet.url)
        ends.callback(database.close)
        devices = Devices(database, settings=settings.fleet.presence)
        audit = Audit(database)
        erasures = Erasures(database, audit)
        blobs = open_blobs(settings.blobs)
        snapshots = Snapshots(blobs, erasures.ranges)
        archive = Archive(blobs)
        ends.callback(archive.close)
        eraser = ErasureWorker(
            erasures, store,
            lambda erased, asked_ns: Erasing(erased, store, archive, snapshots, asked_ns),
        )  # fmt: skip
        workers = {
            **_workers(settings, ends, store, devices, archive, snapshots, erasures.ranges),
            "erasure": eraser,
        }
        for worker in workers.values():
            worker.start()
            ends.callback(worker.stop)

        def readiness() -> dict[str, bool]:
            return {name: worker.running for name, worker in workers.items()}

        access = Access(Keys(database, audit), audit, settings.api.requires_key)
        api = create_app(
            store, devices, Lifecycle(database, audit), readiness, snapshots, access, erasures,
            eraser.wake, Registry(database, audit, blobs, settings.models), settings.api.limits,
        )  # fmt: skip
        answer(
            api, settings.api.host, settings.api.port, "the API", stop, settings.api.tls,
            settings.api.limits,
        )  # fmt: skip


def _workers(
    settings: CloudSettings,
    ends: ExitStack,
    store: EventStore,
    devices: "Devices",
    archive: "Archive",
    snapshots: "Snapshots",
    erased: ReadErased,
) -> dict[str, _Worker]:
    """Those who take messages from Pub/Sub, not started; what they need is closed with `ends`."""
    from cloud.archive.worker import ArchiveWorker
    from cloud.bus.apply import ensure
    from cloud.bus.google_publisher import GooglePublisher
    from cloud.bus.google_subscriber import GoogleSubscriber
    from cloud.evidence.worker import EvidenceWorker
    from cloud.fleet.worker import StateWorker
    from cloud.ingest.worker import IngestWorker

    ensure(settings.bus)
    publisher = GooglePublisher(settings.bus)
    ends.callback(publisher.close)
    subscriber = GoogleSubscriber(settings.bus)
    ends.callback(subscriber.close)
    return {
        "ingest": IngestWorker(settings.ingest, store, subscriber, publisher, read_erased=erased),
        "archive": ArchiveWorker(settings.archive, archive, subscriber, read_erased=erased),
        "evidence": EvidenceWorker(settings.evidence, snapshots, subscriber, publisher),
        "presence": StateWorker(devices, subscriber, publisher),
    }


def _require_free_port(settings: CloudSettings) -> None:
    if port_is_open(settings.api.host, settings.api.port):
        raise StartError(f"port {settings.api.port} is taken; set api.port to a free one")
