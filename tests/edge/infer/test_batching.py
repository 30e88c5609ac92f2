import numpy as np
import pytest

from edge.infer.batching import Batching, batching_for, is_gpu
from edge.infer.settings import InferSettings
from models.engines.port import TensorSpec
from tests.support.fake_engine import FakeEngine

MS = 1_000_000


def engine(name: str, most: int | None) -> FakeEngine:
    spec = TensorSpec("x", (None, 3), np.dtype(np.float32))
    made = FakeEngine([spec], [spec], lambda x: [x])
    made.name, made.most_at_once = name, most
    return made


@pytest.mark.parametrize(
    ("name", "most", "max_batch", "expected"),
    [
        ("onnxruntime/CPU", None, "auto", Batching(1, 5 * MS, None)),
        ("onnxruntime/CPU", None, 4, Batching(4, 5 * MS, None)),
        ("onnxruntime/CPU", 1, 4, Batching(1, 5 * MS, None)),
        ("tensorrt/GPU", None, "auto", Batching(8, 5 * MS, 2)),
        ("tensorrt/GPU", 4, "auto", Batching(4, 5 * MS, 2)),
        ("tensorrt/GPU", 1, "auto", Batching(1, 5 * MS, 2)),
        ("tensorrt/GPU", None, 16, Batching(16, 5 * MS, 2)),
    ],
)
def test_what_suits_an_engine(
    name: str, most: int | None, max_batch: int | str, expected: Batching
) -> None:
    settings = InferSettings.model_validate({"max_batch": max_batch})
    assert batching_for(settings, engine(name, most)) == expected


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("onnxruntime/CUDA, 3 of 120 operators on CPU", True),
        ("onnxruntime/TensorRT", True),
        ("openvino/GPU.0", True),
        ("openvino/CPU", False),
        ("litert/EdgeTPU", False),
        ("fake", False),
    ],
)
def test_a_gpu_is_told_by_the_engine_s_name(name: str, expected: bool) -> None:
    assert is_gpu(engine(name, None)) is expected
