"""Devices: the last state of each, in a table of SQLite or PostgreSQL."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import insert, select, update
from sqlalchemy.engine import Row

from cloud.fleet.database import FleetDatabase
from cloud.fleet.order import Place, boots_text, follow
from cloud.fleet.schema import DEVICES
from protos.codec import encode
from protos.ids import boot_text, parse_boot
from protos.v1.device_state_pb2 import DeviceState


@dataclass(frozen=True, slots=True)
class Device:
    """What is known of a device.

    Attributes:
        first_seen_ns: cloud's clock, when its first state came.
        last_seen_ns: cloud's clock, when its last state came.
        boot: of its last state.
        session: the connection that it came over.
        seq: of the last heartbeat in that boot.
        status: `birth`, `alive`, `stopped` or `disconnected`.
        state: the last birth or heartbeat; a last will has no content of its own.
    """

    device_id: str
    first_seen_ns: int
    last_seen_ns: int
    boot: int
    session: int
    seq: int
    status: str
    state: DeviceState


class Devices:
    """The table of devices. Any thread may use it.

    Args:
        database: the fleet's.
        clock_ns: Unix time.
    """

    def __init__(self, database: FleetDatabase, clock_ns: Callable[[], int] = time.time_ns) -> None:
        self._database = database
        self._clock_ns = clock_ns

    def record(self, state: DeviceState) -> bool:
        """Keep a state, if it is newer than what is known; True: it was.

        Raises:
            StoreAwayError: the database does not answer.
        """
        with self._database.writing() as connection:
            query = select(DEVICES).where(DEVICES.c.device_id == state.device)
            row = connection.execute(query.with_for_update()).one_or_none()
            if row is None:
                # Another process may be adding the same device: only one at a time.
                self._database.keep_order(connection)
                row = connection.execute(query.with_for_update()).one_or_none()
            place = follow(_place(row) if row is not None else None, state)
            if place is None:
                return False
            values = _values(place, state, self._clock_ns())
            if row is None:
                connection.execute(
                    insert(DEVICES).values(
                        device_id=state.device,
                        first_seen_ns=values["last_seen_ns"],
                        **{"state": encode(state), **values},
                    )
                )
            else:
                where = DEVICES.c.device_id == state.device
                connection.execute(update(DEVICES).where(where).values(**values))
            return True

    def page(self, after: str = "", limit: int = 100) -> Sequence[Device]:
        """Devices in the order of their ids, those after an id.

        Raises:
            StoreAwayError: the database does not answer.
        """
        query = select(DEVICES).where(DEVICES.c.device_id > after)
        with self._database.reading() as connection:
            rows = connection.execute(query.order_by(DEVICES.c.device_id).limit(limit)).all()
        return [_device(row) for row in rows]

    def check(self) -> None:
        """Return when the database answers.

        Raises:
            StoreAwayError: it does not.
        """
        self.page(limit=1)


def status_slug(number: int) -> str:
    """`alive` for ALIVE, `status-9` for one that a newer peer sent."""
    if number in DeviceState.Status.values():
        return DeviceState.Status.Name(number).lower()
    return f"status-{number}"


def _values(place: Place, state: DeviceState, now_ns: int) -> dict[str, Any]:
    values: dict[str, Any] = {
        "last_seen_ns": now_ns,
        "boot": boot_text(place.boot),
        "session": boot_text(place.session),
        "seq": place.seq,
        "status": place.status,
        "past_boots": boots_text(place.past_boots),
    }
    if state.status != DeviceState.DISCONNECTED:
        values["state"] = encode(state)
    return values


def _place(row: Row[Any]) -> Place:
    return Place(
        boot=parse_boot(row.boot),
        session=parse_boot(row.session),
        seq=row.seq,
        status=row.status,
        past_boots=tuple(parse_boot(text) for text in row.past_boots.split()),
    )


def _device(row: Row[Any]) -> Device:
    return Device(
        device_id=row.device_id,
        first_seen_ns=row.first_seen_ns,
        last_seen_ns=row.last_seen_ns,
        boot=parse_boot(row.boot),
        session=parse_boot(row.session),
        seq=row.seq,
        status=status_slug(row.status),
        state=DeviceState.FromString(row.state),
    )
