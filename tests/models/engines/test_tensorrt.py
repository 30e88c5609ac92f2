"""TensorRT where it cannot run: what is missing is said in a line; and the adapter by itself.

On a GPU: `tests/gpu/`.
"""

import sys
import threading
from collections.abc import Iterator
from types import ModuleType

import numpy as np
import pytest

from models.engines import tensorrt, tensorrt_library
from models.engines.tensorrt import TensorRtEngine
from models.engines.tensorrt_library import load_library
from models.errors import EngineError
from tests.contracts.test_engine import EngineContract
from tests.support.pretended_gpu import PretendedCuda, pretended_library


def test_the_library_says_what_it_is() -> None:
    pytest.importorskip("tensorrt_rtx")

    library = load_library("tensorrt_rtx")

    assert library.is_rtx
    assert str(library) == f"TensorRT-RTX {library.version}"
    assert tensorrt_library.is_installed()


def test_a_library_that_is_missing_comes_with_the_line_to_install_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(tensorrt_library, "find_spec", lambda name: None)

    assert not tensorrt_library.is_installed()
    with pytest.raises(EngineError, match=r"apt-get install .*pip install tensorrt-rtx-cu13"):
        load_library()


@pytest.mark.parametrize("version", ["7.2.3", "8.5.2.2"])
def test_a_library_that_is_too_old_is_refused(
    monkeypatch: pytest.MonkeyPatch, version: str
) -> None:
    old = ModuleType("tensorrt")
    old.__version__ = version  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "tensorrt", old)
    monkeypatch.setattr(tensorrt_library, "find_spec", lambda name: name == "tensorrt")

    with pytest.raises(EngineError, match=f"TensorRT {version} is too old: 8.6 or newer"):
        load_library()


def test_without_pycuda_the_engine_says_how_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("tensorrt_rtx")
    monkeypatch.setitem(sys.modules, "pycuda", None)
    monkeypatch.delitem(sys.modules, "pycuda.driver", raising=False)

    with pytest.raises(EngineError, match=r"pip install 'wayside\[tensorrt\]'") as error:
        TensorRtEngine(b"", load_library("tensorrt_rtx"))

    assert "\n" not in str(error.value)


@pytest.fixture
def cuda(monkeypatch: pytest.MonkeyPatch) -> PretendedCuda:
    pretended = PretendedCuda()
    monkeypatch.setattr(tensorrt, "load_pycuda", lambda: pretended)
    return pretended


@pytest.fixture
def engine(cuda: PretendedCuda) -> Iterator[TensorRtEngine]:
    made = TensorRtEngine(b"engine", pretended_library(cuda))
    yield made
    made.close()


X = np.ones((1, 3), np.float32)


class TestAdapter(EngineContract):
    """Over a pretended GPU, with engines for up to 64 pictures."""

    most = 64


def test_a_batch_beyond_the_profile_is_refused_and_the_next_run_works(
    engine: TensorRtEngine,
) -> None:
    with pytest.raises(EngineError, match=r"x: the engine was built for \(1, 3\) to \(64, 3\)"):
        engine.run(np.ones((65, 3), np.float32))

    for size in (64, 1, 7):
        x = np.full((size, 3), size, np.float32)
        np.testing.assert_array_equal(engine.run(x)[0], x + x)


def test_closing_gives_all_memory_back(cuda: PretendedCuda, engine: TensorRtEngine) -> None:
    engine.run(X)
    assert cuda.memory

    engine.close()

    assert not cuda.memory


def test_who_waits_for_a_slot_when_it_is_closed_is_told(cuda: PretendedCuda) -> None:
    engine = TensorRtEngine(b"engine", pretended_library(cuda), slots=1)
    refused: list[str] = []
    start = threading.Barrier(9)

    def work() -> None:
        start.wait()
        try:
            while True:
                engine.run(X)
        except EngineError as error:
            refused.append(str(error))

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    start.wait()
    engine.close()
    for thread in threads:
        thread.join(20)

    assert refused == ["the engine is closed"] * 8
    assert not cuda.memory


def test_an_error_of_cuda_is_an_engine_error_and_the_slot_is_free_again(
    cuda: PretendedCuda, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = TensorRtEngine(b"engine", pretended_library(cuda), slots=1)
    with monkeypatch.context() as broken:

        def fail(*arguments: object) -> None:
            raise cuda.Error("launch failed")

        broken.setattr(cuda, "memcpy_htod_async", fail)
        with pytest.raises(EngineError, match="tensorrt/GPU: launch failed"):
            engine.run(X)

    np.testing.assert_array_equal(engine.run(X)[0], X + X)
    engine.close()


def test_bytes_that_tensorrt_does_not_take_are_an_engine_error(cuda: PretendedCuda) -> None:
    with pytest.raises(EngineError, match=r"TensorRT 10.3.0 cannot load the engine"):
        TensorRtEngine(b"of another GPU", pretended_library(cuda))


def test_outputs_whose_size_only_a_run_tells_are_refused(cuda: PretendedCuda) -> None:
    with pytest.raises(EngineError, match="output 'twice' is of a size that is known only after"):
        TensorRtEngine(b"engine", pretended_library(cuda, output=(-1, 6)))
