"""The receiver's time beside this device's: it checks the clock, and never sets it."""

from dataclasses import dataclass

from edge.sensors.port import Fix

MAX_DIFFERENCE_NS = 2_000_000_000
"""Sentences take up to a second to arrive; beyond this the clock, or the receiver, is wrong."""

ROLLOVER_NS = 1024 * 7 * 86_400 * 1_000_000_000
"""GPS counts weeks from 0 to 1023: an old receiver is wrong by whole rounds of 19.6 years."""

MIN_RUN = 3
"""Fixes in a row that say the same before it is told: one that came late says nothing."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """How the clock is, each time that changes.

    Attributes:
        agrees: the difference is within `MAX_DIFFERENCE_NS`.
        ahead_s: by how much this device's clock is ahead of the receiver's.
        is_rollover: the receiver is wrong by whole rounds of its week count, and right else.
    """

    agrees: bool
    ahead_s: float
    is_rollover: bool


class ClockCheck:
    """Tells when the receiver's time begins to differ from the device's, and when it ceases to."""

    def __init__(self) -> None:
        self._told = True
        self._run = 0

    def step(self, fix: Fix) -> Verdict | None:
        """What has changed with this fix, None where nothing has, or where it has no date."""
        if fix.utc_ns is None:
            return None
        ahead_ns = fix.captured_ns - fix.utc_ns
        agrees = abs(ahead_ns) <= MAX_DIFFERENCE_NS
        self._run = 0 if agrees == self._told else self._run + 1
        if self._run < MIN_RUN:
            return None
        self._told, self._run = agrees, 0
        rounds = round(ahead_ns / ROLLOVER_NS)
        is_rollover = rounds != 0 and abs(ahead_ns - rounds * ROLLOVER_NS) <= MAX_DIFFERENCE_NS
        return Verdict(agrees, ahead_ns / 1e9, is_rollover)
