"""A fleet's database in a folder, and what stands on it."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from cloud.api.access import Access
from cloud.fleet.audit import Audit
from cloud.fleet.database import FleetDatabase
from cloud.fleet.devices import Devices
from cloud.fleet.keys import Keys


@contextmanager
def fleet_devices(folder: Path) -> Iterator[Devices]:
    """The table of devices in a new SQLite file."""
    with closing(FleetDatabase(f"sqlite:///{folder}/fleet.sqlite")) as database:
        yield Devices(database)


@contextmanager
def fleet_access(folder: Path, requires_key: bool = True) -> Iterator[Access]:
    """Keys and audit in a new SQLite file."""
    with closing(FleetDatabase(f"sqlite:///{folder}/access.sqlite")) as database:
        audit = Audit(database)
        yield Access(Keys(database, audit), audit, requires_key)
