"""What the application is made of; any thread of the pool may use each part."""

from collections.abc import Callable
from dataclasses import dataclass, field

from cloud.api.access import Access
from cloud.api.health import Readiness
from cloud.api.repository import ReadView
from cloud.api.settings import LimitsSettings
from cloud.desired.way_down import WayDown
from cloud.enrolment.enrolment import Enrolment
from cloud.evidence.snapshots import Snapshots
from cloud.fleet.devices import Devices
from cloud.fleet.erasures import Erasures
from cloud.fleet.lifecycle import Lifecycle
from cloud.registry.registry import Registry
from cloud.store.port import EventStore


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """What the application answers from, and whom it tells.

    Attributes:
        store: of events.
        devices: as they are known.
        lifecycle: changes them.
        readiness: which parts of the process run; asked by `/readyz`.
        snapshots: pictures of events.
        access: who may what; asked before every route but those of health and the description.
        erasures: the record of them.
        on_asked: called when an erasure was asked for.
        registry: of models.
        down: what devices shall be.
        limits: of bodies.
        enrolment: gives devices their certificates; None: others do.
        repository: what was seen of the signed repository.
    """

    store: EventStore
    devices: Devices
    lifecycle: Lifecycle
    readiness: Readiness
    snapshots: Snapshots
    access: Access
    erasures: Erasures
    on_asked: Callable[[], None]
    registry: Registry
    down: WayDown
    limits: LimitsSettings = field(default_factory=LimitsSettings)
    enrolment: Enrolment | None = None
    repository: ReadView = lambda: None
