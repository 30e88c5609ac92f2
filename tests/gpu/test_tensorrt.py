"""TensorRT on a GPU: the engine port, and the zoo's networks against ONNX Runtime."""

import importlib.util
import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from edge.infer.upgrade import probe_picture
from models.compile.tensorrt.cache import EngineCache
from models.compile.tensorrt.compiler import Compiler
from models.compile.tensorrt.options import Batch, Options
from models.engines.deviation import deviation
from models.engines.gpu import find_gpu
from models.engines.loading import load_engine
from models.engines.switching import check_same
from models.engines.tensorrt import TensorRtEngine
from models.engines.tensorrt_library import is_installed
from models.errors import EngineError
from models.preprocess import Preprocessor
from tests.contracts.test_engine import EngineContract
from tests.support.real_assets import real_network
from tests.support.tiny_onnx import Node, onnx_bytes


def _missing() -> str:
    """Why nothing of this can run here; empty where it can."""
    if find_gpu() is None:
        return "there is no GPU"
    if not is_installed():
        return "TensorRT is not installed"
    return "" if importlib.util.find_spec("pycuda") else "pycuda is not installed"


MISSING = _missing()
pytestmark = [pytest.mark.gpu, pytest.mark.skipif(bool(MISSING), reason=MISSING)]

UPTO = Batch(1, 8, 64)
FLOAT32_OFF = 0.01
"""TensorRT computes float32 in TF32 where the GPU has it."""


@pytest.fixture(scope="module")
def compiler(tmp_path_factory: pytest.TempPathFactory) -> Compiler:
    return Compiler.of_machine(EngineCache(tmp_path_factory.mktemp("engines")), 1800.0)


def loaded(compiler: Compiler, onnx: Path, options: Options | None = None) -> TensorRtEngine:
    never = threading.Event()
    made = compiler.compile("net", onnx, options or Options(), lambda share: None, never)
    return TensorRtEngine(made.engine, compiler.library)


@pytest.fixture
def engine(compiler: Compiler, tmp_path: Path) -> Iterator[TensorRtEngine]:
    path = tmp_path / "network.onnx"
    nodes = [Node("Add", ("x", "x"), "twice"), Node("Mul", ("x", "x"), "square")]
    outputs: dict[str, tuple[int | str, ...]] = {"twice": ("batch", 3), "square": ("batch", 3)}
    path.write_bytes(onnx_bytes(nodes, {"x": ("batch", 3)}, outputs))
    made = loaded(compiler, path, Options(batch=UPTO))
    yield made
    made.close()


class TestOnGpu(EngineContract):
    """On this machine's."""

    most = UPTO.most


def test_a_batch_beyond_the_profile_is_refused_and_the_next_run_works(
    engine: TensorRtEngine,
) -> None:
    with pytest.raises(EngineError, match="built for"):
        engine.run(np.ones((65, 3), np.float32))

    x = np.full((64, 3), 3, np.float32)
    np.testing.assert_array_equal(engine.run(x)[0], x + x)


@pytest.mark.timeout(1800)
@pytest.mark.parametrize("name", ["yolox-nano", "fastestdet", "twinlitenet"])
def test_networks_answer_as_onnx_runtime_does(compiler: Compiler, name: str) -> None:
    manifest, onnx = real_network(name)
    tensor, _ = Preprocessor(manifest.input)(probe_picture(720, 1280))
    reference = load_engine(manifest, onnx)
    made = loaded(compiler, onnx)
    try:
        check_same(reference, made)
        off = deviation(reference.run(tensor), made.run(tensor))
        print(f"{name} on {find_gpu()} by {compiler.library}: off by {off:.5f}")
        assert off < FLOAT32_OFF
    finally:
        made.close()
        reference.close()


def test_an_engine_of_other_bytes_is_refused(compiler: Compiler) -> None:
    with pytest.raises(EngineError, match="cannot load the engine"):
        TensorRtEngine(b"no engine at all" * 64, compiler.library)
