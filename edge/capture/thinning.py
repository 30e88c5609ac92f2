"""Fewer frames than a camera brings, evenly spread over their own time."""

NS_PER_S = 1_000_000_000


class Thinning:
    """Chooses frames so that there are at most so many a second.

    A frame is due an interval after the one before it was due. It may come two fifths of it early,
    and one that comes up to so much late delays none that follow: at 25 pictures a second and 10
    wanted every second or third is taken, and 10 a second they are. This is the generic cell rate
    algorithm (ITU-T I.371), by the frames' time. Over any n intervals at most n + 2 frames are
    taken, and a frame is always taken an interval after the last.

    Args:
        max_fps: frames a second, above 0.
    """

    def __init__(self, max_fps: float) -> None:
        self._interval_ns = round(NS_PER_S / max_fps)
        self._slack_ns = self._interval_ns * 2 // 5
        self._due_ns = 0
        self._last_ns: int | None = None

    def takes(self, captured_ns: int) -> bool:
        """True where the frame of this time is wanted; each frame is asked about once, in order.

        Time that goes backwards, as when a camera comes back with another clock, begins anew.
        """
        if self._last_ns is None or captured_ns < self._last_ns:
            self._due_ns = captured_ns
        self._last_ns = captured_ns
        if captured_ns < self._due_ns - self._slack_ns:
            return False
        self._due_ns = max(self._due_ns, captured_ns - self._slack_ns) + self._interval_ns
        return True
