"""What names a device, a camera, an event.

An event is named by four parts, `device/boot/lane/seq`: the boot is 64 random bits
drawn at each start of the agent, and seq counts from 1 without a gap in (boot, lane).
"""

import enum
import re
import secrets
from typing import NamedTuple

from protos.errors import InvalidIdError

ID_PATTERN = r"[a-z][a-z0-9-]{2,62}"
"""Devices, cameras, rules, zones, lines, classes and models are named so."""

_ID = re.compile(ID_PATTERN)
_BOOT = re.compile(r"[0-9a-f]{16}")
_SEQ = re.compile(r"[1-9][0-9]{0,18}")


class Lane(enum.IntEnum):
    """Priority classes of events, most urgent first; the values are those on the wire."""

    ALARM = 1
    STATE = 2
    EVIDENCE = 3
    STATS = 4

    @property
    def slug(self) -> str:
        """The lane's name in topics and event ids."""
        return self.name.lower()

    @classmethod
    def from_slug(cls, slug: str) -> "Lane":
        """The lane of a topic's or an event id's part.

        Raises:
            InvalidIdError: no lane is called so.
        """
        try:
            return _LANES[slug]
        except KeyError:
            raise InvalidIdError(f"lane {slug!r} is none of {', '.join(_LANES)}") from None


_LANES = {lane.slug: lane for lane in Lane}


def check_id(value: str, what: str = "id") -> str:
    """The value itself, when it is a valid id.

    Raises:
        InvalidIdError: it is not; the message says which and what is allowed.
    """
    if not _ID.fullmatch(value):
        raise InvalidIdError(
            f"{what} {value!r} is not allowed: 3 to 63 characters, lower-case letters, digits "
            "and '-', starting with a letter"
        )
    return value


def as_id(text: str) -> str:
    """The id nearest to a text, such as the name of a class: `traffic-light` of "Traffic light"."""
    slug = re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")[:60].rstrip("-")
    if not slug or not slug[0].isalpha():
        slug = f"a-{slug}".rstrip("-")
    return slug if len(slug) >= 3 else f"{slug}-one"


def new_boot() -> int:
    """64 random bits, never 0."""
    return secrets.randbits(64) or 1


def boot_text(boot: int) -> str:
    """A boot as the 16 hexadecimal digits that texts and columns carry."""
    return f"{boot:016x}"


def parse_boot(text: str) -> int:
    """The boot that 16 hexadecimal digits stand for.

    Raises:
        InvalidIdError: it is no such text.
    """
    if not _BOOT.fullmatch(text):
        raise InvalidIdError(f"boot {text!r} is not 16 lower-case hexadecimal digits")
    return int(text, 16)


class EventId(NamedTuple):
    """The name of one event, for ever.

    A tuple, since every event is looked up by it: a dataclass hashes and compares in Python.
    """

    device: str
    boot: int
    lane: Lane
    seq: int

    def __str__(self) -> str:
        return f"{self.device}/{boot_text(self.boot)}/{self.lane.slug}/{self.seq}"

    @classmethod
    def parse(cls, text: str) -> "EventId":
        """The id that a text stands for.

        Raises:
            InvalidIdError: it is not `device/boot/lane/seq`.
        """
        parts = text.split("/")
        if len(parts) != 4 or not _SEQ.fullmatch(parts[3]):
            raise InvalidIdError(f"event id {text!r} is not device/boot/lane/seq")
        device, boot, lane, seq = parts
        return cls(check_id(device, "device"), parse_boot(boot), Lane.from_slug(lane), int(seq))
