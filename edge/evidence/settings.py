"""Settings of evidence: off unless somebody wants it, as pictures cost traffic and privacy."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from edge.rules.fields import Frozen, Point
from edge.rules.shapes import require_simple
from wayside.paths import SettingsPath

KIB = 1024
MIB = 1024 * KIB
GIB = 1024 * MIB

ClipKind = Literal[
    "object-started", "object-ended", "line-crossed", "zone-entered", "zone-exited", "dwell",
    "occupancy", "proximity", "wrong-way", "speed", "lane-departure", "collision-warning",
    "segmentation",
]  # fmt: skip
"""Kinds of events around which a clip can be kept, as the API names them."""


class PrivacyMask(Frozen):
    """A part of the picture that nobody may see: painted over, for good."""

    polygon: tuple[Point, ...] = Field(min_length=3, max_length=256, description="its corners")
    before_inference: bool = Field(
        True, description="the network does not see it either; false: it does, pictures do not"
    )

    @model_validator(mode="after")
    def _check_simple(self) -> "PrivacyMask":
        require_simple("the mask", self.polygon)
        return self


class PictureSettings(Frozen):
    """The best picture of each object, sent to the cloud."""

    enabled: bool = Field(False, description="send pictures")
    of: Literal["hits", "objects"] = Field(
        "hits",
        description="hits: what a rule told of; objects: also each object when it ends",
    )
    max_side_px: int = Field(480, ge=64, le=4096, description="of the longer side; larger: scaled")
    quality: int = Field(80, ge=30, le=95, description="of JPEG; less where max_bytes asks for it")
    max_bytes: int = Field(128 * KIB, ge=8 * KIB, le=512 * KIB, description="of one picture")
    held_max_bytes: int = Field(
        4 * MIB, ge=512 * KIB, le=256 * MIB,
        description="of pictures in memory for objects that live; then the oldest go",
    )  # fmt: skip


class ClipSettings(Frozen):
    """What was around an event, kept on the device."""

    enabled: bool = Field(False, description="keep clips")
    kinds: tuple[ClipKind, ...] | None = Field(
        None,
        min_length=1,
        description="of events with a clip; null: rule hits, lane alarm",
    )
    before_s: float = Field(5.0, ge=0, le=60, description="s before the event")
    after_s: float = Field(5.0, ge=0, le=60, description="s after the event")
    max_s: float = Field(60.0, ge=1, le=600, description="s of a clip that further events prolong")
    fps: float = Field(5.0, gt=0, le=60, description="pictures a second at most")
    height_px: int = Field(480, ge=64, le=2160, description="of the pictures; smaller ones stay")
    quality: int = Field(80, ge=30, le=95, description="of the JPEGs that wait in memory")
    memory_max_bytes: int = Field(
        32 * MIB, ge=MIB, le=GIB,
        description="of the pictures that wait, and of those of a clip; then it begins later, or "
        "ends earlier",
    )  # fmt: skip

    @model_validator(mode="after")
    def _check_length(self) -> "ClipSettings":
        if self.max_s < self.before_s + self.after_s:
            raise ValueError(
                f"max_s, {self.max_s:g}, is less than before_s and after_s together, "
                f"{self.before_s + self.after_s:g}"
            )
        return self


class EvidenceSettings(Frozen):
    """What is kept of a camera beside its events."""

    pictures: PictureSettings = PictureSettings()
    clips: ClipSettings = ClipSettings()


class CameraEvidenceSettings(Frozen):
    """What nobody may see of a camera, and what is kept of it. A camera's settings inherit it."""

    privacy: tuple[PrivacyMask, ...] = Field(
        (), max_length=32, description="parts of the picture that are painted over"
    )
    evidence: EvidenceSettings = EvidenceSettings()


class ClipFolderSettings(BaseModel):
    """Where the clips of all cameras are kept, and how many."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    folder: SettingsPath | None = Field(None, description="null: `clips` in data_dir")
    max_bytes: int = Field(2 * GIB, ge=MIB, description="of all clips; then the oldest go")
    max_age_days: Annotated[float, Field(gt=0, le=3650)] = Field(
        30.0, description="days after which a clip goes"
    )
    min_free_bytes: int = Field(
        512 * MIB, ge=0, description="of the disk that clips leave free; the oldest go for it"
    )
    encoder: Literal["auto", "none"] = Field(
        "auto", description="auto: H.264 by ffmpeg where it is there; none: JPEGs as they are"
    )
    encode_timeout_s: float = Field(
        120.0, ge=1, le=3600, description="s after which an ffmpeg that encodes a clip is ended"
    )
    retry_s: float = Field(
        5.0, gt=0, le=3600, description="s between attempts to write a clip while the disk refuses"
    )
