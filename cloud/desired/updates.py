"""What devices say of their updates: the last state of each, and the steps that led there."""

import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import delete, func, insert, select, update
from sqlalchemy.engine import Connection, Row

from cloud.desired.order import Step, is_newer
from cloud.fleet.database import FleetDatabase
from cloud.fleet.device import boots_of
from cloud.fleet.schema import DEVICES, UPDATE_STEPS, UPDATES
from protos.ids import boot_text, parse_boot
from protos.v1.update_report_pb2 import UpdateReport

MAX_DEPLOYMENTS = 20
"""Updates of a device that are kept, those that were last heard of."""

MAX_STEPS = 64
"""Steps of an update that are kept, the newest."""


@dataclass(frozen=True, slots=True)
class UpdateStep:
    """One report of an update, of the last that came of its transition in its boot.

    Attributes:
        state: as on the wire.
        code: machine-readable, of a failure.
        detail: for people, of a failure.
        reported_ns: by the device's own clock.
        arrived_ns: by the cloud's.
    """

    boot: int
    transition: int
    state: int
    code: str
    detail: str
    downloaded_bytes: int
    reported_ns: int
    arrived_ns: int


@dataclass(frozen=True, slots=True)
class Update:
    """An update of a device.

    Attributes:
        device: its id.
        deployment: id of the order.
        family: the model's name.
        from_version: that served before; empty: none.
        to_version: that was ordered.
        revision: of the DesiredState that ordered it.
        total_bytes: to download; 0: not known.
        begun_ns: when the first report of it came, by the cloud's clock.
        last: where it stands.
        steps: the oldest first; empty where nobody asked for them.
    """

    device: str
    deployment: str
    family: str
    from_version: str
    to_version: str
    revision: int
    total_bytes: int
    begun_ns: int
    last: UpdateStep
    steps: tuple[UpdateStep, ...] = ()


class Updates:
    """The tables. Any thread may use them.

    Args:
        database: the fleet's.
        clock_ns: Unix time.
    """

    def __init__(self, database: FleetDatabase, clock_ns: Callable[[], int] = time.time_ns) -> None:
        self._database = database
        self._clock_ns = clock_ns

    def record_all(self, reports: Sequence[tuple[UpdateReport, int | None]]) -> list[bool]:
        """Keep reports, all of them or none; again is harmless.

        Args:
            reports: checked ones, each with when it came to the cloud, if that was before now.

        Returns:
            Of each, whether it is the newest of its update now.

        Raises:
            StoreAwayError: the database does not answer.
        """
        now_ns = self._clock_ns()
        with self._database.writing() as connection:
            # Two processes would add the same row twice; updates are few.
            self._database.keep_order(connection)
            boots = _boots(connection, {report.device for report, _ in reports})
            return [
                _record(connection, report, now_ns if came_ns is None else min(came_ns, now_ns),
                        boots.get(report.device, ()))
                for report, came_ns in reports
            ]  # fmt: skip

    def of(self, devices: Collection[str]) -> Mapping[str, Sequence[Update]]:
        """The updates of devices, by id, each with the one that was last heard of first.

        Raises:
            StoreAwayError: the database does not answer.
        """
        query = select(UPDATES).where(UPDATES.c.device_id.in_(list(devices)))
        newest_first = (UPDATES.c.arrived_ns.desc(), UPDATES.c.deployment)
        found: dict[str, list[Update]] = {device: [] for device in devices}
        with self._database.reading() as connection:
            for row in connection.execute(query.order_by(*newest_first)):
                found[row.device_id].append(_update(row))
        return found

    def with_steps(self, device: str) -> Sequence[Update]:
        """The updates of a device, the one that was last heard of first, with their steps.

        Raises:
            StoreAwayError: the database does not answer.
        """
        updates = select(UPDATES).where(UPDATES.c.device_id == device)
        steps = select(UPDATE_STEPS).where(UPDATE_STEPS.c.device_id == device)
        of_deployment: dict[str, list[UpdateStep]] = {}
        with self._database.reading() as connection:
            for row in connection.execute(steps.order_by(UPDATE_STEPS.c.number)):
                of_deployment.setdefault(row.deployment, []).append(_step(row))
            newest_first = (UPDATES.c.arrived_ns.desc(), UPDATES.c.deployment)
            return [
                _update(row, tuple(of_deployment.get(row.deployment, ())))
                for row in connection.execute(updates.order_by(*newest_first))
            ]


