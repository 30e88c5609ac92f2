"""What devices shall be, as the rows of the tables say it."""

from collections.abc import Collection
from typing import Any

from sqlalchemy import insert, select, update
from sqlalchemy.engine import Connection, Row

from cloud.desired.again import Telling
from cloud.desired.state import Desired, Target
from cloud.fleet.schema import DESIRED_STATES, DESIRED_TARGETS

# Without the rules, which may be long.
_TELLINGS = select(
    DESIRED_STATES.c.device_id,
    DESIRED_STATES.c.revision,
    DESIRED_STATES.c.sent_ns,
    DESIRED_STATES.c.repeats,
)


def read(connection: Connection, devices: Collection[str]) -> dict[str, Desired]:
    """What devices shall be, by id; only those of which anything was ever said."""
    states = select(DESIRED_STATES).where(DESIRED_STATES.c.device_id.in_(list(devices)))
    targets = select(DESIRED_TARGETS).where(DESIRED_TARGETS.c.device_id.in_(list(devices)))
    of_device: dict[str, list[Target]] = {}
    for row in connection.execute(targets.order_by(DESIRED_TARGETS.c.family)):
        of_device.setdefault(row.device_id, []).append(_target(row))
    return {
        row.device_id: _desired(row, of_device.get(row.device_id, []))
        for row in connection.execute(states)
    }


def ordered(connection: Connection, family: str) -> list[str]:
    """The devices that have an order for a model."""
    table = DESIRED_TARGETS.c
    query = select(table.device_id).where(table.family == family).order_by(table.device_id)
    return [str(device) for device in connection.execute(query).scalars()]


def lock(connection: Connection, device: str) -> Telling | None:
    """How often a device was told; nobody else changes what it shall be until the transaction ends.

    None where nothing was ever said; who may have to say the first calls
    `FleetDatabase.keep_order` before.
    """
    query = _TELLINGS.where(DESIRED_STATES.c.device_id == device).with_for_update()
    row = connection.execute(query).one_or_none()
    return Telling(row.revision, row.sent_ns, row.repeats) if row is not None else None


def tellings(connection: Connection, devices: Collection[str]) -> dict[str, Telling]:
    """How often devices were told, by id."""
    rows = connection.execute(_TELLINGS.where(DESIRED_STATES.c.device_id.in_(list(devices))))
    return {row.device_id: Telling(row.revision, row.sent_ns, row.repeats) for row in rows}


def write(connection: Connection, desired: Desired, *, is_first: bool) -> None:
    """Write what a device shall be from now on, but for its targets; it was not told of it yet."""
    values = {
        "revision": desired.revision,
        "changed_ns": desired.changed_ns,
        "changed_by": desired.changed_by,
        "rules": desired.rules,
        "rules_revision": desired.rules_revision,
        "sent_ns": desired.changed_ns,
        "repeats": 0,
    }
    if is_first:
        statement = insert(DESIRED_STATES).values(device_id=desired.device, **values)
        connection.execute(statement)
    else:
        where = DESIRED_STATES.c.device_id == desired.device
        connection.execute(update(DESIRED_STATES).where(where).values(values))


def write_telling(connection: Connection, device: str, telling: Telling) -> None:
    """Write how often a device was told."""
    where = DESIRED_STATES.c.device_id == device
    values = {"sent_ns": telling.sent_ns, "repeats": telling.repeats}
    connection.execute(update(DESIRED_STATES).where(where).values(values))


def _desired(row: Row[Any], targets: list[Target]) -> Desired:
    return Desired(
        device=row.device_id,
        revision=row.revision,
        changed_ns=row.changed_ns,
        changed_by=row.changed_by,
        rules=row.rules,
        rules_revision=row.rules_revision,
        targets=tuple(targets),
    )


def _target(row: Row[Any]) -> Target:
    return Target(
        family=row.family,
        version=row.version,
        deployment=row.deployment,
        sha256=row.sha256,
        ordered_ns=row.ordered_ns,
        ordered_by=row.ordered_by,
        revision=row.revision,
    )
