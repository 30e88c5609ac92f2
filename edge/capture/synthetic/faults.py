"""Faults of a synthetic camera: by schedule, or by a file that anybody writes."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

FAULTS = {
    "down": "cannot be opened, and a connection breaks",
    "end": "a connection ends as a video does",
    "silent": "connected, but no picture comes",
    "hang": "a read does not return, whatever its limit",
    "freeze": "the same picture again and again",
    "garbage": "a third of each picture is what a decoder fills in",
    "size": "half the width and height",
    "reset": "timestamps begin again at 0",
    "slow": "a quarter of the pictures a second",
}
_ITEM = re.compile(r"([a-z]+)@([0-9.]+)-([0-9.]+)")


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault of a schedule, in s since the camera was first opened."""

    name: str
    start_s: float
    end_s: float


def parse_schedule(text: str) -> tuple[Fault, ...]:
    """The faults of `freeze@5-8,down@12-16`: name, start and end in s.

    Raises:
        ValueError: it cannot be read, or names no fault; says what there is.
    """
    return tuple(_fault(item) for item in text.split(",") if item)


def _fault(item: str) -> Fault:
    match = _ITEM.fullmatch(item)
    if match is None:
        raise ValueError(f"a fault is NAME@START-END, such as freeze@5-8, not {item!r}")
    try:
        return Fault(_known(match[1]), float(match[2]), float(match[3]))
    except ValueError as error:
        raise ValueError(f"{item!r}: {error}") from error


def _known(name: str) -> str:
    if name not in FAULTS:
        raise ValueError(f"there is no fault {name!r}; there are {', '.join(FAULTS)}")
    return name


class Faults:
    """Which faults are in force.

    Args:
        schedule: by time.
        control: a file with the names of further ones; none are in force while it is missing.
    """

    def __init__(self, schedule: Sequence[Fault], control: Path | None) -> None:
        self._schedule = tuple(schedule)
        self._control = control

    def in_force(self, elapsed_s: float) -> frozenset[str]:
        """Names of the faults so many seconds after the camera was first opened.

        Raises:
            ValueError: the file names no fault.
        """
        names = {fault.name for fault in self._schedule if fault.start_s <= elapsed_s < fault.end_s}
        return frozenset(names | self._commanded())

    def _commanded(self) -> set[str]:
        if self._control is None:
            return set()
        try:
            return {_known(name) for name in self._control.read_text().split()}
        except FileNotFoundError:
            return set()
        except OSError as error:
            raise ValueError(f"{self._control}: cannot be read: {error.strerror}") from error
