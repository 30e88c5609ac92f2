"""Where the device was, and when: the fixes of the last minute, asked by the time of a frame."""

import threading
from bisect import bisect_right
from dataclasses import replace
from operator import attrgetter

from edge.sensors.geodesy import between, distance_m, moved
from edge.sensors.port import Fix

HISTORY_S = 60.0
"""An event may be told this much after its frame, and still gets its position."""

MAX_FIXES = 1200
"""Bounds the memory: 20 fixes a second for a minute."""

NOISE_M = 50.0
"""By so much fixes differ, among houses, without anybody having moved."""

AGREEING = 3
"""Implausible fixes in a row that agree with each other are right, and those before were wrong."""

STANDS_MPS = 1.0
"""Slower than this, course over ground is noise, and many receivers leave it out."""

_NS_PER_S = 1_000_000_000
_captured_ns = attrgetter("captured_ns")


class Fixes:
    """Plausible fixes, in the order of their time. One thread adds, any may ask.

    Args:
        max_age_s: a fix that is further away in time says nothing.
        max_speed_mps: nobody moves faster; a fix that says so is a jump of the receiver.
    """

    def __init__(self, max_age_s: float, max_speed_mps: float) -> None:
        self._max_age_ns = round(max_age_s * _NS_PER_S)
        self._max_speed_mps = max_speed_mps
        self._lock = threading.Lock()
        self._fixes: list[Fix] = []
        self._doubted: Fix | None = None
        self._agreeing = 0
        self.jumps = 0

    def add(self, fix: Fix) -> bool:
        """Take a fix; False where it is a jump that nothing confirms yet."""
        with self._lock:
            if self._fixes and not self._follows(self._fixes[-1], fix):
                self.jumps += 1
                if not self._is_confirmed(fix):
                    return False
                self._fixes.clear()  # nothing lies between there and here
            self._doubted, self._agreeing = None, 0
            if self._fixes and fix.captured_ns <= self._fixes[-1].captured_ns:
                return True
            self._fixes.append(self._with_heading(fix))
            self._forget(fix.captured_ns)
            return True

    def at(self, captured_ns: int) -> Fix | None:
        """Where the device was at a moment, None where nobody knows.

        Between two fixes it is interpolated; before the first and after the last one it is
        reckoned on from there by speed and heading, for `max_age_s` at most.

        Args:
            captured_ns: captured time of a frame.
        """
        with self._lock:
            place = bisect_right(self._fixes, captured_ns, key=_captured_ns)
            before = self._fixes[place - 1] if place else None
            after = self._fixes[place] if place < len(self._fixes) else None
        if before is not None and captured_ns - before.captured_ns > self._max_age_ns:
            before = None
        if after is not None and after.captured_ns - captured_ns > self._max_age_ns:
            after = None
        if before is not None and after is not None:
            return interpolated(before, after, captured_ns)
        nearest = before or after
        return None if nearest is None else reckoned(nearest, captured_ns)

    def _follows(self, last: Fix, fix: Fix) -> bool:
        elapsed_s = max(0, fix.captured_ns - last.captured_ns) / _NS_PER_S
        way_m = distance_m(
            last.latitude_deg, last.longitude_deg, fix.latitude_deg, fix.longitude_deg
        )
        is_slow = fix.speed_mps is None or fix.speed_mps <= self._max_speed_mps
        return is_slow and way_m <= NOISE_M + self._max_speed_mps * elapsed_s

    def _with_heading(self, fix: Fix) -> Fix:
        """The fix; a vehicle that stands keeps its heading, which receivers leave out then."""
        stands = fix.speed_mps is not None and fix.speed_mps < STANDS_MPS
        if not self._fixes or not stands or fix.heading_deg is not None:
            return fix
        return replace(fix, heading_deg=self._fixes[-1].heading_deg)

    def _is_confirmed(self, fix: Fix) -> bool:
        agrees = self._doubted is not None and self._follows(self._doubted, fix)
        self._doubted, self._agreeing = fix, self._agreeing + 1 if agrees else 1
        return self._agreeing >= AGREEING

    def _forget(self, now_ns: int) -> None:
        oldest_ns = now_ns - round(HISTORY_S * _NS_PER_S)
        old = bisect_right(self._fixes, oldest_ns, key=_captured_ns)
        del self._fixes[: max(old, len(self._fixes) - MAX_FIXES)]


def interpolated(before: Fix, after: Fix, captured_ns: int) -> Fix:
    """The fix between two others, by share of time; angles go the shorter way."""
    share = (captured_ns - before.captured_ns) / (after.captured_ns - before.captured_ns)
    way_deg = after.latitude_deg - before.latitude_deg
    speeds, headings = (before.speed_mps, after.speed_mps), (before.heading_deg, after.heading_deg)
    nearest = after if share > 0.5 else before
    speed_mps, heading_deg = nearest.speed_mps, nearest.heading_deg
    if speeds[0] is not None and speeds[1] is not None:
        speed_mps = speeds[0] + (speeds[1] - speeds[0]) * share
    if headings[0] is not None and headings[1] is not None:
        heading_deg = between(headings[0], headings[1], share) % 360
    return Fix(
        captured_ns,
        before.latitude_deg + way_deg * share,
        between(before.longitude_deg, after.longitude_deg, share),
        speed_mps,
        heading_deg,
    )


def reckoned(fix: Fix, captured_ns: int) -> Fix:
    """The fix moved on, or back, by its own speed and heading; as it is where it has none."""
    if fix.speed_mps is None or fix.heading_deg is None:
        return replace(fix, captured_ns=captured_ns, utc_ns=None)
    way_m = fix.speed_mps * (captured_ns - fix.captured_ns) / _NS_PER_S
    latitude_deg, longitude_deg = moved(fix.latitude_deg, fix.longitude_deg, fix.heading_deg, way_m)
    return Fix(captured_ns, latitude_deg, longitude_deg, fix.speed_mps, fix.heading_deg)
