"""Cameras that are read for real, and what is seen of them."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any

from edge.capture.clock import WallClock
from edge.capture.port import Frame
from edge.capture.reader import Reader
from edge.capture.settings import CameraSource
from edge.capture.slot import FrameQueue
from edge.capture.sources import Camera
from edge.rules.port import Draft, Event
from tests.support.processes import wait_until

ROOM = 10_000
"""Frames that may wait for the test: a machine that is busy shall not look like a lost frame."""


@dataclass
class Watched:
    """A camera that is being read; each of its frames is kept."""

    reader: Reader
    slot: FrameQueue
    drafts: list[Draft] = field(default_factory=list)
    frames: list[Frame] = field(default_factory=list)
    arrived_s: list[float] = field(default_factory=list)

    @property
    def events(self) -> list[Event]:
        return [draft.event for draft in self.drafts]

    @property
    def told(self) -> list[tuple[str, str]]:
        """State and first word of the reason of each CAMERA_STATE event."""
        status = [event.camera_status for event in self.events]
        return [(state.state, state.detail.partition(":")[0]) for state in status]

    @property
    def states(self) -> list[str]:
        return [state for state, _ in self.told]

    @property
    def states_since_live(self) -> list[str]:
        """From its first picture on; silence that a busy machine may add does not count."""
        told = self.told[self.states.index("live") :] if "live" in self.states else []
        kept = [state for state, reason in told if (state, reason) != ("stalled", "silent")]
        return [state for state, _ in groupby(kept)]

    @property
    def state(self) -> str:
        return self.reader.state

    def wait_for(self, state: str, timeout_s: float = 20.0) -> None:
        """Return once the camera is in this state."""
        wait_until(lambda: self.state == state, f"{state}, after {self.told}", timeout_s)

    def wait_for_event(self, state: str, reason: str, timeout_s: float = 20.0) -> None:
        """Return once this was told."""
        wait_until(lambda: (state, reason) in self.told, f"{state}: {reason}, after {self.told}",
                   timeout_s)  # fmt: skip

    def wait_for_frames(self, count: int = 3, timeout_s: float = 20.0) -> float:
        """Return once so many further frames were taken: s that it took to the first."""
        before, begun_s = len(self.frames), time.monotonic()
        wait_until(
            lambda: len(self.frames) >= before + count, f"frames, after {self.told}", timeout_s
        )
        return self.arrived_s[before] - begun_s


@contextmanager
def watched(source: str | int, camera: str = "cam-one", **settings: Any) -> Iterator[Watched]:
    """Read a camera until the end of the block."""
    wanted = CameraSource.model_validate({"source": source, **settings})
    wall = WallClock()
    slot = FrameQueue(ROOM)
    drafts: list[Draft] = []
    opened = Camera(camera, wanted, wall)
    reader = Reader(
        camera, opened.open, slot, drafts.append, wall.now_ns, wanted.limits, wanted.soundness()
    )
    seen = Watched(reader, slot, drafts)

    def take() -> None:
        for arrival in iter(slot.take, None):
            seen.frames.append(arrival.frame)
            seen.arrived_s.append(time.monotonic())

    taker = threading.Thread(target=take, daemon=True)
    taker.start()
    with reader:
        yield seen
    taker.join(10)
    reader.check()
