"""The answers' shapes.

A time comes twice: as RFC 3339 text for people, and as Unix nanoseconds for programs. The
nanoseconds are text as well, because JSON numbers above 2^53 lose digits in browsers.
"""

from pydantic import BaseModel, Field

from cloud.api.event_details import Details, details
from cloud.store.port import CountRow, EventRecord, GroupBy
from protos.ids import boot_text
from wayside.times import format_ns


class BoxAnswer(BaseModel):
    """A box, normalised to [0, 1] of the picture."""

    top: float
    left: float
    width: float
    height: float


class EventAnswer(Details):
    """One event."""

    event_id: str = Field(examples=["cam-box/00000000000000a7/state/42"])
    device: str
    boot: str = Field(description="64 random bits of the agent's start, hexadecimal")
    lane: str = Field(examples=["state"])
    seq: int = Field(description="from 1, without a gap within (boot, lane)")
    captured_at: str = Field(examples=["2026-05-01T12:00:00.040000000Z"])
    captured_ns: str = Field(examples=["1777636800040000000"])
    clock_synced: bool | None = Field(
        description="whether the device's clock was right when this was captured, by its own word"
    )
    kind: str = Field(examples=["line-crossed"])
    camera: str | None
    frame: int = Field(description="number of the frame in its source, from 0")
    model: str | None
    model_version: str | None
    class_name: str | None = Field(examples=["person"])
    track_id: int | None
    confidence: float | None
    box: BoxAnswer | None
    rule: str | None
    target: str | None = Field(description="zone or line that the rule watches")
    direction: str | None = Field(examples=["a-to-b"])
    dwell_s: float | None
    value: float | None = Field(description="what the rule or the sensor measured")

    @classmethod
    def of(cls, event: EventRecord) -> "EventAnswer":
        """The answer for a stored event."""
        box = None
        if event.box is not None:
            top, left, width, height = event.box
            box = BoxAnswer(top=top, left=left, width=width, height=height)
        return cls(
            event_id=str(event.id),
            device=event.id.device,
            boot=boot_text(event.id.boot),
            lane=event.id.lane.slug,
            seq=event.id.seq,
            captured_at=format_ns(event.captured_ns),
            captured_ns=str(event.captured_ns),
            clock_synced=event.clock_synced,
            kind=event.kind,
            camera=event.camera or None,
            frame=event.frame,
            model=event.model or None,
            model_version=event.model_version or None,
            class_name=event.class_name or None,
            track_id=event.track_id,
            confidence=event.confidence,
            box=box,
            rule=event.rule or None,
            target=event.target or None,
            direction=event.direction or None,
            dwell_s=event.dwell_s,
            value=event.value,
            **dict(details(event.payload)),
        )


class EventsAnswer(BaseModel):
    """A page of events."""

    events: list[EventAnswer]
    cursor: str = Field(description="of the next page, and for polling once `more` is false")
    more: bool = Field(description="there is more now, even where this page is short or empty")


class CountAnswer(BaseModel):
    """Events of one group in one interval."""

    start_at: str
    start_ns: str
    group: dict[GroupBy, str]
    count: int

    @classmethod
    def of(cls, row: CountRow, group_by: tuple[GroupBy, ...]) -> "CountAnswer":
        """The answer for a row."""
        return cls(
            start_at=format_ns(row.interval_start_ns),
            start_ns=str(row.interval_start_ns),
            group=dict(zip(group_by, row.group, strict=True)),
            count=row.count,
        )


class CountsAnswer(BaseModel):
    """Numbers of events; intervals without events are left out."""

    since_at: str
    until_at: str
    interval_s: int
    rows: list[CountAnswer]
