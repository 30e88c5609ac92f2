"""How long a store keeps events: what differs from the settings, and making it so."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class RetentionPlan:
    """What is to be done, and what can't be.

    Attributes:
        store: which one, for people.
        changes: what would be done, each for people; empty when all is as it should be.
        steps: how much `carry_out` has to do, in the unit of what it yields.
        notes: what this server can't do, or does otherwise than expected.
    """

    store: str
    changes: tuple[str, ...] = ()
    steps: int = 0
    notes: tuple[str, ...] = ()


class Retention(Protocol):
    """The retention of one store."""

    def plan(self) -> RetentionPlan:
        """What differs now.

        Raises:
            StoreAwayError: the store does not answer, or not to us.
        """

    def carry_out(self) -> Iterator[int]:
        """Do what the last plan says; yields how much of its steps each time is done.

        Raises:
            StoreAwayError: the store does not answer, or does not do it.
        """

    def close(self) -> None:
        """Let go of the file or the connection."""


def days_text(days: float) -> str:
    """`1 day`, `30 days`, `0.5 days`."""
    return f"{days:g} day{'' if days == 1 else 's'}"
