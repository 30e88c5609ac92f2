"""The cap on series: a camera that sees a hundred classes does not drown the index.

Whether a class has a series of its own must not change between two deliveries of an event, or it
would stand twice. So the decision is kept where every worker and every later start finds it: in
the database. A series that is there is used; a new one is admitted while the camera has less
than its share; after that its class is `other`. Two workers that admit at the same moment may
exceed the cap by one, which harms nobody.
"""

from collections import defaultdict

import structlog

from cloud.store.influxdb import lines
from cloud.store.influxdb.influxql import Bindings, InfluxQl
from cloud.store.port import EventRecord

Key = tuple[str, str, str, str]
"""Measurement, kind, class and rule, as tag texts."""

_MAX_REFUSED = 1000
_FROM = ", ".join(f'"{name}"' for name in lines.MEASUREMENTS)
_log = structlog.get_logger(__name__)


class SeriesCap:
    """Which class tag an event's point carries. One thread calls it.

    Args:
        database: where the series are.
        limit: series of a camera, above which new ones have the class `other`.
    """

    def __init__(self, database: InfluxQl, limit: int) -> None:
        self._database = database
        self._limit = limit
        self._known: dict[tuple[str, str], set[Key]] = {}
        self._refused: dict[tuple[str, str], set[Key]] = defaultdict(set)

    def tags(self, event: EventRecord) -> dict[str, str]:
        """The event's tags, its class replaced where it has no series of its own.

        Raises:
            StoreAwayError: the database does not answer.
        """
        tags = lines.tags(event)
        if "class" not in tags:
            return tags
        key = (lines.measurement(event), tags["kind"], tags["class"], tags.get("rule", ""))
        if not self._admits((event.id.device, event.camera), key):
            tags["class"] = lines.OTHER
        return tags

    def forget(self) -> None:
        """Read anew what the database has; call it when a write failed half-way."""
        self._known.clear()

    def _admits(self, camera: tuple[str, str], key: Key) -> bool:
        if key in self._known.get(camera, ()):
            return True
        refused = self._refused[camera]
        if key in refused:
            return False
        known = self._known[camera] = self._stored(camera) | self._known.get(camera, set())
        if key in known:
            return True
        if len(known) < self._limit:
            known.add(key)
            return True
        if len(refused) >= _MAX_REFUSED:
            refused.clear()
        if not refused:
            _log.warning(
                "series cap reached: further classes become `other`",
                device_id=camera[0], camera_id=camera[1], series=len(known), limit=self._limit,
            )  # fmt: skip
        refused.add(key)
        return False

    def _stored(self, camera: tuple[str, str]) -> set[Key]:
        bindings = Bindings()
        device, name = (bindings.bind(lines.tag_text(part)) for part in camera)
        [answer] = self._database.ask(
            [
                f'SELECT last("seq") FROM {_FROM} WHERE "device" = {device} '  # noqa: S608
                f'AND "camera" = {name} GROUP BY "kind", "class", "rule"'
            ],
            bindings,
        )
        return {(one.name, one.tags["kind"], one.tags["class"], one.tags["rule"]) for one in answer}
