"""What was erased: a device, or all of them, and a range of captured times."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

NS_PER_US = 1000


@dataclass(frozen=True, slots=True)
class ErasedRange:
    """Events, and the pictures of events, that are nowhere to be found any more.

    Attributes:
        device: whose; empty: of all devices.
        since_ns: captured at or after; a whole microsecond, as finer times are not stored by all.
        until_ns: captured before; a whole microsecond.
    """

    device: str
    since_ns: int
    until_ns: int

    def __post_init__(self) -> None:
        if not 0 <= self.since_ns < self.until_ns:
            raise ValueError(f"nothing is captured from {self.since_ns} to {self.until_ns}")
        if self.since_ns % NS_PER_US or self.until_ns % NS_PER_US:
            raise ValueError("the times must be whole microseconds")

    @classmethod
    def around(cls, device: str, since_ns: int, until_ns: int) -> "ErasedRange":
        """The range, widened to whole microseconds.

        Raises:
            ValueError: it is empty.
        """
        if since_ns >= until_ns:
            raise ValueError("it must end after it begins")
        whole = (-(-until_ns // NS_PER_US)) * NS_PER_US
        return cls(device, since_ns // NS_PER_US * NS_PER_US, whole)

    def covers(self, device: str, captured_ns: int) -> bool:
        """True for what belongs to it."""
        return self.device in ("", device) and self.since_ns <= captured_ns < self.until_ns

    def holds(self, other: "ErasedRange") -> bool:
        """True when all that belongs to the other belongs to it too."""
        same = self.device in ("", other.device)
        return same and self.since_ns <= other.since_ns and other.until_ns <= self.until_ns


@dataclass(frozen=True, slots=True)
class ErasedRanges:
    """All that was ever erased."""

    ranges: frozenset[ErasedRange] = frozenset()
    _by_device: Mapping[str, Sequence[ErasedRange]] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        by_device: dict[str, list[ErasedRange]] = {}
        for one in self.ranges:
            by_device.setdefault(one.device, []).append(one)
        object.__setattr__(self, "_by_device", by_device)

    @classmethod
    def of(cls, ranges: Iterable[ErasedRange]) -> "ErasedRanges":
        """These ranges."""
        return cls(frozenset(ranges))

    def cover(self, device: str, captured_ns: int) -> bool:
        """True for what was erased, and for what comes late of it."""
        if not self._by_device:
            return False
        mine, everybodys = self._by_device.get(device, ()), self._by_device.get("", ())
        return any(one.covers(device, captured_ns) for one in (*mine, *everybodys))

    def since(self, before: "ErasedRanges") -> frozenset[ErasedRange]:
        """What was erased since these were asked for."""
        return self.ranges - before.ranges


ReadErased = Callable[[], ErasedRanges]
"""Reads what was erased until now; raises StoreAwayError."""


def nothing_erased() -> ErasedRanges:
    """For what has no fleet's database to ask."""
    return ErasedRanges()
