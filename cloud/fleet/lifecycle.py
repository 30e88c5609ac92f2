"""What people do to devices: registered, given new hardware, taken out of service and back."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import insert, update
from sqlalchemy.engine import Connection, Row

from cloud.errors import DeviceError, UnknownDeviceError
from cloud.fleet.audit import Actor, Audit
from cloud.fleet.database import FleetDatabase
from cloud.fleet.device import boots_of, locked_row
from cloud.fleet.order import boots_text
from cloud.fleet.schema import CLAIMS, DEVICES
from protos.errors import InvalidIdError
from protos.ids import check_id, parse_boot

_REPLACED_BOOTS = 64
_UNKNOWN = "unknown"
_ENDS_CLAIMS = frozenset({"replace", "decommission"})
_NOTHING_HEARD: Mapping[str, Any] = {
    "boot": None, "session": None, "seq": None, "status": None, "past_boots": "",
    "state": None, "interval_s": None, "online_since_ns": None,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Change:
    """What becomes of a row.

    Attributes:
        values: columns that change; none where the row is as it should be already.
        outcome: for the audit, where it is not `done`.
        refusal: why nothing is done.
    """

    values: Mapping[str, Any]
    outcome: str = "done"
    refusal: str = ""


class Lifecycle:
    """Changes of devices by people. Any thread may use it.

    Every one of them, and every refusal, stands in the audit, in the same transaction.

    Args:
        database: the fleet's.
        audit: of the same database.
        clock_ns: Unix time.
    """

    def __init__(
        self,
        database: FleetDatabase,
        audit: Audit,
        clock_ns: Callable[[], int] = time.time_ns,
    ) -> None:
        self._database = database
        self._audit = audit
        self._clock_ns = clock_ns

    def register(self, device_id: str, by: Actor) -> None:
        """Expect a device; one that came by itself is known as registered from now on.

        Raises:
            DeviceError: it is registered already, or decommissioned, or no device may be called so.
            StoreAwayError: the database does not answer.
        """
        self._change("register", device_id, by, self._registered)

    def ensure_registered(self, device_id: str, by: Actor) -> bool:
        """Expect a device; again is harmless. Returns whether it was not registered before.

        Raises:
            DeviceError: it is decommissioned, or no device may be called so.
            StoreAwayError: the database does not answer.
        """
        change = self._change("register", device_id, by, self._ensured)
        return bool(change.values)

    def expect(self, connection: Connection, device_id: str, by: Actor) -> str:
        """Expect a device within somebody's transaction, who has called `keep_order`.

        Returns:
            Why it cannot be, empty where it is expected now, or was before.
        """
        change = self._settle(connection, "register", device_id, by, self._ensured)
        return f"device {device_id!r} {change.refusal}" if change.refusal else ""

    def replace(self, device_id: str, by: Actor) -> None:
        """Expect new hardware under an id; whatever the old one still says of itself is ignored.

        Events of both are kept under the id. A start of the old hardware that was never heard of
        cannot be told from the new one: revoke its certificate. Its claim tokens count no more.

        Raises:
            UnknownDeviceError: there is none of that id.
            DeviceError: it is decommissioned.
            StoreAwayError: the database does not answer.
        """
        self._change("replace", device_id, by, self._replaced)

    def decommission(self, device_id: str, by: Actor) -> None:
        """Take a device out of service: hidden, its states ignored, its events still stored.

        Its claim tokens count no more.

        Raises:
            UnknownDeviceError: there is none of that id.
            StoreAwayError: the database does not answer.
        """
        self._change("decommission", device_id, by, self._decommissioned)

    def recommission(self, device_id: str, by: Actor) -> None:
        """Take a device back into service.

        Raises:
            UnknownDeviceError: there is none of that id.
            StoreAwayError: the database does not answer.
        """
        self._change("recommission", device_id, by, _recommissioned)

    def _change(
        self, action: str, device_id: str, by: Actor, decide: Callable[[Row[Any] | None], _Change]
    ) -> _Change:
        try:
            check_id(device_id, "device")
        except InvalidIdError as error:
            raise DeviceError(str(error)) from error
        with self._database.writing() as connection:
            self._database.keep_order(connection)
            change = self._settle(connection, action, device_id, by, decide)
        if change.outcome == _UNKNOWN:
            raise UnknownDeviceError(f"there is no device {device_id!r}")
        if change.refusal:
            raise DeviceError(f"device {device_id!r} {change.refusal}")
        return change

    def _settle(
        self,
        connection: Connection,
        action: str,
        device_id: str,
        by: Actor,
        decide: Callable[[Row[Any] | None], _Change],
    ) -> _Change:
        """Change the row as is decided, and note it."""
        row = locked_row(connection, device_id)
        is_unknown = row is None and action != "register"
        change = _Change({}, _UNKNOWN) if is_unknown else decide(row)
        if change.values and row is None:
            connection.execute(insert(DEVICES).values(device_id=device_id, **change.values))
        elif change.values:
            where = DEVICES.c.device_id == device_id
            connection.execute(update(DEVICES).where(where).values(**change.values))
        if change.values and action in _ENDS_CLAIMS:
            # What the old board was enrolled with must not enrol it once more.
            open_claims = (CLAIMS.c.device_id == device_id, CLAIMS.c.revoked_ns.is_(None))
            now_ns = self._clock_ns()
            connection.execute(update(CLAIMS).where(*open_claims).values(revoked_ns=now_ns))
        self._audit.note(connection, by, f"device.{action}", device_id, change.outcome)
        return change

    def _registered(self, row: Row[Any] | None) -> _Change:
        now_ns = self._clock_ns()
        if row is None:
            new = {"registered_ns": now_ns, "past_boots": "", "replaced_boots": ""}
            return _Change(new)
        if row.decommissioned_ns is not None:
            return _refused_as_decommissioned()
        if row.registered_ns is not None:
            refusal = "is registered already; new hardware under its id is a replacement"
            return _Change({}, "registered before", refusal)
        return _Change({"registered_ns": now_ns})

    def _ensured(self, row: Row[Any] | None) -> _Change:
        change = self._registered(row)
        if row is not None and row.decommissioned_ns is None:
            return replace(change, refusal="")
        return change

    def _replaced(self, row: Row[Any] | None) -> _Change:
        assert row is not None
        if row.decommissioned_ns is not None:
            return _refused_as_decommissioned()
        boots = boots_of(row.replaced_boots) + boots_of(row.past_boots)
        if row.boot is not None:
            boots += (parse_boot(row.boot),)
        replaced = {
            "replaced_ns": self._clock_ns(),
            "replaced_boots": boots_text(boots[-_REPLACED_BOOTS:]),
        }
        return _Change({**_NOTHING_HEARD, **replaced})

    def _decommissioned(self, row: Row[Any] | None) -> _Change:
        assert row is not None
        if row.decommissioned_ns is not None:
            return _Change({}, "decommissioned before")
        return _Change({"decommissioned_ns": self._clock_ns()})


def _recommissioned(row: Row[Any] | None) -> _Change:
    assert row is not None
    if row.decommissioned_ns is None:
        return _Change({}, "was in service")
    return _Change({"decommissioned_ns": None})


def _refused_as_decommissioned() -> _Change:
    return _Change({}, "is decommissioned", "is decommissioned: recommission it first")
