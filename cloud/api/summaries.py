"""/v1/latest, /v1/zones/top, /v1/heatmap and /v1/dwell."""

import time
from typing import Annotated

from fastapi import APIRouter, Query

from cloud.api.access import requires
from cloud.api.filters import Name, Text
from cloud.api.models import EventAnswer
from cloud.api.problems import RESPONSES
from cloud.api.summary_models import (
    DwellAnswer,
    DwellsAnswer,
    HeatAnswer,
    LatestAnswer,
    ZoneAnswer,
    ZonesAnswer,
)
from cloud.api.times import TimeNs
from cloud.fleet.api_key import Role
from cloud.store.port import EventStore
from cloud.store.summaries import (
    MAX_CELLS,
    MAX_ZONES,
    DwellQuery,
    HeatQuery,
    LatestQuery,
    ZonesQuery,
)
from wayside.times import format_ns

_DAY_NS = 86_400 * 1_000_000_000
_LATEST_RANGE_NS = 30 * _DAY_NS
_AHEAD_NS = 60 * 1_000_000_000
"""How far a device's clock may be ahead and its events still be the latest."""

Since = Annotated[
    TimeNs | None, Query(description="captured at or after; default: a day before until")
]
Until = Annotated[TimeNs | None, Query(description="captured before; default: now")]
Cells = Annotated[int, Query(ge=1, le=MAX_CELLS)]


def summaries_router(store: EventStore) -> APIRouter:
    """Summaries of a store's events; the routes block, so FastAPI runs them in its thread pool."""
    router = APIRouter(prefix="/v1", tags=["summaries"], responses=RESPONSES)
    for add in (_add_latest, _add_top_zones, _add_heatmap, _add_dwell):
        add(router, store)
    return router


def _add_latest(router: APIRouter, store: EventStore) -> None:
    """/v1/latest."""

    @router.get("/latest", summary="The last event of each device, camera and kind")
    @requires(Role.VIEWER)
    def latest(
        device: Text = "",
        camera: Text = "",
        kind: Text = "",
        since: Annotated[
            TimeNs | None, Query(description="captured at or after; default: 30 days ago")
        ] = None,
    ) -> LatestAnswer:
        """What was last seen; an event more than a minute in the future is never the last."""
        until_ns = time.time_ns() + _AHEAD_NS
        since_ns = since if since is not None else until_ns - _LATEST_RANGE_NS
        found = store.latest(LatestQuery(since_ns, until_ns, device, camera, kind))
        return LatestAnswer(
            since_at=format_ns(since_ns), events=[EventAnswer.of(event) for event in found]
        )


def _add_top_zones(router: APIRouter, store: EventStore) -> None:
    """/v1/zones/top."""

    @router.get("/zones/top", summary="Zones and lines with the most events")
    @requires(Role.VIEWER)
    def top_zones(
        kind: Annotated[Text, Query(examples=["line-crossed"])] = "zone-entered",
        device: Text = "",
        camera: Text = "",
        since: Since = None,
        until: Until = None,
        limit: Annotated[int, Query(ge=1, le=MAX_ZONES)] = 10,
    ) -> ZonesAnswer:
        """Zones and lines by the number of their events of a kind, most first."""
        since_ns, until_ns = _range(since, until)
        query = ZonesQuery(since_ns, until_ns, kind, device, camera, limit)
        return ZonesAnswer(
            since_at=format_ns(since_ns),
            until_at=format_ns(until_ns),
            zones=[ZoneAnswer.of(row) for row in store.top_zones(query)],
        )


def _add_heatmap(router: APIRouter, store: EventStore) -> None:
    """/v1/heatmap."""

    @router.get("/heatmap", summary="Where in a camera's picture objects were")
    @requires(Role.VIEWER)
    def heatmap(
        device: Name,
        camera: Name,
        rows: Cells = 18,
        columns: Cells = 32,
        kind: Text = "",
        class_name: Text = "",
        since: Since = None,
        until: Until = None,
    ) -> HeatAnswer:
        """Numbers of boxes with their centre in each cell of a grid, at most 10,000 cells."""
        since_ns, until_ns = _range(since, until)
        query = HeatQuery(since_ns, until_ns, device, camera, rows, columns, kind, class_name)
        return HeatAnswer(
            since_at=format_ns(since_ns),
            until_at=format_ns(until_ns),
            counts=[list(row) for row in store.heat_map(query)],
        )


def _add_dwell(router: APIRouter, store: EventStore) -> None:
    """/v1/dwell."""

    @router.get("/dwell", summary="How long objects stayed, by rule")
    @requires(Role.VIEWER)
    def dwell(
        kind: Annotated[Text, Query(description="whose dwell_s is meant")] = "zone-exited",
        device: Text = "",
        camera: Text = "",
        rule: Text = "",
        since: Since = None,
        until: Until = None,
    ) -> DwellsAnswer:
        """Percentiles (nearest rank) of how long objects stayed."""
        since_ns, until_ns = _range(since, until)
        query = DwellQuery(since_ns, until_ns, kind, device, camera, rule)
        return DwellsAnswer(
            since_at=format_ns(since_ns),
            until_at=format_ns(until_ns),
            rules=[DwellAnswer.of(row) for row in store.dwell(query)],
        )


def _range(since: int | None, until: int | None) -> tuple[int, int]:
    until_ns = until if until is not None else time.time_ns()
    return (since if since is not None else max(0, until_ns - _DAY_NS)), until_ns
