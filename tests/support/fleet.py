"""A fleet's database in a folder, and what stands on it."""

import functools
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path

from cloud.api.access import Access
from cloud.desired.orders import Orders
from cloud.desired.outbox import DownlinkOutbox
from cloud.desired.port import Listing
from cloud.desired.updates import Updates
from cloud.desired.way_down import WayDown
from cloud.desired.writer import DesiredStates
from cloud.fleet.audit import Audit
from cloud.fleet.database import FleetDatabase
from cloud.fleet.devices import Devices
from cloud.fleet.erasures import Erasures
from cloud.fleet.keys import Keys
from cloud.fleet.lifecycle import Lifecycle
from protos.v1.device_state_pb2 import DeviceState


class Clock:
    """Shows what a test sets."""

    def __init__(self) -> None:
        self.now_ns = 1_000_000_000_000_000_000

    def __call__(self) -> int:
        return self.now_ns


def heartbeat(device: str = "cam-box", seq: int = 1, boot: int = 2**64 - 1) -> DeviceState:
    """A sign of life."""
    return DeviceState(
        schema=1, device=device, boot=boot, session=3, seq=seq, status=DeviceState.ALIVE,
        reported_ns=5, agent_version="1.2",
        cameras=[DeviceState.Camera(camera="door", state="live", fps=9.5)],
    )  # fmt: skip


@functools.cache
def _migrated() -> bytes:
    """A SQLite file with the fleet's tables."""
    with tempfile.TemporaryDirectory(prefix="wayside-fleet-") as folder:
        FleetDatabase(f"sqlite:///{folder}/fleet.sqlite").close()
        return (Path(folder) / "fleet.sqlite").read_bytes()


def fleet_file(file: Path) -> str:
    """The URL of a SQLite file with the fleet's tables, a copy of one that was migrated once."""
    if not file.exists():
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(_migrated())
    return f"sqlite:///{file}"


@contextmanager
def fleet_devices(folder: Path) -> Iterator[Devices]:
    """The table of devices in a SQLite file."""
    with closing(FleetDatabase(fleet_file(folder / "fleet.sqlite"))) as database:
        yield Devices(database)


@contextmanager
def fleet_lifecycle(folder: Path) -> Iterator[Lifecycle]:
    """Changes of the devices in that same SQLite file."""
    with closing(FleetDatabase(fleet_file(folder / "fleet.sqlite"))) as database:
        yield Lifecycle(database, Audit(database))


@contextmanager
def fleet_erasures(folder: Path) -> Iterator[Erasures]:
    """The record of erasures in that same SQLite file."""
    with closing(FleetDatabase(fleet_file(folder / "fleet.sqlite"))) as database:
        yield Erasures(database, Audit(database))


def way_down(
    database: FleetDatabase,
    wake: Callable[[], None],
    clock_ns: Callable[[], int] = time.time_ns,
    listings: Sequence[Listing] = (),
) -> WayDown:
    """What devices of a database shall be, and what they say of their updates."""
    audit, outbox = Audit(database, clock_ns), DownlinkOutbox(database, clock_ns)
    desired = DesiredStates(database, audit, outbox, clock_ns)
    orders = Orders(desired, listings)
    return WayDown(desired, orders, Updates(database, clock_ns), wake)


@contextmanager
def fleet_down(
    folder: Path, wake: Callable[[], None], listings: Sequence[Listing] = ()
) -> Iterator[WayDown]:
    """What the devices in that same SQLite file shall be."""
    with closing(FleetDatabase(fleet_file(folder / "fleet.sqlite"))) as database:
        yield way_down(database, wake, listings=listings)


@contextmanager
def fleet_access(folder: Path, requires_key: bool = True) -> Iterator[Access]:
    """Keys and audit in a new SQLite file."""
    with closing(FleetDatabase(fleet_file(folder / "access.sqlite"))) as database:
        audit = Audit(database)
        yield Access(Keys(database, audit), audit, requires_key)
