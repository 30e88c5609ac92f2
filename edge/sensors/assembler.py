"""Sentences of a receiver into fixes: which one counts where several say the same."""

from collections.abc import Callable

from edge.sensors.nmea import Gga, Rmc, Sentence, Vtg, parse
from edge.sensors.port import Fix

RMC_ALONE_NS = 3_000_000_000
"""As long as an RMC came within this time, a GGA says nothing new."""

_STALE_NS = 2_000_000_000
"""A VTG that is older does not belong to this position."""


class Assembler:
    """Makes one fix of all that a receiver says about one moment.

    RMC counts, for it alone has date, position and speed. A receiver that sends none is read
    by GGA, with speed and course of its latest VTG. Receivers that name themselves twice, as
    GP and as GN, make one fix: what carries the time of the last fix is not a new one.

    Args:
        now_ns: the clock by which frames are captured, in ns of Unix time.
    """

    def __init__(self, now_ns: Callable[[], int]) -> None:
        self._now_ns = now_ns
        self._rmc_ns: int | None = None
        self._vtg: tuple[int, Vtg] | None = None
        self._time: str | None = None

    def understand(self, line: bytes) -> Fix | None:
        """The fix that a line completes, None where it completes none.

        Raises:
            SensorError: it is no sentence.
        """
        sentence = parse(line)
        return None if sentence is None else self.take(sentence)

    def take(self, sentence: Sentence) -> Fix | None:
        """The fix that a sentence completes, None where it completes none."""
        now_ns = self._now_ns()
        if isinstance(sentence, Vtg):
            self._vtg = (now_ns, sentence)
            return None
        if isinstance(sentence, Rmc):
            self._rmc_ns = now_ns
        elif self._rmc_ns is not None and now_ns - self._rmc_ns <= RMC_ALONE_NS:
            return None
        if sentence.position is None or sentence.time == self._time:
            return None
        self._time = sentence.time or None
        return self._fix(sentence, sentence.position, now_ns)

    def _fix(self, sentence: Rmc | Gga, position: tuple[float, float], now_ns: int) -> Fix:
        speed_mps = course_deg = utc_ns = None
        if isinstance(sentence, Rmc):
            speed_mps, course_deg = sentence.speed_mps, sentence.course_deg
            utc_ns = sentence.utc_ns
        if self._vtg is not None and now_ns - self._vtg[0] <= _STALE_NS:
            vtg = self._vtg[1]
            speed_mps = vtg.speed_mps if speed_mps is None else speed_mps
            course_deg = vtg.course_deg if course_deg is None else course_deg
        return Fix(now_ns, *position, speed_mps, course_deg, utc_ns)
