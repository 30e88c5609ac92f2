"""Settings of the tracker: confidences, overlaps, and seconds instead of frames."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, model_validator

Share = Annotated[float, Field(ge=0.0, le=1.0)]
Gate = Annotated[float, Field(gt=0.0, le=1.0)]
_IN_ORDER = ("low_confidence", "high_confidence", "new_confidence")


class TrackerSettings(BaseModel):
    """When a detection belongs to a track, and how long a track lives.

    Confidences are on the scale of the model in use, see `for_threshold`.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    high_confidence: Share = Field(default=0.5, description="from here on a box is matched first")
    low_confidence: Share = Field(
        default=0.1,
        description="boxes from here to high_confidence only prolong tracks, less are ignored",
    )
    new_confidence: Share = Field(default=0.6, description="from here on a box may start a track")
    min_similarity: Gate = Field(
        default=0.2, description="overlap times confidence that a match needs at least"
    )
    min_low_iou: Gate = Field(
        default=0.5, description="overlap that a match of a low-confidence box needs at least"
    )
    max_start_iou: Share = Field(
        default=0.4,
        description="a box that overlaps (IoU) the one of a known track by more starts no track",
    )
    confirm_s: float = Field(
        default=0.2,
        ge=0.0,
        description="a track counts once it was seen again after so many seconds",
    )
    sure_confidence: Share = Field(
        default=0.7,
        description="a track whose median score is at least this counts after confirm_s",
    )
    doubt_s: float = Field(
        default=1.0,
        ge=0.0,
        description="a track that is less sure and does not move counts after so many seconds, "
        "while its median score is at least new_confidence",
    )
    tentative_s: float = Field(
        default=0.2,
        ge=0.0,
        description="a track that does not count yet is dropped when unseen so long",
    )
    lost_s: float = Field(
        default=2.0, gt=0.0, description="a track ends when its object was not seen for so long"
    )
    stationary_lost_s: float = Field(
        default=10.0,
        gt=0.0,
        le=3600.0,
        description="a stationary track waits so long, if that is more, at the place it has kept",
    )
    stationary_s: float = Field(
        default=5.0, gt=0.0, description="a track that kept its place so long is stationary"
    )
    stationary_iou: Gate = Field(
        default=0.5, description="a track keeps its place while it overlaps (IoU) it by so much"
    )
    max_tracks: int = Field(
        default=1000, ge=1, description="tracks kept at a time; no more are started"
    )

    @model_validator(mode="after")
    def _check_order(self) -> "TrackerSettings":
        """Of what was set only: the rest follows the model, see `for_threshold`."""
        given = [name for name in _IN_ORDER if name in self.model_fields_set]
        values = [getattr(self, name) for name in given]
        if values != sorted(values):
            found = ", ".join(
                f"{name} {value:g}" for name, value in zip(given, values, strict=True)
            )
            raise ValueError(f"{' <= '.join(_IN_ORDER)} must hold, not {found}")
        return self

    def for_threshold(self, confidence: float) -> "TrackerSettings":
        """These settings with every confidence that nobody set put on a model's scale.

        What the model calls a detection may start a track, what it finds half as likely may
        prolong one, and a quarter of the way from there to certainty is sure. Feed the tracker
        with detections from `low_confidence` on.

        Args:
            confidence: threshold of the model's manifest.

        Raises:
            pydantic.ValidationError: a confidence that was set contradicts the others.
        """
        own = {
            "high_confidence": confidence,
            "low_confidence": confidence / 2,
            "new_confidence": confidence,
            "sure_confidence": (1 + 3 * confidence) / 4,
        }
        given = {name: getattr(self, name) for name in self.model_fields_set}
        return TrackerSettings.model_validate({**own, **given})
