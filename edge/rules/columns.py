"""One column an object: state that grows and shrinks with the tracks."""

from dataclasses import dataclass, fields
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

Self = TypeVar("Self", bound="Columns")


@dataclass(frozen=True, slots=True, eq=False)
class Lineage:
    """Which rules of now go on from which of before, by their rows; each once.

    Attributes:
        new: (K,) rows of now.
        old: (K,) of before.
    """

    new: NDArray[np.intp]
    old: NDArray[np.intp]

    def among(self, new: NDArray[np.intp], old: NDArray[np.intp]) -> "Lineage":
        """The same of a part that knows some of the rules only.

        Args:
            new: (P,), the row of now of each of its places.
            old: (Q,), the row of before of each of the places that there were.
        """
        is_same = (new[:, None, None] == self.new) & (old[:, None] == self.old)
        return Lineage(*is_same.any(axis=2).nonzero())


@dataclass(slots=True)
class Columns:
    """Arrays whose last axis counts the same objects; subclasses are dataclasses of them."""

    def grow(self, count: int) -> None:
        """Append `count` objects, with zeros."""
        for field in fields(self):
            array = getattr(self, field.name)
            added = np.zeros((*array.shape[:-1], count), array.dtype)
            setattr(self, field.name, np.concatenate((array, added), axis=-1))

    def keep(self, columns: NDArray[np.bool_]) -> None:
        """Forget the objects whose column is False."""
        for field in fields(self):
            setattr(self, field.name, getattr(self, field.name).compress(columns, axis=-1))

    def inherit(self: Self, before: Self, lineage: Lineage) -> None:
        """Take the rows, the last axis but one, of rules that go on; of the same objects."""
        # A part that has no rules does not know how many objects there are.
        if not len(lineage.new):
            return
        for field in fields(self):
            old = getattr(before, field.name)[..., lineage.old, :]
            getattr(self, field.name)[..., lineage.new, :] = old
