"""What is known of the clock: is it disciplined (adjtimex(2), without privileges)."""

import ctypes
from typing import NamedTuple

_STA_UNSYNC = 0x0040
_STA_NANO = 0x2000
_TIME_ERROR = 5


class ClockState(NamedTuple):
    """What is known of captured times when an event is appended.

    Attributes:
        synced: a time service keeps the wall clock.
        anchor_id: which mapping from monotonic to wall time is in force; 0: nobody says.
    """

    synced: bool
    anchor_id: int


class _Timex(ctypes.Structure):
    """The head of `struct timex` of <sys/timex.h>, with room for the rest of it."""

    _fields_ = (
        ("modes", ctypes.c_uint),
        ("offset", ctypes.c_long),
        ("freq", ctypes.c_long),
        ("maxerror", ctypes.c_long),
        ("esterror", ctypes.c_long),
        ("status", ctypes.c_int),
        ("rest", ctypes.c_byte * 256),
    )


_libc = ctypes.CDLL(None, use_errno=True)


def clock_synced() -> bool:
    """True while a time service (NTP, PTP, GPS) keeps this machine's clock.

    The kernel's own word: it falls back to "unsynchronised" when the service stays away.
    Where the call is forbidden, as in a strict sandbox, nobody knows, and the answer is False.
    """
    return _kept_clock() is not None


def clock_offset_ns() -> int:
    """What the time service still has to add to the clock, as the kernel was told; 0: unknown."""
    timex = _kept_clock()
    if timex is None:
        return 0
    return int(timex.offset) * (1 if timex.status & _STA_NANO else 1000)


def _kept_clock() -> _Timex | None:
    """What the kernel says of a clock that is kept; None where nobody keeps it, or may know."""
    timex = _Timex()
    state = int(_libc.adjtimex(ctypes.byref(timex)))
    is_kept = state not in (-1, _TIME_ERROR) and not timex.status & _STA_UNSYNC
    return timex if is_kept else None


def unanchored() -> ClockState:
    """The kernel's word, where nobody maps monotonic to wall time."""
    return ClockState(clock_synced(), 0)
