"""One column an object: state that grows and shrinks with the tracks."""

from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray


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
            setattr(self, field.name, getattr(self, field.name)[..., columns])
