"""One device: its row, and what the row says at a time."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import bindparam, select
from sqlalchemy.engine import Connection, Row

from cloud.fleet.order import ENDED, Place
from cloud.fleet.presence import Presence, Signs, judge
from cloud.fleet.schema import DEVICES
from cloud.fleet.settings import PresenceSettings
from protos.ids import parse_boot
from protos.v1.device_state_pb2 import DeviceState


@dataclass(frozen=True, slots=True)
class Heard:
    """The last state of the hardware that a device has now.

    Attributes:
        boot: of that state.
        session: the connection that it came over.
        seq: of the last heartbeat in that boot.
        status: `birth`, `alive`, `stopped` or `disconnected`.
        state: the last birth or heartbeat; a last will has no content of its own.
    """

    boot: int
    session: int
    seq: int
    status: str
    state: DeviceState


@dataclass(frozen=True, slots=True)
class Device:
    """What is known of a device at a time. All times are by the cloud's clock.

    Attributes:
        presence: whether it is there.
        since_ns: since when its presence is that.
        first_seen_ns: when its first state came, of whatever hardware; None: none ever did.
        last_seen_ns: when its last state came, of whatever hardware.
        registered_ns: None where it came by itself.
        replaced_ns: when it last got new hardware.
        decommissioned_ns: None while it is in service.
        heard: None where nothing was heard of the hardware that it has now.
    """

    device_id: str
    presence: Presence
    since_ns: int
    first_seen_ns: int | None
    last_seen_ns: int | None
    registered_ns: int | None
    replaced_ns: int | None
    decommissioned_ns: int | None
    heard: Heard | None


# Made once: to make a statement takes SQLAlchemy longer than to execute it.
_LOCKED = select(DEVICES).where(DEVICES.c.device_id == bindparam("device")).with_for_update()


def locked_row(connection: Connection, device_id: str) -> Row[Any] | None:
    """The row of a device; nobody else changes it until the transaction has ended.

    Who may have to add it calls `FleetDatabase.keep_order` first: two processes would add it
    twice, and locks that are taken the other way round block each other.
    """
    return connection.execute(_LOCKED, {"device": device_id}).one_or_none()


def device_of(row: Row[Any], now_ns: int, settings: PresenceSettings) -> Device:
    """What a row says."""
    standing = judge(signs_of(row), row.replaced_ns or row.registered_ns or 0, now_ns, settings)
    return Device(
        device_id=row.device_id,
        presence=standing.presence,
        since_ns=standing.since_ns,
        first_seen_ns=row.first_seen_ns,
        last_seen_ns=row.last_seen_ns,
        registered_ns=row.registered_ns,
        replaced_ns=row.replaced_ns,
        decommissioned_ns=row.decommissioned_ns,
        heard=_heard(row),
    )


def signs_of(row: Row[Any]) -> Signs | None:
    """What was heard of the hardware of now."""
    if row.boot is None:
        return None
    return Signs(row.last_seen_ns, row.status in ENDED, row.interval_s, row.online_since_ns)


def place_of(row: Row[Any]) -> Place | None:
    """Where its last state stands."""
    if row.boot is None:
        return None
    return Place(
        boot=parse_boot(row.boot),
        session=parse_boot(row.session),
        seq=row.seq,
        status=row.status,
        past_boots=boots_of(row.past_boots),
    )


def boots_of(text: str) -> tuple[int, ...]:
    """Boots that a column carries."""
    return tuple(parse_boot(boot) for boot in text.split())


def status_slug(number: int) -> str:
    """`alive` for ALIVE, `status-9` for one that a newer peer sent."""
    if number in DeviceState.Status.values():
        return DeviceState.Status.Name(number).lower()
    return f"status-{number}"


def _heard(row: Row[Any]) -> Heard | None:
    if row.boot is None:
        return None
    return Heard(
        boot=parse_boot(row.boot),
        session=parse_boot(row.session),
        seq=row.seq,
        status=status_slug(row.status),
        state=DeviceState.FromString(row.state),
    )
