"""What only some kinds of events have, in the shapes of their answers."""

from collections.abc import Iterable

from pydantic import BaseModel, Field

from cloud.store.records import direction_slug
from protos.v1.event_batch_pb2 import EventBatch
from wayside.times import format_ns

Corner = tuple[float, float]
"""x and y, as shares of the picture."""


class CountedAnswer(BaseModel):
    """How many of a class in an interval."""

    class_name: str | None
    direction: str | None = Field(description="of a line's counts", examples=["a-to-b"])
    count: int


class IntervalAnswer(BaseModel):
    """What was counted in an interval."""

    since_at: str
    until_at: str
    counts: list[CountedAnswer]


class OutlineAnswer(BaseModel):
    """A polygon of an area."""

    points: list[Corner] = Field(description="[x, y] of each corner; the last joins the first")
    is_hole: bool = Field(description="around a place without the class in an area of it")


class AreaAnswer(BaseModel):
    """An area of a segmented picture."""

    class_name: str
    share: float = Field(description="of the picture, 0 to 1")
    polygons: list[OutlineAnswer] = Field(description="the largest first, small ones left out")


class Details(BaseModel):
    """What only some kinds have; null, or an empty list, where an event does not."""

    speed_mps: float | None = Field(description="of the object, where the ground is known")
    stationary: bool | None = Field(description="whether the object stands still")
    median_confidence: float | None = Field(description="of all frames that showed the object")
    polygon: list[Corner] = Field(description="outline of the object, [x, y] of each corner")
    other_track_id: int | None = Field(description="of the second object of `proximity`")
    interval: IntervalAnswer | None = Field(description="of `counts`")
    areas: list[AreaAnswer] = Field(description="of `segmentation`")
    sensor: str | None = Field(description="id of the sensor whose reading `value` is")
    unit: str | None = Field(description="of the reading, by UCUM", examples=["Cel"])
    snapshot_id: str | None = Field(
        description="the event that has the picture of this one: /v1/events/{snapshot_id}/snapshot",
        examples=["cam-box/00000000000000a7/alarm/7"],
    )


def details(payload: bytes) -> Details:
    """The details of an event as it is stored."""
    event = EventBatch.Event.FromString(payload)
    seen = event.object if event.HasField("object") else None
    return Details(
        speed_mps=(seen.speed_mps or None) if seen else None,
        stationary=seen.stationary if seen else None,
        median_confidence=(seen.median_confidence or None) if seen else None,
        polygon=_corners(seen.polygon) if seen else [],
        other_track_id=event.rule_hit.other_track_id or None,
        interval=_interval(event.counts) if event.HasField("counts") else None,
        areas=[_area(area) for area in event.segmentation.areas],
        sensor=event.sensor.sensor or None,
        unit=event.sensor.unit or None,
        snapshot_id=event.snapshot_id or None,
    )


def _corners(points: Iterable[EventBatch.Point]) -> list[Corner]:
    return [(point.x, point.y) for point in points]


def _interval(counts: EventBatch.Counts) -> IntervalAnswer:
    return IntervalAnswer(
        since_at=format_ns(counts.interval_start_ns),
        until_at=format_ns(counts.interval_end_ns),
        counts=[
            CountedAnswer(
                class_name=count.class_name or None,
                direction=direction_slug(count.direction) or None,
                count=count.count,
            )
            for count in counts.counts
        ],
    )


def _area(area: EventBatch.AreaShare) -> AreaAnswer:
    return AreaAnswer(
        class_name=area.class_name,
        share=area.share,
        polygons=[
            OutlineAnswer(points=_corners(outline.points), is_hole=outline.is_hole)
            for outline in area.polygons
        ],
    )
