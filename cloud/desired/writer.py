"""The one that changes what a device shall be: revision, message and audit in one transaction."""

import secrets
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import astuple, dataclass, replace
from typing import NamedTuple

from sqlalchemy import delete, insert
from sqlalchemy.engine import Connection

from cloud.desired import rows
from cloud.desired.again import Telling, is_due
from cloud.desired.outbox import CONFIG, DownlinkOutbox
from cloud.desired.state import MAX_REVISION, MAX_TARGETS, Desired, Target, check_order
from cloud.errors import DeviceError, UnknownDeviceError
from cloud.fleet.audit import Actor, Audit
from cloud.fleet.database import FleetDatabase
from cloud.fleet.device import locked_row
from cloud.fleet.schema import DESIRED_TARGETS
from protos.v1.device_state_pb2 import DeviceState


class Heard(NamedTuple):
    """A state of a device, and when it came, by the cloud's clock."""

    state: DeviceState
    arrived_ns: int


@dataclass(frozen=True, slots=True)
class _Refusal:
    """Why nothing is changed, in words for the audit and for who asked."""

    outcome: str
    error: DeviceError


class DesiredStates:
    """What devices shall be. Any thread may use it.

    Args:
        database: the fleet's.
        audit: of the same database; told of every change and every refusal.
        outbox: of the same database.
        clock_ns: Unix time.
    """

    def __init__(
        self,
        database: FleetDatabase,
        audit: Audit,
        outbox: DownlinkOutbox,
        clock_ns: Callable[[], int] = time.time_ns,
    ) -> None:
        self._database = database
        self._audit = audit
        self._outbox = outbox
        self._clock_ns = clock_ns

    def of(self, devices: Collection[str]) -> Mapping[str, Desired]:
        """What devices shall be, by id, each of them.

        Raises:
            StoreAwayError: the database does not answer.
        """
        with self._database.reading() as connection:
            found = rows.read(connection, devices)
        return {device: found.get(device, Desired(device)) for device in devices}

    def set_rules(self, device: str, rules: bytes, by: Actor) -> Desired:
        """Have a device's cameras watched by these rules.

        Args:
            device: its id.
            rules: as `checked_rules` gives them.
            by: who says so.

        Raises:
            UnknownDeviceError: there is no device of that id.
            DeviceError: it is decommissioned.
            StoreAwayError: the database does not answer.
        """
        told = f"{len(rules)} bytes" if rules else "its own"

        def change(before: Desired, after: Desired) -> Desired:
            return replace(after, rules=rules, rules_revision=after.revision)

        return self._change("desired.rules", device, told, by, change)

    def order(
        self, device: str, family: str, version: str, sha256: bytes, by: Actor,
        deployment: str | None = None,
    ) -> Desired:  # fmt: skip
        """Order a device to run a version of a model; the order before is over.

        Args:
            device: its id.
            family: the model's name.
            version: of the model.
            sha256: of the model's record; empty: as the signed repository says.
            by: who says so.
            deployment: id of the order, where it is one of several devices; None: a new one.

        Raises:
            UnknownDeviceError: there is no device of that id.
            DeviceError: it is decommissioned, has orders for too many models, or no model is so
                called.
            StoreAwayError: the database does not answer.
        """
        check_order(family, version, sha256)
        name = deployment or f"order-{secrets.token_hex(6)}"

        def change(before: Desired, after: Desired) -> Desired | _Refusal:
            others = [one for one in before.targets if one.family != family]
            if len(others) >= MAX_TARGETS:
                why = f"has orders for {MAX_TARGETS} models: withdraw one first"
                return _Refusal("too many", DeviceError(f"device {device!r} {why}"))
            target = Target(
                family, version, name, sha256, after.changed_ns, by.name, after.revision
            )
            ordered = sorted([*others, target], key=lambda one: one.family)
            return replace(after, targets=tuple(ordered))

        return self._change("desired.model", device, f"{family} {version} {name}", by, change)

    def withdraw(self, device: str, family: str, by: Actor) -> Desired:
        """Take the order for a model back; what the device runs, it goes on running.

        Raises:
            UnknownDeviceError: there is no device of that id.
            DeviceError: it is decommissioned, or has no order for this model.
            StoreAwayError: the database does not answer.
        """

        def change(before: Desired, after: Desired) -> Desired | _Refusal:
            others = tuple(one for one in before.targets if one.family != family)
            if len(others) == len(before.targets):
                error = DeviceError(f"device {device!r} has no order for model {family!r}")
                return _Refusal("no order", error)
            return replace(after, targets=others)

        return self._change("desired.withdraw", device, family, by, change)

    def have_looked(self, family: str, by: Actor) -> list[str]:
        """Have devices with an order for a model look into the signed repository at once.

        They do with each new revision, and else every few hours. What they shall be stays.

        Returns:
            The devices that are told.

        Raises:
            StoreAwayError: the database does not answer; those of before are told.
        """
        with self._database.reading() as connection:
            devices = rows.ordered(connection, family)
        told = []
        for device in devices:
            with suppress(DeviceError):  # it is decommissioned, and the audit says so
                self._change("desired.look", device, family, by, lambda _, after: after)
                told.append(device)
        return told

    def tell_again(self, heard: Sequence[tuple[DeviceState, int]]) -> list[str]:
        """Have those told again whose states say that they were not; see `again`.

        Args:
            heard: states that are the newest of their devices in service, and when each came.

        Returns:
            The devices that are told again.

        Raises:
            StoreAwayError: the database does not answer; the next states say the same.
        """
        newest = {state.device: Heard(state, arrived_ns) for state, arrived_ns in heard}
        with self._database.reading() as connection:
            tellings = rows.tellings(connection, newest)
        concerned = [
            device for device, telling in tellings.items()
            if self._is_due(telling, newest[device]) or _has_settled(telling, newest[device])
        ]  # fmt: skip
        # One transaction each: whoever holds several rows may wait for who waits for him.
        return [device for device in concerned if self._tell_again(newest[device])]

    def _tell_again(self, heard: Heard) -> bool:
        device = heard.state.device
        with self._database.writing() as connection:
            telling = rows.lock(connection, device)
            if telling is None:
                return False
            if _has_settled(telling, heard):
                rows.write_telling(connection, device, replace(telling, repeats=0))
            if not self._is_due(telling, heard):  # another process was faster
                return False
            desired = rows.read(connection, [device])[device]
            self._outbox.put(connection, device, CONFIG, desired.message)
            told = Telling(telling.revision, self._clock_ns(), telling.repeats + 1)
            rows.write_telling(connection, device, told)
        return True

    def _is_due(self, telling: Telling, heard: Heard) -> bool:
        return is_due(telling, heard.state, heard.arrived_ns, self._clock_ns())

    def _change(
        self,
        action: str,
        device: str,
        told: str,
        by: Actor,
        change: Callable[[Desired, Desired], Desired | _Refusal],
    ) -> Desired:
        """Have a device be something else, under the next revision.

        Args:
            action: for the audit.
            device: its id.
            told: what of it, for the audit.
            by: who says so.
            change: of what it was, and of the same under the next revision.
        """
        with self._database.writing() as connection:
            self._database.keep_order(connection)
            before, after = self._next(connection, device, by)
            changed = change(before, after) if isinstance(after, Desired) else after
            if isinstance(changed, Desired):
                rows.write(connection, changed, is_first=before.revision == 0)
                _write_targets(connection, before, changed)
                self._outbox.put(connection, device, CONFIG, changed.message)
                noted = f"{device} revision {changed.revision}: {told}"
                self._audit.note(connection, by, action, noted)
            else:
                self._audit.note(connection, by, action, f"{device}: {told}", changed.outcome)
        if isinstance(changed, _Refusal):
            raise changed.error
        return changed

    def _next(
        self, connection: Connection, device: str, by: Actor
    ) -> tuple[Desired, Desired | _Refusal]:
        """What a device shall be, locked, and the same under the next revision."""
        row = locked_row(connection, device)
        rows.lock(connection, device)
        before = rows.read(connection, [device]).get(device, Desired(device))
        if row is None:
            return before, _Refusal("unknown", UnknownDeviceError(f"there is no device {device!r}"))
        if row.decommissioned_ns is not None:
            why = DeviceError(f"device {device!r} is decommissioned: recommission it first")
            return before, _Refusal("is decommissioned", why)
        revision = max(before.revision, _reported_revision(row.state)) + 1
        return before, replace(
            before, revision=revision, changed_ns=self._clock_ns(), changed_by=by.name
        )


def _reported_revision(state: bytes | None) -> int:
    """The highest revision that a device says it has seen.

    It may be beyond ours, where an older backup was restored: it would take none below.
    """
    if state is None:
        return 0
    heard = DeviceState.FromString(state)
    seen = max(heard.config_revision, heard.refused_revision)
    return seen if seen < MAX_REVISION else 0


def _has_settled(telling: Telling, heard: Heard) -> bool:
    """True where a device that was told again has taken it."""
    return telling.repeats > 0 and heard.state.config_revision >= telling.revision


def _write_targets(connection: Connection, before: Desired, after: Desired) -> None:
    table = DESIRED_TARGETS
    for target in set(before.targets) - set(after.targets):
        where = (table.c.device_id == before.device) & (table.c.family == target.family)
        connection.execute(delete(table).where(where))
    names = ("family", "version", "deployment", "sha256", "ordered_ns", "ordered_by", "revision")
    for target in set(after.targets) - set(before.targets):
        values = dict(zip(names, astuple(target), strict=True))
        connection.execute(insert(table).values(device_id=after.device, **values))
