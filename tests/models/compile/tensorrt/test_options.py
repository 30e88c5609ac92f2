"""What may be asked for."""

import pytest

from models.compile.tensorrt.options import Batch, Options
from models.errors import EngineError


@pytest.mark.parametrize(
    ("text", "batch"), [("1:2:8", Batch(1, 2, 8)), ("4", Batch(4, 4, 4)), ("1:1:1", Batch())]
)
def test_a_batch_is_read_and_written(text: str, batch: Batch) -> None:
    assert Batch.parse(text) == batch
    assert Batch.parse(str(batch)) == batch


@pytest.mark.parametrize(
    "text", ["", "1:2", "1:2:3:4", "0:1:2", "4:2:8", "1:8:4", "a:b:c", "-1", "²"]
)
def test_a_batch_that_makes_no_sense_is_refused(text: str) -> None:
    with pytest.raises(EngineError, match="min:opt:max"):
        Batch.parse(text)


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"precision": "fp8"}, "precision 'fp8' is unknown; there are onnx, fp16, int8"),
        ({"workspace_mb": 0}, "workspace of 0 MiB: must be 1 or more"),
        ({"dla_core": -1}, "DLA core -1: must be 0 or more"),
    ],
)
def test_options_that_make_no_sense_are_refused(given: dict[str, object], told: str) -> None:
    with pytest.raises(EngineError) as error:
        Options(**given)  # type: ignore[arg-type]

    assert str(error.value) == told