def _boots(connection: Connection, devices: Collection[str]) -> dict[str, tuple[int, ...]]:
    """The boots of devices as heartbeats have told them, the one that lives last."""
    columns = DEVICES.c
    query = select(columns.device_id, columns.boot, columns.past_boots, columns.replaced_boots)
    found = {}
    for row in connection.execute(query.where(columns.device_id.in_(list(devices)))):
        living = (parse_boot(row.boot),) if row.boot is not None else ()
        found[row.device_id] = (
            *boots_of(row.replaced_boots), *boots_of(row.past_boots), *living,
        )  # fmt: skip
    return found


def _record(
    connection: Connection, report: UpdateReport, arrived_ns: int, boots: tuple[int, ...]
) -> bool:
    """Keep one report; True where it is the newest of its update."""
    _record_step(connection, report, arrived_ns)
    where = (UPDATES.c.device_id == report.device) & (UPDATES.c.deployment == report.deployment)
    row = connection.execute(select(UPDATES).where(where)).one_or_none()
    step = Step(report.boot, report.transition, report.downloaded_bytes)
    if not is_newer(_place(row), step, boots):
        return False
    values = {
        **_step_values(report, arrived_ns),
        "family": report.target,
        "from_version": report.from_version,
        "to_version": report.to_version,
        "revision": report.revision,
        "total_bytes": report.total_bytes,
    }
    if row is not None:
        values["arrived_ns"] = max(arrived_ns, row.arrived_ns)
        connection.execute(update(UPDATES).where(where).values(values))
        return True
    key = {"device_id": report.device, "deployment": report.deployment}
    connection.execute(insert(UPDATES).values(begun_ns=arrived_ns, **key, **values))
    _forget_oldest(connection, report.device)
    return True


def _record_step(connection: Connection, report: UpdateReport, arrived_ns: int) -> None:
    """Keep the step that a report tells of; one that told more of it already stays."""
    columns = UPDATE_STEPS.c
    of_update = (columns.device_id == report.device) & (columns.deployment == report.deployment)
    where = (
        of_update
        & (columns.boot == boot_text(report.boot))
        & (columns.transition == report.transition)
    )
    known = connection.execute(select(columns.downloaded_bytes).where(where)).scalar()
    if known is not None:
        if report.downloaded_bytes > known:
            values = _step_values(report, arrived_ns)
            connection.execute(update(UPDATE_STEPS).where(where).values(values))
        return
    key = {"device_id": report.device, "deployment": report.deployment}
    connection.execute(insert(UPDATE_STEPS).values(**key, **_step_values(report, arrived_ns)))
    kept = (
        select(columns.number)
        .where(of_update)
        .order_by(columns.number.desc())
        .limit(1)
        .offset(MAX_STEPS)
    )
    oldest = connection.execute(kept).scalar()
    if oldest is not None:
        connection.execute(delete(UPDATE_STEPS).where(of_update & (columns.number <= oldest)))


def _forget_oldest(connection: Connection, device: str) -> None:
    """Keep only so many updates of a device."""
    of_device = UPDATES.c.device_id == device
    if connection.execute(select(func.count()).where(of_device)).scalar_one() <= MAX_DEPLOYMENTS:
        return
    query = select(UPDATES.c.deployment).where(of_device)
    oldest_first = query.order_by(UPDATES.c.arrived_ns, UPDATES.c.begun_ns, UPDATES.c.deployment)
    deployments = connection.execute(oldest_first).scalars().all()[:-MAX_DEPLOYMENTS]
    for table in (UPDATES, UPDATE_STEPS):
        where = (table.c.device_id == device) & table.c.deployment.in_(deployments)
        connection.execute(delete(table).where(where))


def _step_values(report: UpdateReport, arrived_ns: int) -> dict[str, Any]:
    return {
        "boot": boot_text(report.boot),
        "transition": report.transition,
        "state": report.state,
        "code": report.code,
        "detail": report.detail,
        "downloaded_bytes": report.downloaded_bytes,
        "reported_ns": report.reported_ns,
        "arrived_ns": arrived_ns,
    }


def _place(row: Row[Any] | None) -> Step | None:
    if row is None:
        return None
    return Step(parse_boot(row.boot), row.transition, row.downloaded_bytes)


def _step(row: Row[Any]) -> UpdateStep:
    return UpdateStep(
        boot=parse_boot(row.boot),
        transition=row.transition,
        state=row.state,
        code=row.code,
        detail=row.detail,
        downloaded_bytes=row.downloaded_bytes,
        reported_ns=row.reported_ns,
        arrived_ns=row.arrived_ns,
    )


def _update(row: Row[Any], steps: tuple[UpdateStep, ...] = ()) -> Update:
    return Update(
        device=row.device_id,
        deployment=row.deployment,
        family=row.family,
        from_version=row.from_version,
        to_version=row.to_version,
        revision=row.revision,
        total_bytes=row.total_bytes,
        begun_ns=row.begun_ns,
        last=_step(row),
        steps=steps,
    )
