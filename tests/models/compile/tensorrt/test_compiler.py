"""From a network to an engine, with the real TensorRT-RTX."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from structlog.testing import capture_logs

from models.compile.tensorrt.cache import EngineCache
from models.compile.tensorrt.compiler import Compiled, Compiler
from models.compile.tensorrt.options import Options
from models.engines.gpu import Gpu, find_gpu
from models.errors import EngineError
from tests.support.tiny_onnx import constant_network

pytest.importorskip("tensorrt_rtx")


@pytest.fixture
def onnx(tmp_path: Path) -> Path:
    path = tmp_path / "net.onnx"
    path.write_bytes(constant_network((1, 3), np.ones((1, 4), np.float32)))
    return path


@pytest.fixture
def cache(tmp_path: Path) -> EngineCache:
    return EngineCache(tmp_path / "engines")


def compiled(
    cache: EngineCache,
    onnx: Path,
    options: Options | None = None,
    tell: Callable[[float], None] = lambda share: None,
) -> Compiled:
    never = threading.Event()
    compiler = Compiler.of_machine(cache, 60.0)
    return compiler.compile("net", onnx, options or Options(), tell, never)


def kinds(cache: EngineCache) -> list[str]:
    return sorted(path.suffix for path in cache.folder.iterdir())


def test_what_is_kept_is_not_built_again(cache: EngineCache, onnx: Path) -> None:
    built = compiled(cache, onnx)
    told: list[float] = []

    kept = compiled(cache, onnx, tell=told.append)

    assert (built.was_kept, kept.was_kept, told) == (False, True, [])
    assert kept.engine == built.engine == built.path.read_bytes()
    assert built.record.parts.library == "tensorrt_rtx"
    assert kinds(cache) == ["", ".engine", ".json"]


def test_another_option_is_another_engine(cache: EngineCache, onnx: Path) -> None:
    built = compiled(cache, onnx)

    other = compiled(cache, onnx, Options(compute_capability="8.9"))

    assert not other.was_kept
    assert other.path != built.path
    assert other.engine != built.engine


def test_another_gpu_is_another_engine(cache: EngineCache, onnx: Path) -> None:
    here = Compiler.of_machine(cache, 60.0)
    there = Compiler(here.library, Gpu("another", (8, 9), 16, 64 * 2**30), cache, 60.0)
    stop = threading.Event()

    paths = {
        one.compile("net", onnx, Options(), lambda share: None, stop).path for one in (here, there)
    }

    assert len(paths) == 2


@pytest.mark.parametrize("size", [0, 1000, -1], ids=["empty", "cut", "a byte short"])
def test_a_truncated_engine_is_built_again(cache: EngineCache, onnx: Path, size: int) -> None:
    built = compiled(cache, onnx)
    built.path.write_bytes(built.engine[:size])

    with capture_logs() as logs:
        again = compiled(cache, onnx)

    assert not again.was_kept
    assert again.engine == built.path.read_bytes()
    assert len(again.engine) == len(built.engine)
    (said,) = logs
    assert (said["event"], said["log_level"]) == ("engine is built again", "warning")
    assert str(built.path) in said["reason"]


def test_of_two_at_once_one_builds_and_the_other_takes_it(cache: EngineCache, onnx: Path) -> None:
    start = threading.Barrier(2)

    def work(number: int) -> Compiled:
        start.wait()
        return compiled(cache, onnx)

    with ThreadPoolExecutor(2) as threads:
        both = list(threads.map(work, range(2)))

    assert sorted(one.was_kept for one in both) == [False, True]
    assert both[0].engine == both[1].engine


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (Options("fp16"), "make one with `wayside-models halve`"),
        (Options("int8"), "make one with `wayside-models quantise`"),
        (Options(dla_core=0), "sees no DLA core 0 on this machine: it has none"),
        (Options(compute_capability="9.0"), "knows no compute capability '9.0'; it has 7.5, 8.0"),
        (Options(compute_capability="89"), "knows no compute capability '89'"),
    ],
)
def test_what_rtx_cannot_do_is_refused_and_leaves_nothing(
    cache: EngineCache, onnx: Path, options: Options, told: str
) -> None:
    with pytest.raises(EngineError) as error:
        compiled(cache, onnx, options)

    assert told in str(error.value)
    assert kinds(cache) == [""]


@pytest.mark.skipif(find_gpu() is not None, reason="there is a GPU")
def test_without_a_gpu_there_is_no_current_one(cache: EngineCache, onnx: Path) -> None:
    with pytest.raises(EngineError, match=r"cannot be built by TensorRT-RTX .*cudaError"):
        compiled(cache, onnx, Options(compute_capability="current"))

    assert kinds(cache) == [""]


def test_a_tensorflow_lite_file_is_refused_unread(cache: EngineCache, tmp_path: Path) -> None:
    with pytest.raises(EngineError, match=r"net.tflite: is a TensorFlow Lite file, and TensorRT"):
        compiled(cache, tmp_path / "net.tflite")
    assert not cache.folder.exists()


def test_a_file_that_is_no_network_is_named(cache: EngineCache, tmp_path: Path) -> None:
    torn = tmp_path / "torn.onnx"
    torn.write_bytes(b"nothing of the kind" * 10)

    with pytest.raises(EngineError, match=r"torn.onnx: cannot be read by TensorRT-RTX"):
        compiled(cache, torn)
    with pytest.raises(EngineError, match=r"gone.onnx: cannot be read: No such file"):
        compiled(cache, tmp_path / "gone.onnx")
    assert kinds(cache) == [""]
