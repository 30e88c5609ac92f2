"""Shapes of the answers about summaries."""

from pydantic import BaseModel, Field

from cloud.api.models import EventAnswer
from cloud.store.summaries import PERCENTILES, DwellRow, ZoneRow


class LatestAnswer(BaseModel):
    """The last event of each device, camera and kind, in the order of these."""

    since_at: str
    events: list[EventAnswer]


class ZoneAnswer(BaseModel):
    """Events of one zone or line."""

    device: str
    camera: str | None
    zone: str
    count: int

    @classmethod
    def of(cls, row: ZoneRow) -> "ZoneAnswer":
        """The answer for a row."""
        return cls(device=row.device, camera=row.camera or None, zone=row.zone, count=row.count)


class ZonesAnswer(BaseModel):
    """Zones and lines, most events first."""

    since_at: str
    until_at: str
    zones: list[ZoneAnswer]


class HeatAnswer(BaseModel):
    """Numbers of boxes by the cell that their centre is in."""

    since_at: str
    until_at: str
    counts: list[list[int]] = Field(description="rows from the top, each from the left")


class DwellAnswer(BaseModel):
    """How long objects stayed, as one rule saw it."""

    device: str
    camera: str | None
    rule: str
    count: int
    percentiles_s: dict[str, float] = Field(examples=[{"p50": 4.0, "p99": 61.5}])

    @classmethod
    def of(cls, row: DwellRow) -> "DwellAnswer":
        """The answer for a row."""
        values = zip(PERCENTILES, row.percentiles_s, strict=True)
        return cls(
            device=row.device,
            camera=row.camera or None,
            rule=row.rule,
            count=row.count,
            percentiles_s={f"p{percentile}": value for percentile, value in values},
        )


class DwellsAnswer(BaseModel):
    """Stays by device, camera and rule."""

    since_at: str
    until_at: str
    rules: list[DwellAnswer]
