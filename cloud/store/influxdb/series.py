"""The budget of series: whoever invents classes, rules or cameras does not drown the index.

Which series an event's point belongs to must not change between two deliveries of the event, or
it would stand twice. So the decision is kept where every worker and every later start finds it:
in the database. A series that is there is used; a new one is admitted while its camera, its
device and the bucket have room. Beyond that, values are replaced by `other`, and the point keeps
them in fields (`class_name`, `camera_name`, ...), where questions find them:

1. the event's own series, while its camera has less than its share;
2. its class replaced, while the camera has less than twice its share;
3. class, rule and camera replaced, and a kind that this release does not know: always.

What is remembered here is what the database holds of each device, so it is bounded as that is.
It is read again when it could matter that another worker added to it. Two workers that admit at
the same moment may exceed a limit by as many, which harms nobody.
"""

import time
from collections import Counter
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field

import structlog

from cloud.store.influxdb import lines
from cloud.store.influxdb.influxql import Bindings, InfluxQl, StatementError
from cloud.store.port import EventRecord
from cloud.store.records import KINDS

Key = tuple[str, str, str, str, str]
"""Measurement, camera, kind, class and rule, as tag texts; empty where there is no such tag."""

_FRESH_S = 1.0
"""So long a reading serves for admitting and refusing."""

_FULL_S = 60.0
"""So long a reading serves for refusing that found no room: nobody admits anything then."""

_CAMERA = 1
_FROM = ", ".join(f'"{name}"' for name in lines.MEASUREMENTS)
_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Limits:
    """How many series there may be of a camera, of a device, and in the bucket."""

    per_camera: int
    per_device: int
    in_all: int


@dataclass(slots=True)
class _Device:
    """What is known of one device's series.

    Attributes:
        read_s: when the database was asked.
        keys: what it had, and what was admitted since.
        of_camera: numbers of keys by camera.
        full: cameras that had no room in the database itself; "" stands for the device.
        alarmed: of these, those that were told of.
    """

    read_s: float
    keys: set[Key]
    of_camera: Counter[str] = field(default_factory=Counter)
    full: set[str] = field(default_factory=set)
    alarmed: set[str] = field(default_factory=set)

    def add(self, key: Key) -> None:
        self.keys.add(key)
        self.of_camera[key[_CAMERA]] += 1


