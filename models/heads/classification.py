"""Classification: a score for each class, of the picture as a whole."""

from collections.abc import Sequence

import numpy as np

from models.engines.port import Tensor
from models.families import ClassificationHead
from models.heads.boxes import sigmoid, softmax
from models.manifest import Thresholds
from models.preprocess import Geometry
from models.ranking import Ranking

_ACTIVATIONS = {"softmax": softmax, "sigmoid": sigmoid}


class ClassificationDecoder:
    """Output (1, classes): logits or scores, as the manifest's `activation` says.

    Args:
        head: the manifest's parameters.
        classes: number of classes.
    """

    output_shapes: Sequence[tuple[int | None, ...]]

    def __init__(self, head: ClassificationHead, classes: int) -> None:
        self._activation = _ACTIVATIONS.get(head.activation)
        self.output_shapes = ((1, classes),)

    def decode(
        self, outputs: Sequence[Tensor], geometry: Geometry, thresholds: Thresholds
    ) -> Ranking:
        """See `Head.decode`: all classes that are sure enough."""
        scores = np.asarray(outputs[0], np.float32)[0]
        if self._activation is not None:
            scores = self._activation(scores)
        order = np.argsort(-scores, kind="stable")
        order = order[scores[order] >= thresholds.confidence]
        return Ranking(order.astype(np.int32), scores[order])
