"""When updates may come, and what a model on trial must show."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from edge.ota.life import Limits
from edge.ota.probation import ProbationLimits
from edge.rules.schedule import Schedule

Seconds = Annotated[float, Field(gt=0, le=31_536_000)]


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class ProbationSettings(_Frozen):
    """How a model on trial is held against the one that it shall replace."""

    block_s: float = Field(10.0, ge=1, le=600, description="s of a block, whose mean is one figure")
    least_blocks: int = Field(30, ge=4, le=10_000, description="blocks that a trial lasts at least")
    least_frames: int = Field(300, ge=1, description="frames that it has looked at, at least")
    least_share: float = Field(
        0.5, gt=0, lt=1, description="share of the incumbent's finds, of each class and of all"
    )
    most_share: float = Field(
        4.0, gt=1, le=1000, description="times the incumbent's finds, of all classes together"
    )
    latency_share: float = Field(
        1.5, ge=1, le=1000, description="times the incumbent's time in the network"
    )
    longest_s: Seconds = Field(
        86400.0, description="s until there must have been frames enough, or it is rolled back"
    )

    @property
    def limits(self) -> ProbationLimits:
        """For the verdict."""
        return ProbationLimits(
            block_s=self.block_s,
            least_blocks=self.least_blocks,
            least_frames=self.least_frames,
            least_share=self.least_share,
            most_share=self.most_share,
            latency_share=self.latency_share,
        )


class UpdateSettings(_Frozen):
    """When models may be exchanged."""

    windows: Schedule = Field(
        (), max_length=50, description="local times in which updates are fetched and activated"
    )
    order_s: Seconds = Field(
        604_800.0, description="s of running time after which an order is given up"
    )
    stage_s: Seconds = Field(
        86400.0, description="s of running time for a download or a self-test, each"
    )
    look_every_s: Seconds = Field(
        21_600.0, description="s between two looks whether what serves was revoked"
    )
    probation: ProbationSettings = ProbationSettings()

    @property
    def limits(self) -> Limits:
        """For the life of an order."""
        return Limits(
            order_s=self.order_s, stage_s=self.stage_s, probation_s=self.probation.longest_s
        )
