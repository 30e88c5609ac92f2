"""What the tracker hands to the rules."""

from dataclasses import dataclass

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
    """

    captured_ns: int
    frame: int
    track_id: NDArray[np.int64]
    xyxy: NDArray[np.float32]
    confidence: NDArray[np.float32]
    class_id: NDArray[np.int32]
    first_seen_ns: NDArray[np.int64]
    ended: tuple[int, ...]

    def __len__(self) -> int:
        return len(self.track_id)
