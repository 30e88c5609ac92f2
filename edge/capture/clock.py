"""Frame times: what the source says, mapped to wall time (decision 3).

Two mappings stand one on the other. `WallClock` maps the machine's monotonic clock to Unix
time, so that a correction of the system's clock never makes time run backwards.
`StreamClock` and `FileClock` map the presentation timestamps of a source to it.

Invariant: the times that one of these clocks gives strictly increase.
"""

import threading
import time
from collections.abc import Callable

Nanoseconds = Callable[[], int]

MAX_SLEW_PPM = 500
"""How fast a mapping is corrected; the rate at which adjtime(3) slews."""

MAX_STEP_NS = 2_000_000_000
"""A wall clock that is further ahead is followed at once, by a new anchor."""

MAX_LATE_NS = 5_000_000_000
"""A stream whose frames come later than their timestamps say is mapped anew."""

MAX_LAG_NS = 250_000_000
"""A frame that comes later than this is late by more than the jitter of a network."""

MAX_LAGGING_NS = 5_000_000_000
"""A source whose every frame is late for so long is mapped anew. Slewing alone took an hour over
a pause of 3 s that a camera's timestamps had left out, and each frame was too old meanwhile."""


def _slewed(error_ns: int, elapsed_ns: int) -> int:
    """The part of an error that may be corrected after `elapsed_ns`."""
    limit_ns = max(0, elapsed_ns) * MAX_SLEW_PPM // 1_000_000
    return max(-limit_ns, min(limit_ns, error_ns))


class WallClock:
    """Unix time that never runs backwards; one a device, shared by its cameras.

    A forward step of the system's clock of more than `MAX_STEP_NS` (a board without a
    battery learns the date) is followed by a new anchor; anything else, a step backwards
    included, is slewed away.

    Args:
        wall_ns: the system's clock.
        monotonic_ns: the monotonic clock.
    """

    def __init__(
        self, wall_ns: Nanoseconds = time.time_ns, monotonic_ns: Nanoseconds = time.monotonic_ns
    ) -> None:
        self._wall_ns = wall_ns
        self._monotonic_ns = monotonic_ns
        self._lock = threading.Lock()
        self._anchor_id = 1
        self._base_monotonic_ns = monotonic_ns()
        self._base_wall_ns = wall_ns()
        self._last_ns = self._base_wall_ns - 1

    @property
    def anchor_id(self) -> int:
        """Which mapping is in force, from 1; a step of the clock begins a new one."""
        return self._anchor_id

    def now_ns(self) -> int:
        """Unix time in ns, later than whatever this gave before."""
        with self._lock:
            monotonic_ns, wall_ns = self._monotonic_ns(), self._wall_ns()
            elapsed_ns = monotonic_ns - self._base_monotonic_ns
            mapped_ns = self._base_wall_ns + elapsed_ns
            error_ns = wall_ns - mapped_ns
            if error_ns > MAX_STEP_NS:
                self._anchor_id += 1
                mapped_ns = wall_ns
            else:
                mapped_ns += _slewed(error_ns, elapsed_ns)
            self._base_monotonic_ns, self._base_wall_ns = monotonic_ns, mapped_ns
            self._last_ns = max(mapped_ns, self._last_ns + 1)
            return self._last_ns


class Lag:
    """Tells a lateness that stays from one that comes and goes."""

    def __init__(self) -> None:
        self._since_ns: int | None = None

    def forget(self) -> None:
        """What comes is timed anew."""
        self._since_ns = None

    def stays(self, late_ns: int, now_ns: int) -> bool:
        """True once every frame has come later than `MAX_LAG_NS` for `MAX_LAGGING_NS`.

        Args:
            late_ns: by how much this frame is.
            now_ns: when it came.
        """
        if late_ns <= MAX_LAG_NS:
            self._since_ns = None
        elif self._since_ns is None:
            self._since_ns = now_ns
        return self._since_ns is not None and now_ns - self._since_ns >= MAX_LAGGING_NS


class StreamClock:
    """Captured times of a live camera; one a camera, kept when its source is opened again.

    A frame was captured before it arrived, so the mapping follows the frames that arrived
    soonest after their timestamp, and is slewed towards the others, for cameras drift by
    seconds a day. Timestamps that jump (a looping server, a restarted camera), or lag behind for
    good, are mapped anew from their arrival.

    Attributes:
        resets: how often timestamps jumped within a connection, so that the mapping began anew.

    Args:
        now_ns: the wall clock.
        anchor_id: which of its mappings is in force; with another one the stream's begins anew, and
            that is no jump of the stream.
    """

    def __init__(self, now_ns: Nanoseconds, anchor_id: Callable[[], int] = lambda: 0) -> None:
        self._now_ns = now_ns
        self._anchor_id = anchor_id
        self._mapped_by = anchor_id()
        self._offset_ns: int | None = None
        self._pts_ns = 0
        self._last_ns = 0
        self._lag = Lag()
        self.resets = 0

    def restart(self) -> None:
        """Forget the mapping: the next timestamp is from another connection."""
        self._offset_ns = None
        self._lag.forget()

    def captured_ns(self, pts_ns: int | None) -> int:
        """When the frame was captured, in Unix time.

        Args:
            pts_ns: its presentation timestamp, None where the source has none: then its
                arrival, which is now, is the best that is known.
        """
        now_ns = self._now_ns()
        if (anchor_id := self._anchor_id()) != self._mapped_by:
            self._mapped_by = anchor_id
            self.restart()
        captured_ns = now_ns if pts_ns is None else pts_ns + self._offset_for(pts_ns, now_ns)
        self._last_ns = max(captured_ns, self._last_ns + 1)
        return self._last_ns

    def _offset_for(self, pts_ns: int, now_ns: int) -> int:
        elapsed_ns, self._pts_ns = pts_ns - self._pts_ns, pts_ns
        arrived_ns = now_ns - pts_ns
        late_ns = arrived_ns - (arrived_ns if self._offset_ns is None else self._offset_ns)
        lags = self._lag.stays(late_ns, now_ns)
        if elapsed_ns >= 0 and 0 <= late_ns <= MAX_LATE_NS and not lags:
            arrived_ns += _slewed(late_ns, elapsed_ns) - late_ns
        else:
            is_jump = elapsed_ns < 0 or abs(late_ns) > MAX_LATE_NS or lags
            self.resets += self._offset_ns is not None and is_jump
            self._lag.forget()
        self._offset_ns = arrived_ns
        return arrived_ns


class FileClock:
    """Captured times of a file: its start plus the presentation timestamp.

    Args:
        start_ns: Unix time of the file's first moment. A lossless file is read faster than
            it was filmed; it starts its duration ago, so that no time lies in the future.
    """

    def __init__(self, start_ns: int) -> None:
        self._start_ns = start_ns
        self._last_ns = 0

    def restart(self, start_ns: int) -> None:
        """Its first moment is another one: the device's clock was set, or it is read too slowly."""
        self._start_ns = start_ns

    def due_ns(self, pts_ns: int) -> int:
        """Unix time of a moment of the file."""
        return self._start_ns + pts_ns

    def captured_ns(self, pts_ns: int) -> int:
        """When the frame was captured, in Unix time; later than that of the one before."""
        self._last_ns = max(self.due_ns(pts_ns), self._last_ns + 1)
        return self._last_ns
