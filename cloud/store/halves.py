"""Find the few that are refused among many, when a refusal does not say which.

A refused lot is cut into halves, and each is tried again, until the refused ones stand alone:
one bad event among n costs 2 log2(n) further tries. Trying again what was taken already is
harmless, since a store writes an event once. The order of the items is kept, as the first of two
that exclude each other may be the one that stays.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

Item = TypeVar("Item")


@dataclass(frozen=True, slots=True)
class Refusal:
    """That a lot was refused.

    Attributes:
        reason: for people.
        whole: it is known that every single item is refused, so none need be tried alone.
    """

    reason: str
    whole: bool = False


def refused_of(
    items: Sequence[Item], attempt: Callable[[Sequence[Item]], Refusal | None]
) -> list[tuple[Item, str]]:
    """Have everything taken that can be; returns the rest, each with its reason.

    Args:
        items: in the order in which they shall be tried.
        attempt: tries a lot; None means that all of it was taken.

    Raises:
        Whatever `attempt` raises; some of the items were taken by then.
    """
    refused: list[tuple[Item, str]] = []
    lots = [items] if items else []
    while lots:
        lot = lots.pop()
        refusal = attempt(lot)
        if refusal is None:
            continue
        if refusal.whole or len(lot) == 1:
            refused.extend((item, refusal.reason) for item in lot)
        else:
            middle = len(lot) // 2
            lots += [lot[middle:], lot[:middle]]
    return refused
