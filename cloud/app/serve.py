"""Store, ingest and API in one process: the one that holds the database file (decision 15)."""

import threading
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, NamedTuple, Protocol

from cloud.app.http import answer
from cloud.app.store import open_store
from cloud.errors import StartError
from cloud.settings import CloudSettings
from cloud.store.port import EventStore
from wayside.net import port_is_open

if TYPE_CHECKING:
    from cloud.api.health import Readiness
    from cloud.api.parts import Parts
    from cloud.archive.archive import Archive
    from cloud.blobs.port import Blobs
    from cloud.bus.port import Publisher, Subscriber
    from cloud.desired.sender import DownlinkSender
    from cloud.desired.way_down import WayDown
    from cloud.enrolment.enrolment import Enrolment
    from cloud.erasure.worker import ErasureWorker
    from cloud.evidence.snapshots import Snapshots
    from cloud.fleet.audit import Audit
    from cloud.fleet.database import FleetDatabase
    from cloud.fleet.devices import Devices
    from cloud.fleet.erasures import Erasures
    from cloud.repository.lookout import Lookout


class _Worker(Protocol):
    """What takes messages of a subscription."""

    @property
    def running(self) -> bool: ...

    def start(self) -> None: ...

    def stop(self) -> None: ...


@dataclass(frozen=True, slots=True)
class _Kept:
    """What is kept: events, devices, pictures, and who did what."""

    store: EventStore
    database: "FleetDatabase"
    devices: "Devices"
    audit: "Audit"
    erasures: "Erasures"
    blobs: "Blobs"
    snapshots: "Snapshots"
    archive: "Archive"


def run_serve(settings: CloudSettings, stop: threading.Event) -> None:
    """Ingest and answer until told to stop.

    Raises:
        StartError: the store, the fleet's database or the blobs cannot be used, or the API's
            port is taken.
        IdentityError: it is to enrol devices, and the CA cannot be used.
        BusError: Pub/Sub does not answer.
    """
    from cloud.api.app import create_app

    _require_free_port(settings)
    with ExitStack() as ends:
        kept = _kept(settings, ends)
        eraser, lookout = _eraser(kept), _lookout(settings)
        bus = _bus(settings, ends)
        sender, down = _way_down(kept.database, kept.audit, bus.publisher)
        workers = {
            **_workers(settings, bus, kept, down),
            "downlink": sender,
            "erasure": eraser,
            "repository": lookout,
        }
        for worker in workers.values():
            worker.start()
            ends.callback(worker.stop)

        def readiness() -> dict[str, bool]:
            return {name: worker.running for name, worker in workers.items()}

        answer(
            create_app(_parts(settings, kept, down, eraser, lookout, readiness)),
            settings.api.host, settings.api.port, "the API", stop, settings.api.tls,
            settings.api.limits,
        )  # fmt: skip


def _kept(settings: CloudSettings, ends: ExitStack) -> _Kept:
    """Stores, opened; closed with `ends`."""
    from cloud.archive.archive import Archive
    from cloud.blobs.opened import open_blobs
    from cloud.evidence.snapshots import Snapshots
    from cloud.fleet.audit import Audit
    from cloud.fleet.database import FleetDatabase
    from cloud.fleet.devices import Devices
    from cloud.fleet.erasures import Erasures

    store = open_store(settings, rolls_up=True)
    ends.callback(store.close)
    database = FleetDatabase(settings.fleet.url)
    ends.callback(database.close)
    audit = Audit(database)
    erasures = Erasures(database, audit)
    blobs = open_blobs(settings.blobs)
    archive = Archive(blobs)
    ends.callback(archive.close)
    return _Kept(
        store, database, Devices(database, settings=settings.fleet.presence), audit, erasures,
        blobs, Snapshots(blobs, erasures.ranges), archive,
    )  # fmt: skip


def _parts(
    settings: CloudSettings, kept: _Kept, down: "WayDown", eraser: "ErasureWorker",
    lookout: "Lookout", readiness: "Readiness",
) -> "Parts":  # fmt: skip
    """What the API answers from."""
    from cloud.api.access import Access
    from cloud.api.parts import Parts
    from cloud.fleet.keys import Keys
    from cloud.fleet.lifecycle import Lifecycle
    from cloud.registry.registry import Registry

    database, audit = kept.database, kept.audit
    return Parts(
        store=kept.store, devices=kept.devices, lifecycle=Lifecycle(database, audit),
        readiness=readiness, snapshots=kept.snapshots,
        access=Access(Keys(database, audit), audit, settings.api.requires_key),
        erasures=kept.erasures, on_asked=eraser.wake,
        registry=Registry(database, audit, kept.blobs, settings.models), down=down,
        limits=settings.api.limits,
        enrolment=_enrolment(settings, database, kept.devices, audit),
        repository=lambda: lookout.view,
    )  # fmt: skip


