"""TensorRT where it cannot run: what is missing is said in a line. On a GPU: `tests/gpu/`."""

import sys
from types import ModuleType

import pytest

from models.engines import tensorrt_library
from models.engines.tensorrt import TensorRtEngine
from models.engines.tensorrt_library import load_library
from models.errors import EngineError


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
