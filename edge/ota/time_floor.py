"""The time by which expiry is judged: the clock, but never less than a floor that only rises.

The floor is the latest of:

- when this agent was built,
- the dates that whoever signs `root` and `targets` wrote into them (`x-wayside: {"signed_at":
  ...}`; these keys are offline, those of `timestamp` and `snapshot` may be stolen with a server),
- the clock's time, where a time service kept it, and a whole refresh was valid at that time.

So a clock in 1972 makes nothing valid that had expired when the device last took metadata. And a
clock that is ahead cannot raise the floor for ever: what one could raise it by has expired by then,
unless a service keeps the clock, and even then no further than to the expiry of the metadata that
was just verified, the earliest of all. Metadata that is signed later lives longer than that. Pure.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import Any

from tuf.api.metadata import Signed

from edge.ota.refusal import refusal
from edge.ota.states import Code

BUILT = datetime(2026, 11, 28, tzinfo=timezone.utc)
"""Raised with each release: no device runs this code earlier."""

FIELD = "x-wayside"
BEHIND = timedelta(hours=1)
"""So far behind the floor a clock is called wrong."""

_EARLIEST = datetime(1970, 1, 1, tzinfo=timezone.utc)
_LATEST = datetime(9999, 1, 1, tzinfo=timezone.utc)
_FORM = "%Y-%m-%dT%H:%M:%SZ"


@dataclass(frozen=True, slots=True)
class Reference:
    """What is known of the time while metadata is judged; one for a whole refresh.

    Attributes:
        clock: what the system's clock says.
        floor: it is at least so late.
        is_kept: a time service keeps the clock.
    """

    clock: datetime
    floor: datetime
    is_kept: bool

    @property
    def time(self) -> datetime:
        """By which expiry is judged."""
        return max(self.clock, self.floor)

    def require_fresh(self, role: str, signed: Signed) -> None:
        """Refuse metadata that has expired.

        Raises:
            OtaError: `expired`; `clock` where only a clock says so that nothing keeps.
        """
        if not signed.is_expired(self.time):
            return
        expired = f"{role}: version {signed.version} expired at {_say(signed.expires)}"
        if self.is_kept or signed.is_expired(self.floor):
            raise refusal(Code.EXPIRED, f"{expired}; it is {_say(self.time)}{self._doubt()}")
        raise refusal(
            Code.CLOCK,
            f"{expired} if the clock is right, which says {_say(self.clock)} and which no time "
            f"service keeps; it is {_say(self.floor)} at least. Set the clock, or let NTP keep it",
        )

    def _doubt(self) -> str:
        if self.clock >= self.floor - BEHIND:
            return ""
        return f" at least, though the clock says {_say(self.clock)}: the clock is wrong"


def reference(now_s: float, floor_s: float, *, is_kept: bool, built: datetime = BUILT) -> Reference:
    """What is known of the time.

    Args:
        now_s: Unix time of the system's clock, whatever it says.
        floor_s: Unix time that it is at least, as was remembered.
        is_kept: a time service keeps the clock.
        built: it is at least so late without anything being remembered.
    """
    return Reference(_date(now_s), max(built, _date(floor_s)), is_kept)


def signed_at(signed: Signed) -> datetime | None:
    """When its signers say that they signed it; None where they don't say it."""
    said: Any = signed.unrecognized_fields.get(FIELD)
    text = said.get("signed_at") if isinstance(said, dict) else None
    if not isinstance(text, str):
        return None
    try:
        return datetime.strptime(text, _FORM).replace(tzinfo=timezone.utc)
    except ValueError:
        return None


def risen_s(reference: Reference, offline: Iterable[Signed]) -> int:
    """Unix time that it is at least, after a whole refresh was valid.

    Args:
        reference: by which it was judged.
        offline: the metadata of it whose keys are kept offline: root and targets.
    """
    dates = [at for at in (signed_at(signed) for signed in offline) if at is not None]
    if reference.is_kept:
        dates.append(reference.clock)
    return int(max([reference.floor, *dates]).timestamp())


def _date(seconds: float) -> datetime:
    if not _EARLIEST.timestamp() <= seconds <= _LATEST.timestamp():
        return _EARLIEST if seconds < 0 else _LATEST
    return datetime.fromtimestamp(seconds, timezone.utc)


def _say(date: datetime) -> str:
    return date.strftime("%Y-%m-%d %H:%M UTC")