def _eraser(kept: _Kept) -> "ErasureWorker":
    """Who carries erasures out, not started."""
    from cloud.erasure.erasing import Erasing
    from cloud.erasure.worker import ErasureWorker

    store, archive, snapshots = kept.store, kept.archive, kept.snapshots
    return ErasureWorker(
        kept.erasures, store,
        lambda erased, asked_ns: Erasing(erased, store, archive, snapshots, asked_ns),
    )  # fmt: skip


class _Bus(NamedTuple):
    """Both ends of Pub/Sub."""

    publisher: "Publisher"
    subscriber: "Subscriber"


def _bus(settings: CloudSettings, ends: ExitStack) -> _Bus:
    """Pub/Sub, with its topics and subscriptions; closed with `ends`."""
    from cloud.bus.apply import ensure
    from cloud.bus.google_publisher import GooglePublisher
    from cloud.bus.google_subscriber import GoogleSubscriber

    ensure(settings.bus)
    publisher = GooglePublisher(settings.bus)
    ends.callback(publisher.close)
    subscriber = GoogleSubscriber(settings.bus)
    ends.callback(subscriber.close)
    return _Bus(publisher, subscriber)


def _enrolment(
    settings: CloudSettings, database: "FleetDatabase", devices: "Devices", audit: "Audit"
) -> "Enrolment | None":
    """What gives devices their certificates; None where the settings say that others do."""
    from cloud.enrolment.enrolment import Enrolment
    from cloud.fleet.claims import Claims
    from cloud.identity.authority import CertificateAuthority

    if not settings.enrolment.enabled:
        return None
    authority = CertificateAuthority(settings.identity)
    claims = Claims(database, audit)
    return Enrolment(authority, claims, devices, audit, settings.enrolment)


def _lookout(settings: CloudSettings) -> "Lookout":
    """Who says in time what ends in the signed repository, not started; it holds no key."""
    from cloud.app.repository import standing_of, utc_now
    from cloud.repository.lookout import Lookout

    return Lookout(partial(standing_of, settings), settings.repository, utc_now)


def _way_down(
    database: "FleetDatabase", audit: "Audit", publisher: "Publisher"
) -> "tuple[DownlinkSender, WayDown]":
    """Who sends to devices, not started, and who changes what is sent."""
    from cloud.desired.outbox import DownlinkOutbox
    from cloud.desired.sender import DownlinkSender
    from cloud.desired.updates import Updates
    from cloud.desired.way_down import WayDown
    from cloud.desired.writer import DesiredStates

    outbox = DownlinkOutbox(database)
    sender = DownlinkSender(outbox, publisher)
    desired = DesiredStates(database, audit, outbox)
    return sender, WayDown(desired, Updates(database), sender.wake)


def _workers(
    settings: CloudSettings, bus: _Bus, kept: _Kept, down: "WayDown"
) -> dict[str, _Worker]:
    """Those who take messages from Pub/Sub, not started."""
    from cloud.archive.worker import ArchiveWorker
    from cloud.desired.worker import UpdateWorker
    from cloud.evidence.worker import EvidenceWorker
    from cloud.fleet.worker import StateWorker
    from cloud.ingest.worker import IngestWorker

    publisher, subscriber = bus
    erased = kept.erasures.ranges
    return {
        "ingest": IngestWorker(
            settings.ingest, kept.store, subscriber, publisher, read_erased=erased
        ),
        "archive": ArchiveWorker(settings.archive, kept.archive, subscriber, read_erased=erased),
        "evidence": EvidenceWorker(settings.evidence, kept.snapshots, subscriber, publisher),
        "presence": StateWorker(kept.devices, subscriber, publisher, heard=down.tell_again),
        "updates": UpdateWorker(down.updates, subscriber, publisher),
    }


def _require_free_port(settings: CloudSettings) -> None:
    if port_is_open(settings.api.host, settings.api.port):
        raise StartError(f"port {settings.api.port} is taken; set api.port to a free one")
