"""Devices: the last state of each, in a table of SQLite or PostgreSQL."""

import enum
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, bindparam, case, func, insert, select, update
from sqlalchemy.engine import Connection, Row

from cloud.errors import UnknownDeviceError
from cloud.fleet.database import FleetDatabase
from cloud.fleet.device import Device, boots_of, device_of, locked_row, place_of, signs_of
from cloud.fleet.order import ENDED, Place, Times, boots_text, follow
from cloud.fleet.presence import Presence, believed_interval_s, judge, silence_ns
from cloud.fleet.schema import DEVICES
from cloud.fleet.settings import PresenceSettings
from protos.codec import encode
from protos.ids import boot_text
from protos.v1.device_state_pb2 import DeviceState

# Made once, of the columns that it is given: to make a statement takes longer than to execute it.
_UPDATE = update(DEVICES).where(DEVICES.c.device_id == bindparam("device"))


class Recorded(enum.Enum):
    """What became of a state."""

    KEPT = "kept"
    OLDER = "older than what is known"
    DECOMMISSIONED = "of a device that is decommissioned"


@dataclass(frozen=True, slots=True)
class Tally:
    """How many devices there are.

    Attributes:
        by_presence: those in service, every presence named.
        decommissioned: the others.
    """

    by_presence: Mapping[Presence, int]
    decommissioned: int


