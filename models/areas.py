"""Which class each place of one picture belongs to, as semantic segmentation finds it."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.preprocess import Geometry

NOTHING = 255
"""In a map, the class of places where there is none of interest."""


@dataclass(frozen=True, slots=True, eq=False)
class Areas:
    """Maps of classes over one picture.

    Attributes:
        maps: for each output of the network (rows, columns) uint8, over its whole input: index
            into the manifest's classes, or NOTHING. A class may stand in one of them only.
        geometry: where the picture lies in the input.

    Raises:
        ValueError: a map has another shape or dtype.
    """

    maps: tuple[NDArray[np.uint8], ...]
    geometry: Geometry

    def __post_init__(self) -> None:
        for number, one in enumerate(self.maps):
            if one.ndim != 2 or one.dtype != np.uint8 or not one.size:
                raise ValueError(
                    f"maps[{number}]: expected (rows, columns) uint8, got {one.shape} {one.dtype}"
                )

    @property
    def classes(self) -> frozenset[int]:
        """The values that stand in the maps; NOTHING may be among them."""
        return frozenset(int(value) for one in self.maps for value in np.unique(one))

    def mask(self, class_id: int) -> NDArray[np.bool_]:
        """(height, width) of the picture: True where it shows the class."""
        shown = np.zeros((self.geometry.source_height, self.geometry.source_width), np.bool_)
        for one in self.maps:
            row, column = self._places(one)
            shown |= (one == class_id)[row][:, column]
        return shown

    def share(self, class_id: int) -> float:
        """The share of the picture's pixels that show the class, in [0, 1]."""
        shown = 0.0
        for one in self.maps:
            row, column = self._places(one)
            high = np.bincount(row, minlength=one.shape[0])
            wide = np.bincount(column, minlength=one.shape[1])
            shown += float(high @ (one == class_id) @ wide)
        return shown / (self.geometry.source_width * self.geometry.source_height)

    def _places(self, one: NDArray[np.uint8]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
        """In which row and column of a map the middle of each pixel of the picture lies."""
        of = self.geometry
        y = (np.arange(of.source_height) + 0.5) * of.scale_y + of.pad_top
        x = (np.arange(of.source_width) + 0.5) * of.scale_x + of.pad_left
        row = np.floor(y * one.shape[0] / of.input_height)
        column = np.floor(x * one.shape[1] / of.input_width)
        return (
            np.clip(row, 0, one.shape[0] - 1).astype(np.intp),
            np.clip(column, 0, one.shape[1] - 1).astype(np.intp),
        )
