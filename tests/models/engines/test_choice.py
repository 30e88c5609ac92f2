"""Engines by the names under which they report themselves."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import platformdirs
import pytest

from models.checksum import sha256_of
from models.compile.tensorrt.cache import EngineCache
from models.engines import gpu, tensorrt, tensorrt_library
from models.engines.choice import NAMES, Wanted, open_engine, require_known
from models.engines.loading import load_engine
from models.engines.onnxruntime import OnnxRuntimeEngine
from models.errors import EngineError
from tests.support.tiny_detector import tiny_answer, tiny_manifest
from tests.support.tiny_onnx import constant_network


@pytest.fixture
def onnx(tmp_path: Path) -> Path:
    path = tmp_path / "network.onnx"
    path.write_bytes(constant_network((1, 3), np.ones((1, 2), np.float32)))
    return path


@pytest.fixture
def tflite(tmp_path: Path) -> Path:
    pytest.importorskip("models.engines.litert", exc_type=ModuleNotFoundError)
    from tests.support.tiny_tflite import constant_tflite

    path = tmp_path / "network.tflite"
    path.write_bytes(constant_tflite((1, 3), np.ones((1, 2), np.float32)))
    return path


def test_an_engine_that_is_nowhere_is_answered_with_those_there_are() -> None:
    with pytest.raises(
        EngineError,
        match=r"no engine is called 'onnxruntime/GPU'; there are auto, onnxruntime/CPU, .*tensorrt",
    ):
        require_known("onnxruntime/GPU")
    assert [require_known(name) for name in ("auto", *NAMES)] == ["auto", *NAMES]


@pytest.mark.parametrize("name", ["onnxruntime/CPU", "openvino/CPU"])
def test_an_engine_reports_itself_by_the_name_that_chose_it(onnx: Path, name: str) -> None:
    if name == "openvino/CPU":
        pytest.importorskip("models.engines.openvino", exc_type=ModuleNotFoundError)
    engine = open_engine(name, Wanted(onnx))
    assert engine.name == name
    engine.close()


def test_a_tflite_file_runs_by_itself_in_litert(tflite: Path) -> None:
    for name in ("auto", "litert/CPU"):
        engine = open_engine(name, Wanted(tflite))
        assert engine.name == "litert/CPU"
        engine.close()


def test_an_onnx_file_runs_by_itself_in_onnx_runtime(onnx: Path) -> None:
    engine = open_engine("auto", Wanted(onnx))
    assert engine.name.startswith("onnxruntime/")
    engine.close()


def test_a_file_of_the_other_kind_is_told_with_the_engines_that_run_it(
    onnx: Path, tmp_path: Path
) -> None:
    with pytest.raises(EngineError, match=r"litert/CPU does not run ONNX files; auto, onnxruntime"):
        open_engine("litert/CPU", Wanted(onnx))
    with pytest.raises(
        EngineError,
        match=r"openvino/CPU does not run TensorFlow Lite files; auto, litert/CPU, litert/EdgeTPU",
    ):
        open_engine("openvino/CPU", Wanted(tmp_path / "network.tflite"))


@pytest.mark.parametrize(
    ("name", "file", "module", "extra"),
    [
        ("openvino/CPU", "network.onnx", "openvino", "openvino"),
        ("litert/CPU", "network.tflite", "ai_edge_litert", "litert"),
        ("onnxruntime/CPU", "network.onnx", "onnxruntime", "edge"),
        ("auto", "network.onnx", "onnxruntime", "edge"),
    ],
)
def test_a_library_that_is_not_installed_is_told_with_the_line_to_install_it(
    name: str, file: str, module: str, extra: str
) -> None:
    """In a process of its own, where the library cannot be imported."""
    program = (
        "import sys; from pathlib import Path\n"
        f"sys.modules[{module!r}] = None\n"
        "from models.engines.choice import Wanted, open_engine\n"
        "from models.errors import EngineError\n"
        "try:\n"
        f"    open_engine({name!r}, Wanted(Path({file!r})))\n"
        "except EngineError as error:\n"
        "    print(error)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60
    )
    assert f"is not installed: pip install 'wayside[{extra}]'" in done.stdout


def test_names_cost_no_library() -> None:
    """Settings are checked on machines that run no network."""
    program = (
        "import sys, models.engines.choice\n"
        "print({'onnxruntime', 'openvino', 'ai_edge_litert', 'numpy'} & set(sys.modules))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout.strip() == "set()"


def test_engines_of_tensorrt_are_kept_under_the_networks_own_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of a record, each network's file is called `network.onnx`."""
    pytest.importorskip("tensorrt_rtx")
    (tmp_path / "network.onnx").write_bytes(constant_network((1, 3, 32, 32), tiny_answer()))
    digest = sha256_of(tmp_path / "network.onnx")
    monkeypatch.setattr(gpu, "find_gpu", lambda: gpu.Gpu("Orin", (8, 7), 16, 64 * 2**30))
    monkeypatch.setattr(tensorrt, "load_pycuda", lambda: None)
    monkeypatch.setattr(
        tensorrt, "TensorRtEngine",
        lambda engine, library: OnnxRuntimeEngine(tmp_path / "network.onnx"),
    )  # fmt: skip
    monkeypatch.setattr(platformdirs, "user_cache_path", lambda name: tmp_path / name)

    manifest = tiny_manifest(name="gate", sha256=digest)
    load_engine(manifest, tmp_path / "network.onnx", engine="tensorrt_rtx/GPU").close()

    (entry,) = EngineCache(tmp_path / "wayside" / "engines").entries()
    assert entry.record.model == "gate"


def test_tensorrt_by_name_is_refused_before_anything_is_built(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wanted = Wanted(tmp_path / "tiny.onnx", cache=tmp_path / "engines" / "tiny")
    monkeypatch.setattr(tensorrt_library, "find_spec", lambda name: None)
    with pytest.raises(EngineError, match="TensorRT is not installed: on a Jetson"):
        open_engine("tensorrt/GPU", wanted)
    monkeypatch.undo()
    monkeypatch.setattr(gpu, "find_gpu", lambda: None)
    with pytest.raises(EngineError, match="tensorrt_rtx needs an NVIDIA GPU"):
        open_engine("tensorrt_rtx/GPU", wanted)
    monkeypatch.setattr(gpu, "find_gpu", lambda: gpu.Gpu("Orin", (8, 7), 16, 64 * 2**30))
    monkeypatch.setitem(sys.modules, "pycuda.driver", None)
    with pytest.raises(EngineError, match=r"pip install 'wayside\[tensorrt\]'"):
        open_engine("tensorrt_rtx/GPU", wanted)
    assert list(tmp_path.iterdir()) == []
