"""/v1/events and /v1/counts."""

import time
from typing import Annotated, Literal

from fastapi import APIRouter, Query

from cloud.api.access import requires
from cloud.api.filters import Text
from cloud.api.models import CountAnswer, CountsAnswer, EventAnswer, EventsAnswer
from cloud.api.problems import RESPONSES
from cloud.api.times import TimeNs
from cloud.fleet.api_key import Role
from cloud.store.port import MAX_LIMIT, CountQuery, EventQuery, EventStore, GroupBy, Order
from protos.ids import Lane
from wayside.times import format_ns

_DEFAULT_RANGE_NS = 3_600_000_000_000
_MAX_INTERVAL_S = 366 * 86_400

LaneSlug = Literal["alarm", "state", "evidence", "stats"]


def events_router(store: EventStore) -> APIRouter:
    """Events of a store; the routes block, so FastAPI runs them in its thread pool."""
    router = APIRouter(prefix="/v1", tags=["events"], responses=RESPONSES)

    @router.get("/events", summary="Events, page by page")
    @requires(Role.VIEWER)
    def events(
        device: Text = "",
        camera: Text = "",
        kind: Annotated[Text, Query(examples=["line-crossed"])] = "",
        class_name: Annotated[Text, Query(examples=["person"])] = "",
        rule: Text = "",
        target: Annotated[Text, Query(description="zone or line")] = "",
        lane: LaneSlug | None = None,
        since: Annotated[TimeNs | None, Query(description="captured at or after")] = None,
        until: Annotated[TimeNs | None, Query(description="captured before")] = None,
        order: Annotated[
            Order, Query(description="ingest: as they came, to follow; captured: by time")
        ] = "ingest",
        cursor: Annotated[
            str, Query(max_length=4096, description="of an earlier page with the same filters")
        ] = "",
        limit: Annotated[int, Query(ge=1, le=MAX_LIMIT)] = 100,
    ) -> EventsAnswer:
        """Events that match every filter given.

        To follow what happens, keep asking with the last cursor in the order of ingest: no event
        is missed, also none that comes late. An event may be shown again on a later page after
        it was delivered again; `event_id` tells.
        """
        page = store.events(
            EventQuery(
                device=device,
                camera=camera,
                kind=kind,
                class_name=class_name,
                rule=rule,
                target=target,
                lane=Lane.from_slug(lane) if lane is not None else None,
                since_ns=since,
                until_ns=until,
                order=order,
                cursor=cursor,
                limit=limit,
            )
        )
        found = [EventAnswer.of(event) for event in page.events]
        return EventsAnswer(events=found, cursor=page.cursor, more=page.more)

    return router


def counts_router(store: EventStore) -> APIRouter:
    """Numbers of a store's events; see `events_router`."""
    router = APIRouter(prefix="/v1", tags=["events"], responses=RESPONSES)

    @router.get("/counts", summary="Numbers of events by interval and group")
    @requires(Role.VIEWER)
    def counts(
        device: Text = "",
        camera: Text = "",
        kind: Text = "",
        class_name: Text = "",
        rule: Text = "",
        since: Annotated[
            TimeNs | None, Query(description="captured at or after; default: an hour before until")
        ] = None,
        until: Annotated[TimeNs | None, Query(description="captured before; default: now")] = None,
        interval_s: Annotated[int, Query(ge=1, le=_MAX_INTERVAL_S)] = 60,
        group_by: Annotated[list[GroupBy] | None, Query(examples=[["camera", "kind"]])] = None,
    ) -> CountsAnswer:
        """Numbers of events; intervals begin at multiples of `interval_s` since 1970.

        Where the store keeps counts longer than events (`store.rollup_retention_days`), events
        that are gone count as if captured at the begin of their minute.
        """
        until_ns = until if until is not None else time.time_ns()
        since_ns = since if since is not None else max(0, until_ns - _DEFAULT_RANGE_NS)
        query = CountQuery(
            since_ns=since_ns,
            until_ns=until_ns,
            interval_s=interval_s,
            group_by=tuple(group_by or ()),
            device=device,
            camera=camera,
            kind=kind,
            class_name=class_name,
            rule=rule,
        )
        rows = [CountAnswer.of(row, query.group_by) for row in store.counts(query)]
        return CountsAnswer(
            since_at=format_ns(since_ns),
            until_at=format_ns(until_ns),
            interval_s=interval_s,
            rows=rows,
        )

    return router