class Devices:
    """The table of devices. Any thread may use it.

    Args:
        database: the fleet's.
        clock_ns: Unix time.
        settings: how much silence is too much; None: the defaults.
    """

    def __init__(
        self,
        database: FleetDatabase,
        clock_ns: Callable[[], int] = time.time_ns,
        settings: PresenceSettings | None = None,
    ) -> None:
        self._database = database
        self._clock_ns = clock_ns
        self._settings = settings or PresenceSettings()

    def record(self, state: DeviceState, arrived_ns: int | None = None) -> Recorded:
        """Keep a state, if it is newer than what is known and of a device in service.

        Args:
            state: its device's own clock is never looked at.
            arrived_ns: when it came to the cloud, if that was before now.

        Raises:
            StoreAwayError: the database does not answer.
        """
        [recorded] = self.record_all([(state, arrived_ns)])
        return recorded

    def record_all(self, states: Sequence[tuple[DeviceState, int | None]]) -> list[Recorded]:
        """Keep states as `record` does, in one transaction those of devices that are known.

        Args:
            states: each with when it came; of one device, in the order in which they came.

        Raises:
            StoreAwayError: the database does not answer; some may have been kept.
        """
        now_ns = self._clock_ns()
        # Everybody locks rows in the same order, so nobody waits for who waits for him.
        places = sorted(range(len(states)), key=lambda place: states[place][0].device)
        recorded: dict[int, Recorded] = {}

        def record(connection: Connection, place: int, row: Row[Any] | None) -> None:
            state, came_ns = states[place]
            arrived_ns = now_ns if came_ns is None else min(came_ns, now_ns)
            recorded[place] = self._take(connection, row, state, arrived_ns)

        with self._database.writing() as connection:
            for place in places:
                row = locked_row(connection, states[place][0].device)
                if row is not None:
                    record(connection, place, row)
        if len(recorded) < len(states):
            with self._database.writing() as connection:
                self._database.keep_order(connection)
                for place in [place for place in places if place not in recorded]:
                    record(connection, place, locked_row(connection, states[place][0].device))
        return [recorded[place] for place in range(len(states))]

    def _take(
        self, connection: Connection, row: Row[Any] | None, state: DeviceState, arrived_ns: int
    ) -> Recorded:
        if row is not None and row.decommissioned_ns is not None:
            return Recorded.DECOMMISSIONED
        before = place_of(row) if row is not None else None
        replaced_boots = boots_of(row.replaced_boots) if row is not None else ()
        place = follow(before, state, replaced_boots, self._times(row, arrived_ns))
        if place is None:
            return Recorded.OLDER
        where = DEVICES.c.device_id == state.device
        if place.boot != state.boot:
            past = {"past_boots": boots_text(place.past_boots)}
            connection.execute(update(DEVICES).where(where).values(past))
            return Recorded.OLDER
        values = self._values(row, place, state, arrived_ns)
        if row is None:
            connection.execute(insert(DEVICES).values(device_id=state.device, **values))
        else:
            connection.execute(_UPDATE, {"device": state.device, **values})
        return Recorded.KEPT

    def get(self, device_id: str) -> Device:
        """A device, also one that is decommissioned.

        Raises:
            UnknownDeviceError: there is none of that id.
            StoreAwayError: the database does not answer.
        """
        query = select(DEVICES).where(DEVICES.c.device_id == device_id)
        with self._database.reading() as connection:
            row = connection.execute(query).one_or_none()
        if row is None:
            raise UnknownDeviceError(f"there is no device {device_id!r}")
        return device_of(row, self._clock_ns(), self._settings)

    def page(
        self,
        after: str = "",
        limit: int = 100,
        presence: Presence | None = None,
        *,
        decommissioned: bool = False,
    ) -> Sequence[Device]:
        """Devices in the order of their ids, those after an id.

        Args:
            after: an id, also one that there is not.
            limit: devices at most.
            presence: only those of which this is true now.
            decommissioned: these as well.

        Raises:
            StoreAwayError: the database does not answer.
        """
        now_ns = self._clock_ns()
        query = select(DEVICES).where(DEVICES.c.device_id > after)
        if presence is not None:
            query = query.where(self._presence(now_ns) == presence.value)
        if not decommissioned:
            query = query.where(DEVICES.c.decommissioned_ns.is_(None))
        with self._database.reading() as connection:
            rows = connection.execute(query.order_by(DEVICES.c.device_id).limit(limit)).all()
        return [device_of(row, now_ns, self._settings) for row in rows]

    def tally(self) -> Tally:
        """How many devices there are, by presence.

        Raises:
            StoreAwayError: the database does not answer.
        """
        each = select(
            self._presence(self._clock_ns()).label("presence"),
            DEVICES.c.decommissioned_ns.is_(None).label("serves"),
        ).subquery()
        query = select(each.c.presence, each.c.serves, func.count().label("devices"))
        with self._database.reading() as connection:
            rows = connection.execute(query.group_by(each.c.presence, each.c.serves)).all()
        found = dict.fromkeys(Presence, 0)
        for row in rows:
            if row.serves:
                found[Presence(row.presence)] = row.devices
        return Tally(found, sum(row.devices for row in rows if not row.serves))

    def check(self) -> None:
        """Return when the database answers.

        Raises:
            StoreAwayError: it does not.
        """
        self.page(limit=1)

    def _times(self, row: Row[Any] | None, arrived_ns: int) -> Times | None:
        signs = signs_of(row) if row is not None else None
        if signs is None:
            return None
        silent_ns = silence_ns(self._settings.offline_after_intervals) * signs.interval_s
        return Times(arrived_ns, signs.last_ns, signs.last_ns + silent_ns)

    def _values(
        self, row: Row[Any] | None, place: Place, state: DeviceState, arrived_ns: int
    ) -> dict[str, Any]:
        """The columns after a state was taken."""
        last_ns = arrived_ns
        if row is not None and row.last_seen_ns is not None:
            last_ns = max(arrived_ns, row.last_seen_ns)
        values: dict[str, Any] = {
            "last_seen_ns": last_ns,
            "boot": boot_text(place.boot),
            "session": boot_text(place.session),
            "seq": place.seq,
            "status": place.status,
            "past_boots": boots_text(place.past_boots),
        }
        signs = signs_of(row) if row is not None else None
        if judge(signs, 0, arrived_ns, self._settings).presence is not Presence.ONLINE:
            values["online_since_ns"] = last_ns
        if row is None or row.first_seen_ns is None:
            values["first_seen_ns"] = last_ns
        if row is None:
            values["replaced_boots"] = ""
        # A last will tells nothing of the device, and is all that is known of some.
        if signs is None or state.status != DeviceState.DISCONNECTED:
            values["state"] = encode(state)
            values["interval_s"] = believed_interval_s(state.heartbeat_interval_s)
        return values

    def _presence(self, now_ns: int) -> ColumnElement[str]:
        """What `presence.judge` says of a row, in SQL; the contract suite compares both."""
        last_ns, interval_s = DEVICES.c.last_seen_ns, DEVICES.c.interval_s
        offline_ns = last_ns + interval_s * silence_ns(self._settings.offline_after_intervals)
        late_ns = last_ns + interval_s * silence_ns(self._settings.late_after_intervals)
        return case(
            (DEVICES.c.boot.is_(None), Presence.NEVER_SEEN.value),
            (DEVICES.c.status.in_(ENDED), Presence.OFFLINE.value),
            (offline_ns <= now_ns, Presence.OFFLINE.value),
            (late_ns <= now_ns, Presence.LATE.value),
            else_=Presence.ONLINE.value,
        )
