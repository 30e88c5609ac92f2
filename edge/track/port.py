"""What the tracker hands to the rules."""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True, eq=False)
class Tracks:
    """The N confirmed tracks of one camera that were seen in one frame.

    Attributes:
        captured_ns: of the frame.
        frame: number of the frame.
        track_id: (N,) int64, from 1, never used twice in a run of the agent.
        xyxy: (N, 4) float32 in pixels, the box as detected (not the prediction).
        confidence: (N,) float32.
        class_id: (N,) int32.
        first_seen_ns: (N,) int64, captured time of the first frame of each track.
        ended: ids of confirmed tracks that were given up with this frame.
        lost: ids of confirmed tracks that this frame does not show; they may come back.
        stationary: (N,) tracks that have kept their place for a while; by default none.
        median_confidence: (N,) float32 over all frames that showed the track, to a hundredth; by
            default that of this frame.
        tentative: how many tracks there are that do not count yet.
    """

    captured_ns: int
    frame: int
    track_id: NDArray[np.int64]
    xyxy: NDArray[np.float32]
    confidence: NDArray[np.float32]
    class_id: NDArray[np.int32]
    first_seen_ns: NDArray[np.int64]
    ended: tuple[int, ...]
    lost: tuple[int, ...] = ()
    stationary: NDArray[np.bool_] = field(default_factory=lambda: np.empty(0, np.bool_))
    median_confidence: NDArray[np.float32] = field(default_factory=lambda: np.empty(0, np.float32))
    tentative: int = 0

    def __post_init__(self) -> None:
        # A frozen class can set its own defaults this way only.
        count = len(self.track_id)
        if len(self.stationary) != count:
            object.__setattr__(self, "stationary", np.zeros(count, np.bool_))
        if len(self.median_confidence) != count:
            object.__setattr__(self, "median_confidence", self.confidence)

    def __len__(self) -> int:
        return len(self.track_id)
