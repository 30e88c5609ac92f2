"""Places of a map as shares of the picture that it shows."""

from dataclasses import dataclass

from edge.rules.objects import F64
from models.preprocess import Geometry


@dataclass(frozen=True, slots=True)
class Places:
    """How columns and rows of a map, counted from its top left corner, lie in the picture.

    Attributes:
        scale_x: shares of the picture's width in a column.
        shift_x: share of the width at which column 0 begins.
        scale_y: shares of the picture's height in a row.
        shift_y: share of the height at which row 0 begins.
    """

    scale_x: float
    shift_x: float
    scale_y: float
    shift_y: float

    @classmethod
    def of(cls, geometry: Geometry, shape: tuple[int, ...]) -> "Places":
        """Those of a map (rows, columns) over the whole input of a network."""
        rows, columns = shape
        width = geometry.source_width * geometry.scale_x
        height = geometry.source_height * geometry.scale_y
        return cls(
            geometry.input_width / columns / width,
            -geometry.pad_left / width,
            geometry.input_height / rows / height,
            -geometry.pad_top / height,
        )

    def x(self, columns: F64) -> F64:
        """Shares of the picture's width; the middle of column c is at c + 0.5."""
        return columns * self.scale_x + self.shift_x

    def y(self, rows: F64) -> F64:
        """Shares of the picture's height; the middle of row r is at r + 0.5."""
        return rows * self.scale_y + self.shift_y
