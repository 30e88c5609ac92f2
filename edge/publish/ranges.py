"""Sets of sequence numbers, kept as sorted ranges without overlap or touch."""

from bisect import bisect_left
from collections.abc import Iterator


class Ranges:
    """A set of integers that is small to hold because neighbours form ranges.

    Invariant: `last[i] + 1 < first[i + 1]` for all i.
    """

    __slots__ = ("_first", "_last")

    def __init__(self) -> None:
        self._first: list[int] = []
        self._last: list[int] = []

    def __bool__(self) -> bool:
        return bool(self._first)

    def __iter__(self) -> Iterator[tuple[int, int]]:
        """The ranges (first, last) in order, both ends included; of a moment's copy."""
        return iter(list(zip(self._first, self._last, strict=True)))

    def __contains__(self, number: int) -> bool:
        return self.starting_at(number) is not None

    def copy(self) -> "Ranges":
        """The same numbers in a set of their own."""
        twin = Ranges()
        twin._first, twin._last = list(self._first), list(self._last)
        return twin

    @property
    def count(self) -> int:
        """How many numbers there are."""
        return sum(self._last) - sum(self._first) + len(self._first)

    def first(self) -> tuple[int, int]:
        """The lowest range.

        Raises:
            IndexError: the set is empty.
        """
        return self._first[0], self._last[0]

    def starting_at(self, number: int) -> tuple[int, int] | None:
        """From the number to the end of its range, or None where it is no member."""
        at = bisect_left(self._last, number)
        if at < len(self._first) and self._first[at] <= number:
            return number, self._last[at]
        return None

    def add(self, first: int, last: int) -> None:
        """Put in all numbers from first to last."""
        if last < first:
            return
        low = bisect_left(self._last, first - 1)
        high = low
        while high < len(self._first) and self._first[high] <= last + 1:
            first = min(first, self._first[high])
            last = max(last, self._last[high])
            high += 1
        self._first[low:high] = [first]
        self._last[low:high] = [last]

    def remove(self, first: int, last: int) -> None:
        """Take out all numbers from first to last; those that are not in do not matter."""
        if last < first:
            return
        low = bisect_left(self._last, first)
        high = low
        kept: list[tuple[int, int]] = []
        while high < len(self._first) and self._first[high] <= last:
            if self._first[high] < first:
                kept.append((self._first[high], first - 1))
            if self._last[high] > last:
                kept.append((last + 1, self._last[high]))
            high += 1
        self._first[low:high] = [start for start, _ in kept]
        self._last[low:high] = [end for _, end in kept]
