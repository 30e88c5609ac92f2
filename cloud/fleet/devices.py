"""Devices: the last state of each, in a table of SQLite or PostgreSQL."""

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    create_engine,
    insert,
    select,
    update,
)
from sqlalchemy.engine import Connection, Row, make_url
from sqlalchemy.exc import SQLAlchemyError

from cloud.errors import StartError, StoreAwayError
from cloud.fleet.order import Place, boots_text, follow
from protos.codec import encode
from protos.ids import boot_text, parse_boot
from protos.v1.device_state_pb2 import DeviceState

_METADATA = MetaData()
_DEVICES = Table(
    "devices",
    _METADATA,
    Column("device_id", String(63), primary_key=True),
    Column("first_seen_ns", BigInteger, nullable=False),
    Column("last_seen_ns", BigInteger, nullable=False),
    Column("boot", String(16), nullable=False),
    Column("session", String(16), nullable=False),
    Column("seq", BigInteger, nullable=False),
    Column("status", Integer, nullable=False),
    Column("past_boots", Text, nullable=False),
    Column("state", LargeBinary, nullable=False),
)


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
        url: SQLAlchemy's.
        clock_ns: Unix time.

    Raises:
        StartError: the database cannot be opened.
    """

    def __init__(self, url: str, clock_ns: Callable[[], int] = time.time_ns) -> None:
        self._clock_ns = clock_ns
        # SQLite has one writer at a time; waiting here is fairer than its busy timeout.
        self._writing = threading.Lock()
        place = make_url(url)
        self._where = f"fleet database {place.render_as_string(hide_password=True)}"
        try:
            if place.get_backend_name() == "sqlite" and place.database:
                Path(place.database).parent.mkdir(parents=True, exist_ok=True)
            self._engine = create_engine(place)
            _METADATA.create_all(self._engine)
        except (SQLAlchemyError, OSError, ImportError) as error:
            raise StartError(f"{self._where}: cannot be opened: {error}") from error

    def record(self, state: DeviceState) -> bool:
        """Keep a state, if it is newer than what is known; True: it was.

        Raises:
            StoreAwayError: the database does not answer.
        """
        with self._writing, self._transaction() as connection:
            query = select(_DEVICES).where(_DEVICES.c.device_id == state.device)
            row = connection.execute(query.with_for_update()).one_or_none()
            place = follow(_place(row) if row is not None else None, state)
            if place is None:
                return False
            values = _values(place, state, self._clock_ns())
            if row is None:
                connection.execute(
                    insert(_DEVICES).values(
                        device_id=state.device,
                        first_seen_ns=values["last_seen_ns"],
                        **{"state": encode(state), **values},
                    )
                )
            else:
                where = _DEVICES.c.device_id == state.device
                connection.execute(update(_DEVICES).where(where).values(**values))
            return True

    def page(self, after: str = "", limit: int = 100) -> Sequence[Device]:
        """Devices in the order of their ids, those after an id.

        Raises:
            StoreAwayError: the database does not answer.
        """
        query = select(_DEVICES).where(_DEVICES.c.device_id > after)
        with self._transaction() as connection:
            rows = connection.execute(query.order_by(_DEVICES.c.device_id).limit(limit)).all()
        return [_device(row) for row in rows]

    def check(self) -> None:
        """Return when the database answers.

        Raises:
            StoreAwayError: it does not.
        """
        self.page(limit=1)

    def close(self) -> None:
        """Close the connections."""
        self._engine.dispose()

    @contextmanager
    def _transaction(self) -> Iterator[Connection]:
        try:
            with self._engine.begin() as connection:
                yield connection
        except SQLAlchemyError as error:
            raise StoreAwayError(f"{self._where}: {error}") from error


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
