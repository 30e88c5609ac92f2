"""Times as text: RFC 3339 with nanoseconds, or Unix nanoseconds."""

import re
from datetime import datetime, timedelta, timezone

_NS_PER_S = 1_000_000_000
_SECOND = timedelta(seconds=1)
_RFC_3339 = re.compile(
    r"(\d{4}-\d{2}-\d{2})[Tt ](\d{2}:\d{2}:\d{2})(?:\.(\d{1,9}))?([Zz]|[+-]\d{2}:\d{2})",
    re.ASCII,
)
_DIGITS = re.compile(r"[0-9]{1,19}")


def parse_ns(text: str) -> int:
    """Unix nanoseconds of an RFC 3339 time or of a number of nanoseconds.

    Raises:
        ValueError: it is neither.
    """
    if _DIGITS.fullmatch(text):
        return int(text)
    found = _RFC_3339.fullmatch(text)
    if found is None:
        raise ValueError("must be like 2026-05-01T12:00:00Z (RFC 3339) or Unix nanoseconds")
    date, clock, fraction, offset = found.groups()
    at = datetime.fromisoformat(f"{date}T{clock}{offset.upper()}")
    # Whole seconds only: a float would lose the nanoseconds.
    seconds = (at - datetime(1970, 1, 1, tzinfo=timezone.utc)) // _SECOND
    return seconds * _NS_PER_S + int((fraction or "0").ljust(9, "0"))


def format_ns(time_ns: int) -> str:
    """RFC 3339 in UTC with nine digits after the point."""
    seconds, nanoseconds = divmod(time_ns, _NS_PER_S)
    at = datetime.fromtimestamp(seconds, timezone.utc)
    return f"{at:%Y-%m-%dT%H:%M:%S}.{nanoseconds:09d}Z"
