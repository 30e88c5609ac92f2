"""Names of archive files, which tell by themselves what a file may hold.

    archive/v2/day=.../shard=007-of-016/<first>-<last>-<events>-<digest>.parquet
    archive/v1/day=.../device=.../<first>-<last>-<events>-<digest>.parquet

The day (UTC) and the times are those at which the events were captured. What is archived goes into
a file of layout 2, with a share of all devices; how many shares there are stands in the name, so
that the files of a device are found whatever their number was. Files of layout 1, one device each,
were written by releases before; they are read, joined and erased as they are.
"""

import hashlib
import re
from dataclasses import dataclass
from datetime import date, datetime, timedelta, timezone

from protos.ids import check_id

ROOTS = ("archive/v1", "archive/v2")
"""By layout; the columns of the files are the same."""

MAX_SHARDS = 256
"""Of a round: more files than that a minute help nobody."""

NS_PER_DAY = 86_400_000_000_000

_EPOCH = date(1970, 1, 1)
_NAME = r"(\d{19})-(\d{19})-([1-9]\d{0,8})-([0-9a-f]{16})\.parquet"
_KEY = re.compile(
    rf"archive/(v1|v2)/day=(\d{{4}}-\d\d-\d\d)/"
    rf"(?:device=([a-z0-9-]+)|shard=(\d{{3}})-of-(\d{{3}}))/{_NAME}"
)


@dataclass(frozen=True, slots=True)
class OneDevice:
    """A device by itself: layout 1.

    Attributes:
        device: whose events they are.
    """

    device: str

    @property
    def layout(self) -> int:
        """Which of ROOTS it is in, from 1."""
        return 1

    @property
    def folder(self) -> str:
        """Its folder within a day."""
        return f"device={self.device}"

    @property
    def label(self) -> str:
        """What a person calls it."""
        return self.device

    def may_hold(self, device: str) -> bool:
        """Whether events of a device can be here."""
        return device == self.device


@dataclass(frozen=True, slots=True)
class Shard:
    """A share of all devices: layout 2.

    Attributes:
        number: from 0.
        of: shares that there are in the round.
    """

    number: int
    of: int

    @classmethod
    def of_device(cls, device: str, shards: int) -> "Shard":
        """The one of so many in which a device is: the same for every process and release."""
        digest = hashlib.sha256(device.encode()).digest()
        return cls(int.from_bytes(digest[:8], "big") % shards, shards)

    @property
    def layout(self) -> int:
        """Which of ROOTS it is in, from 1."""
        return 2

    @property
    def folder(self) -> str:
        """Its folder within a day."""
        return f"shard={self.number:03d}-of-{self.of:03d}"

    @property
    def label(self) -> str:
        """What a person calls it."""
        return f"shard {self.number} of {self.of}"

    def may_hold(self, device: str) -> bool:
        """Whether events of a device can be here."""
        return Shard.of_device(device, self.of) == self


Part = OneDevice | Shard
"""Of a day's files: those whose events may be joined in one."""


@dataclass(frozen=True, slots=True)
class ArchiveFile:
    """A file of the archive, by its name.

    Attributes:
        day: UTC day on which all of its events were captured.
        part: of the devices, of which the events are.
        first_ns: captured time of the earliest.
        last_ns: captured time of the latest.
        events: how many.
        digest: 16 hexadecimal digits of what is in it, so that the same rows have one name.
    """

    day: date
    part: Part
    first_ns: int
    last_ns: int
    events: int
    digest: str

    @property
    def key(self) -> str:
        """Its name in the blob store."""
        return (
            f"{day_folder(self.part.layout, self.day)}/{self.part.folder}"
            f"/{self.first_ns:019d}-{self.last_ns:019d}-{self.events}-{self.digest}.parquet"
        )

    def may_hold(self, since_ns: int, until_ns: int, device: str = "") -> bool:
        """True when some of its events may be captured at or after since, before until.

        Args:
            since_ns: captured at or after.
            until_ns: captured before.
            device: whose; empty: anybody's.
        """
        in_range = self.first_ns < until_ns and self.last_ns >= since_ns
        return in_range and (not device or self.part.may_hold(device))

    def is_within(self, since_ns: int, until_ns: int, device: str = "") -> bool:
        """True when the name alone says that every event is of the range, and the device's."""
        in_range = since_ns <= self.first_ns and self.last_ns < until_ns
        return in_range and (not device or self.part == OneDevice(device))

    @classmethod
    def parse(cls, key: str) -> "ArchiveFile | None":
        """The file that a key names, None where it is nothing of ours."""
        found = _KEY.fullmatch(key)
        if found is None:
            return None
        _, day, device, number, of, first_ns, last_ns, events, digest = found.groups()
        try:
            parsed = date.fromisoformat(day)
            part = _shard(int(number), int(of)) if device is None else _one_device(device)
        except ValueError:
            return None
        file = cls(parsed, part, int(first_ns), int(last_ns), int(events), digest)
        return file if file.key == key else None


def shards_for(events: int, events_per_file: int) -> int:
    """Into how many shares a round is cut, so that a file has about so many events.

    Powers of two, so that rounds of much the same size have the same shares, which `compact` joins.
    """
    wanted = max(1, -(-events // events_per_file))
    return min(MAX_SHARDS, 1 << (wanted - 1).bit_length())


def day_of(captured_ns: int) -> date:
    """The UTC day of a time."""
    return _EPOCH + timedelta(days=captured_ns // NS_PER_DAY)


def day_folder(layout: int, day: date) -> str:
    """Where a layout's files of a day are."""
    return f"{ROOTS[layout - 1]}/day={day:%Y-%m-%d}"


def today() -> date:
    """The UTC day that it is now."""
    return datetime.now(timezone.utc).date()


def _one_device(device: str) -> OneDevice:
    return OneDevice(check_id(device, "device"))


def _shard(number: int, of: int) -> Shard:
    if number >= of:
        raise ValueError(f"there is no shard {number} of {of}")
    return Shard(number, of)
