"""Whether a device is there: from what was heard of it, and from the time now. No I/O.

The answer is reckoned whenever somebody asks, so that no timer has to run and nothing is wrong
while no timer runs. All times are those at which signs of life arrived in the cloud; what a
device's own clock says plays no part (ADR 0039).
"""

import enum
from dataclasses import dataclass

from cloud.fleet.settings import PresenceSettings

DEFAULT_INTERVAL_S = 30
"""For a device that does not say how often it sends a heartbeat."""

MAX_INTERVAL_S = 3600
"""A device that claims to be silent for longer is not believed."""

_NS_PER_S = 10**9


class Presence(enum.Enum):
    """Whether a device is there; the values are its names outside of Python."""

    ONLINE = "online"
    LATE = "late"
    OFFLINE = "offline"
    NEVER_SEEN = "never-seen"


@dataclass(frozen=True, slots=True)
class Signs:
    """What was heard of the hardware that a device has now.

    Attributes:
        last_ns: when its last state arrived.
        is_ended: that state ended the current session: a goodbye, or the broker's last will.
        interval_s: between its heartbeats, 1 to `MAX_INTERVAL_S`.
        online_since_ns: when the states began that have followed each other without a gap.
    """

    last_ns: int
    is_ended: bool
    interval_s: int
    online_since_ns: int


@dataclass(frozen=True, slots=True)
class Standing:
    """Whether a device is there, and since when that is so (cloud's clock)."""

    presence: Presence
    since_ns: int


def judge(
    signs: Signs | None, awaited_since_ns: int, now_ns: int, settings: PresenceSettings
) -> Standing:
    """Whether a device is there.

    Args:
        signs: None where nothing was heard of it.
        awaited_since_ns: when it was registered, or got new hardware.
        now_ns: cloud's clock.
        settings: how much silence is too much.
    """
    if signs is None:
        return Standing(Presence.NEVER_SEEN, awaited_since_ns)
    if signs.is_ended:
        return Standing(Presence.OFFLINE, signs.last_ns)
    offline_ns = signs.last_ns + silence_ns(settings.offline_after_intervals) * signs.interval_s
    if now_ns >= offline_ns:
        return Standing(Presence.OFFLINE, offline_ns)
    late_ns = signs.last_ns + silence_ns(settings.late_after_intervals) * signs.interval_s
    if now_ns >= late_ns:
        return Standing(Presence.LATE, late_ns)
    return Standing(Presence.ONLINE, signs.online_since_ns)


def silence_ns(intervals: int) -> int:
    """Nanoseconds of that many intervals of one second each."""
    return intervals * _NS_PER_S


def believed_interval_s(told_s: int) -> int:
    """The interval that a device is judged by, for the one that it tells; 0: it tells none."""
    return min(told_s or DEFAULT_INTERVAL_S, MAX_INTERVAL_S)
