"""Classes of a whole picture."""

import math

import numpy as np
import pytest

from models.families import ClassificationHead
from models.heads.classification import ClassificationDecoder
from models.manifest import Thresholds
from models.preprocess import Geometry
from models.ranking import Ranking

PLACE = Geometry(8, 8, 8, 8, 1.0, 1.0)
LOGITS = [0.5, 2.0, -1.0, 1.0]
POWERS = [math.exp(value) for value in LOGITS]


@pytest.mark.parametrize(
    ("activation", "scores"),
    [
        ("softmax", [power / sum(POWERS) for power in POWERS]),
        ("sigmoid", [1 / (1 + math.exp(-value)) for value in LOGITS]),
        ("none", LOGITS),
    ],
)
def test_classes_come_with_their_scores_the_surest_first(
    activation: str, scores: list[float]
) -> None:
    head = ClassificationHead.model_validate({"family": "classification", "activation": activation})
    decoder = ClassificationDecoder(head, 4)
    assert decoder.output_shapes == ((1, 4),)

    found = decoder.decode([np.array([LOGITS], np.float32)], PLACE, Thresholds(confidence=0.2))

    order = [class_id for class_id in (1, 3, 0, 2) if scores[class_id] >= 0.2]
    assert found.class_id.tolist() == order
    np.testing.assert_allclose(found.confidence, [scores[one] for one in order], rtol=1e-6)


def test_arrays_of_another_length_are_refused() -> None:
    with pytest.raises(ValueError, match=r"confidence: expected \(1,\) float32, got \(2,\)"):
        Ranking(np.zeros(1, np.int32), np.zeros(2, np.float32))