class SeriesBudget:
    """Which tags an event's point carries. One thread calls it.

    Args:
        database: where the series are.
        limits: beyond which values become `other`.
        clock_s: monotonic time.
    """

    def __init__(
        self, database: InfluxQl, limits: Limits, clock_s: Callable[[], float] = time.monotonic
    ) -> None:
        self._database = database
        self._limits = limits
        self._clock_s = clock_s
        self._devices: dict[str, _Device] = {}
        self._unwritten: dict[str, set[Key]] = {}
        self._total = 0
        self._total_read_s: float | None = None
        self._total_alarmed = False

    def tags(self, event: EventRecord) -> Mapping[str, str]:
        """The event's tags, values replaced where they have no series of their own.

        Raises:
            StoreAwayError: the database does not answer.
        """
        name, own = lines.measurement(event), lines.tags(event)
        device = event.id.device
        share = self._limits.per_camera
        if self._admits(device, _key(name, own), share):
            return own
        plain = _replaced(own, ("class",))
        if self._admits(device, _key(name, plain), 2 * share):
            return plain
        known = event.kind in KINDS
        return _replaced(plain, ("camera", "rule") if known else ("camera", "rule", "kind"))

    def written(self) -> None:
        """Remember that what was admitted is in the database now."""
        self._unwritten.clear()

    def forget(self) -> None:
        """Read anew what was admitted since `written`; call it when a write failed in part."""
        for device in self._unwritten:
            self._devices.pop(device, None)
        self._unwritten.clear()
        self._total_read_s = None

    def _admits(self, device: str, key: Key, share: int) -> bool:
        known = self._devices.get(device)
        if known is not None and key in known.keys:
            return True
        if known is None or not self._serves(known, key[_CAMERA]):
            known = self._read(device)
            if key in known.keys:
                return True
        if not self._has_room(device, known, key[_CAMERA], share):
            return False
        known.add(key)
        self._unwritten.setdefault(device, set()).add(key)
        self._total += 1
        return True

    def _serves(self, known: _Device, camera: str) -> bool:
        """Whether a reading is new enough to decide by."""
        full = "" in known.full or (camera != "" and camera in known.full)
        return self._clock_s() - known.read_s < (_FULL_S if full else _FRESH_S)

    def _has_room(self, device: str, known: _Device, camera: str, share: int) -> bool:
        if len(known.keys) >= self._limits.per_device:
            self._alarm(device, known, "", len(known.keys), self._limits.per_device)
            return False
        if known.of_camera[camera] >= share:
            self._alarm(device, known, camera, known.of_camera[camera], share)
            return False
        return self._bucket_has_room()

    def _alarm(self, device: str, known: _Device, camera: str, series: int, limit: int) -> None:
        """Tell once that a limit was reached, until there is room again."""
        if camera in known.alarmed:
            return
        known.alarmed.add(camera)
        _log.warning(
            "series budget spent: further values become `other`",
            device_id=device, camera_id=camera or None, series=series, limit=limit,
        )  # fmt: skip

    def _bucket_has_room(self) -> bool:
        now_s = self._clock_s()
        if self._total_read_s is None or now_s - self._total_read_s >= _FULL_S:
            self._total, self._total_read_s = self._counted(), now_s
        full = self._total >= self._limits.in_all
        if full and not self._total_alarmed:
            _log.error(
                "series budget of the bucket spent: further values of all devices become `other`",
                series=self._total, limit=self._limits.in_all,
            )  # fmt: skip
        self._total_alarmed = full
        return not full

    def _counted(self) -> int:
        """Series of the bucket; of the devices seen, where the server (3.x) does not count."""
        try:
            [answer] = self._database.ask(["SHOW SERIES EXACT CARDINALITY"], Bindings())
        except StatementError:
            return sum(len(known.keys) for known in self._devices.values())
        rollups = ("rollup", "rollup_state", "rollup_mark")
        return sum(row[-1] for one in answer if one.name not in rollups for row in one.rows)

    def _read(self, device: str) -> _Device:
        stored = self._stored(device)
        before = self._devices.get(device)
        known = self._devices[device] = _Device(self._clock_s(), set())
        for key in stored:
            known.add(key)
        if len(stored) >= self._limits.per_device:
            known.full.add("")
        known.full |= self._full_cameras(known.of_camera)
        for key in self._unwritten.get(device, set()) - stored:
            known.add(key)
        if before is not None:
            known.alarmed = before.alarmed & self._spent(known)
        return known

    def _full_cameras(self, of_camera: Counter[str]) -> set[str]:
        return {c for c, n in of_camera.items() if c and n >= 2 * self._limits.per_camera}

    def _spent(self, known: _Device) -> set[str]:
        """Cameras whose share is used up; "" for the device."""
        spent = {c for c, n in known.of_camera.items() if c and n >= self._limits.per_camera}
        return spent | ({""} if len(known.keys) >= self._limits.per_device else set())

    def _stored(self, device: str) -> set[Key]:
        bindings = Bindings()
        [answer] = self._database.ask(
            [
                f'SELECT last("seq") FROM {_FROM} '  # noqa: S608
                f'WHERE "device" = {bindings.bind(lines.tag_text(device))} '
                'GROUP BY "camera", "kind", "class", "rule"'
            ],
            bindings,
        )
        return {_key(one.name, one.tags) for one in answer}


def _key(measurement: str, tags: Mapping[str, str]) -> Key:
    of = tags.get
    return measurement, of("camera", ""), of("kind", ""), of("class", ""), of("rule", "")


def _replaced(tags: Mapping[str, str], names: Collection[str]) -> Mapping[str, str]:
    """The tags with some that are there replaced by `other`."""
    return {name: lines.OTHER if name in names else text for name, text in tags.items()}
