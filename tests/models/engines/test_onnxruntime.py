"""ONNX Runtime's own troubles, told in one line."""

from pathlib import Path

import numpy as np
import onnxruntime
import pytest

from models.engines.onnxruntime import OnnxRuntimeEngine, has_provider, name_of
from models.engines.providers import PROVIDERS, Provider
from models.errors import EngineError
from tests.support.tiny_onnx import Node, constant_network, onnx_bytes


def written(folder: Path, content: bytes) -> Path:
    path = folder / "network.onnx"
    path.write_bytes(content)
    return path


def test_its_name_tells_the_provider_that_is_really_in_use(tmp_path: Path) -> None:
    path = written(tmp_path, constant_network((1, 3), np.zeros((1, 2), np.float32)))

    assert OnnxRuntimeEngine(path).name == "onnxruntime/CPU"


@pytest.mark.parametrize("content", [b"", b"this is no network", b"\x08" * 4000])
def test_a_file_that_is_no_onnx_is_an_engine_error_of_one_line(
    tmp_path: Path, content: bytes
) -> None:
    path = written(tmp_path, content)

    with pytest.raises(EngineError, match="cannot be loaded as ONNX") as caught:
        OnnxRuntimeEngine(path)

    assert "\n" not in str(caught.value)
    assert str(path) in str(caught.value)
    assert "see that it is a whole ONNX file, or export it again" in str(caught.value)


def test_an_operator_that_nobody_knows_is_an_engine_error(tmp_path: Path) -> None:
    path = written(
        tmp_path, onnx_bytes([Node("Frobnicate", ("x",), "y")], {"x": (1,)}, {"y": (1,)})
    )

    with pytest.raises(EngineError, match="Frobnicate"):
        OnnxRuntimeEngine(path)


def test_a_missing_file_is_an_engine_error(tmp_path: Path) -> None:
    with pytest.raises(EngineError, match="cannot be loaded as ONNX"):
        OnnxRuntimeEngine(tmp_path / "none.onnx")


def test_a_provider_that_is_not_built_in_is_told_with_those_that_are_and_what_brings_it(
    tmp_path: Path,
) -> None:
    path = written(tmp_path, constant_network((1, 3), np.zeros((1, 2), np.float32)))
    frobs = Provider("Frob", "FrobExecutionProvider", "pip install frobs")

    with pytest.raises(
        EngineError, match=r"has no FrobExecutionProvider; it has .*CPUExec.*; pip install frobs$"
    ):
        OnnxRuntimeEngine(path, 1, frobs)


@pytest.mark.parametrize("label", ["CUDA", "TensorRT", "OpenVINO"])
def test_an_engine_is_what_was_asked_for_or_an_error(tmp_path: Path, label: str) -> None:
    """Whether a machine has the device or not: never the CPU under another's name."""
    path = written(
        tmp_path, onnx_bytes([Node("Exp", ("x",), "y")], {"x": (64, 64)}, {"y": (64, 64)})
    )
    try:
        became = OnnxRuntimeEngine(path, 1, PROVIDERS[label]).name
    except EngineError as error:
        became = f"refused: {error}"

    refused = became.startswith("refused: ") and PROVIDERS[label].name in became
    assert refused or became.startswith(f"onnxruntime/{label}")


def test_a_provider_that_takes_nothing_is_refused(tmp_path: Path) -> None:
    """Azure's stands in every wheel, starts anywhere, and leaves every ordinary operator."""
    azure = Provider("Azure", "AzureExecutionProvider")
    if not has_provider(azure):
        pytest.skip("this wheel is built without it")
    path = written(
        tmp_path, onnx_bytes([Node("Exp", ("x",), "y")], {"x": (64, 64)}, {"y": (64, 64)})
    )
    with pytest.raises(EngineError, match="AzureExecutionProvider takes none of its 1 operators"):
        OnnxRuntimeEngine(path, 1, azure)


def test_a_provider_that_does_not_start_is_refused_with_the_reason(tmp_path: Path) -> None:
    """ONNX Runtime made a session of the CPU's instead, as it does without CUDA's libraries."""
    path = written(tmp_path, constant_network((1, 3), np.zeros((1, 2), np.float32)))
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])

    with pytest.raises(
        EngineError, match=r"CUDAExecutionProvider does not start \(.+\), and the CPU in its place"
    ):
        name_of(path, session, PROVIDERS["CUDA"])


def test_several_threads_for_one_frame_give_the_same(tmp_path: Path) -> None:
    path = written(
        tmp_path, onnx_bytes([Node("Exp", ("x",), "y")], {"x": (64, 64)}, {"y": (64, 64)})
    )
    x = np.random.default_rng(0).normal(size=(64, 64)).astype(np.float32)

    for intra_threads in (1, 2):
        y = OnnxRuntimeEngine(path, intra_threads).run(x)[0]
        np.testing.assert_allclose(np.asarray(y, np.float32), np.exp(x), rtol=1e-5)
