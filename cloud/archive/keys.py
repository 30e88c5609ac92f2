"""Names of archive files: `archive/v1/day=.../device=.../<first>-<last>-<events>-<digest>.parquet`.

The day (UTC) and the times are those at which the events were captured. Names sort by day, then
device, then time, and tell what a file holds without opening it.
"""

import re
from dataclasses import dataclass
from datetime import date, datetime, timedelta, timezone

from protos.ids import check_id

ROOT = "archive/v1"
"""The 1 is the version of the files' columns."""

NS_PER_DAY = 86_400_000_000_000

_EPOCH = date(1970, 1, 1)
_KEY = re.compile(
    rf"{ROOT}/day=(\d{{4}}-\d\d-\d\d)/device=([a-z0-9-]+)"
    r"/(\d{19})-(\d{19})-([1-9]\d{0,8})-([0-9a-f]{16})\.parquet"
)


@dataclass(frozen=True, slots=True, order=True)
class ArchiveFile:
    """A file of the archive, by its name.

    Attributes:
        day: UTC day on which all of its events were captured.
        device: whose they are.
        first_ns: captured time of the earliest.
        last_ns: captured time of the latest.
        events: how many.
        digest: 16 hexadecimal digits of what is in it, so that the same rows have one name.
    """

    day: date
    device: str
    first_ns: int
    last_ns: int
    events: int
    digest: str

    @property
    def key(self) -> str:
        """Its name in the blob store."""
        return (
            f"{device_folder(self.day, self.device)}/{self.first_ns:019d}-{self.last_ns:019d}"
            f"-{self.events}-{self.digest}.parquet"
        )

    def overlaps(self, since_ns: int, until_ns: int) -> bool:
        """True when some of its events may be captured at or after since, before until."""
        return self.first_ns < until_ns and self.last_ns >= since_ns

    @classmethod
    def parse(cls, key: str) -> "ArchiveFile | None":
        """The file that a key names, None where it is nothing of ours."""
        found = _KEY.fullmatch(key)
        if found is None:
            return None
        day, device, first_ns, last_ns, events, digest = found.groups()
        try:
            parsed = date.fromisoformat(day)
            check_id(device, "device")
        except ValueError:
            return None
        return cls(parsed, device, int(first_ns), int(last_ns), int(events), digest)


def day_of(captured_ns: int) -> date:
    """The UTC day of a time."""
    return _EPOCH + timedelta(days=captured_ns // NS_PER_DAY)


def day_folder(day: date) -> str:
    """Where the files of a day are."""
    return f"{ROOT}/day={day:%Y-%m-%d}"


def device_folder(day: date, device: str) -> str:
    """Where the files of a day and a device are."""
    return f"{day_folder(day)}/device={device}"


def today() -> date:
    """The UTC day that it is now."""
    return datetime.now(timezone.utc).date()
