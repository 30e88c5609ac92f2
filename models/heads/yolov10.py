"""YOLOv10 (Wang et al. 2024, arXiv:2405.14458), and whatever is exported end to end as it is.

Trained so that each object has one box, the network needs no suppression; the graph chooses its
surest boxes, in most exports 300.
"""

from collections.abc import Sequence

import numpy as np

from models.detections import Detections
from models.engines.port import Tensor
from models.heads.boxes import finish
from models.manifest import Thresholds
from models.preprocess import Geometry


class YoloV10Decoder:
    """Output (1, boxes, 6): left, top, right, bottom in px of the input, score, class.

    Args:
        classes: number of classes; a box of another class is of a broken network, and left out.
    """

    output_shapes: Sequence[tuple[int | None, ...]] = ((1, None, 6),)

    def __init__(self, classes: int) -> None:
        self._classes = classes

    def decode(
        self, outputs: Sequence[Tensor], geometry: Geometry, thresholds: Thresholds
    ) -> Detections:
        """See `Head.decode`."""
        rows = np.asarray(outputs[0], np.float32)[0]
        is_class = (rows[:, 5] >= 0) & (rows[:, 5] < self._classes)
        rows = rows[is_class & (rows[:, 4] >= thresholds.confidence)]
        return finish(rows[:, :4], rows[:, 4], rows[:, 5].astype(np.int32), geometry, None)
