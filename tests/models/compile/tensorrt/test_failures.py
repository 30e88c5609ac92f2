"""Failed builds, remembered."""

import threading
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from models.compile.tensorrt.cache import EngineCache
from models.compile.tensorrt.compiler import Compiler
from models.compile.tensorrt.failures import Failures
from models.compile.tensorrt.options import Options
from models.compile.tensorrt.record import KeyParts
from models.errors import EngineError
from tests.support.tiny_onnx import constant_network

ONNX = Path("net.onnx")
NEVER = threading.Event()
DAY_S = 86400.0


@dataclass
class Clock:
    """A wall clock that is set by hand."""

    now_s: float = 1e9

    def __call__(self) -> float:
        return self.now_s


def parts(sha256: str = "0" * 64) -> KeyParts:
    return KeyParts.model_validate({
        "onnx_sha256": sha256, "library": "tensorrt", "library_version": "10.3.0", "gpu": None,
        "precision": "onnx", "batch": None, "workspace_mb": None, "dla_core": None,
        "compute_capability": None,
    })  # fmt: skip


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def failures(tmp_path: Path, clock: Clock) -> Failures:
    return Failures(tmp_path, DAY_S, clock)


def fail(failures: Failures, reason: str = "no memory", stop: threading.Event = NEVER) -> None:
    with pytest.raises(EngineError, match=reason), failures.attempt(parts(), stop):
        raise EngineError(reason)


def cut_off(failures: Failures) -> None:
    """As where the whole agent was killed: no line of ours runs any more."""
    with pytest.raises(SystemExit), failures.attempt(parts(), NEVER):
        raise SystemExit


def is_due(failures: Failures, of: KeyParts | None = None) -> bool:
    try:
        failures.require_due(of or parts(), ONNX)
    except EngineError:
        return False
    return True


def test_what_failed_waits_for_a_day_and_says_why(
    failures: Failures, clock: Clock, tmp_path: Path
) -> None:
    assert is_due(failures)
    fail(failures)

    clock.now_s += DAY_S - 1
    with pytest.raises(EngineError) as error:
        failures.require_due(parts(), ONNX)
    assert str(error.value) == (
        "net.onnx: its last build failed (no memory), and it is tried again 24 h after that; to "
        f"try at once, remove {tmp_path / parts().key}.failed"
    )
    clock.now_s += 1
    assert is_due(failures)


def test_a_clock_that_is_behind_does_not_shorten_the_wait(failures: Failures, clock: Clock) -> None:
    fail(failures)
    clock.now_s = 0.0
    assert not is_due(failures)


def test_another_key_is_tried_at_once(failures: Failures) -> None:
    fail(failures)
    assert is_due(failures, parts("1" * 64))


def test_what_was_cut_off_once_is_tried_again_and_twice_it_failed(failures: Failures) -> None:
    cut_off(failures)
    assert is_due(failures)
    cut_off(failures)
    with pytest.raises(EngineError, match="it was cut off 2 times"):
        failures.require_due(parts(), ONNX)


def test_success_and_being_called_off_leave_no_note(failures: Failures, tmp_path: Path) -> None:
    cut_off(failures)
    with failures.attempt(parts(), NEVER):
        pass
    assert list(tmp_path.iterdir()) == []

    called_off = threading.Event()
    called_off.set()
    fail(failures, stop=called_off)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("content", [b"", b"{}", b"\xff", b'{"begun": 0, "at_s": 1e12}'])
def test_a_torn_note_holds_up_nothing(failures: Failures, tmp_path: Path, content: bytes) -> None:
    (tmp_path / f"{parts().key}.failed").write_bytes(content)
    assert is_due(failures)


def test_a_folder_that_is_only_read_holds_up_nothing(tmp_path: Path) -> None:
    failures = Failures(tmp_path / "none" / "there")
    fail(failures)
    assert is_due(failures)


def test_a_failed_build_is_not_begun_at_the_next_start(tmp_path: Path) -> None:
    pytest.importorskip("tensorrt_rtx")
    onnx = tmp_path / "net.onnx"
    onnx.write_bytes(constant_network((1, 3), np.ones((1, 4), np.float32)))
    cache = EngineCache(tmp_path / "engines")

    def failure(failures: Failures | None) -> str:
        compiler = Compiler.of_machine(cache, 60.0, failures)
        with pytest.raises(EngineError) as error:
            compiler.compile("net", onnx, Options("fp16"), lambda share: None, NEVER)
        return str(error.value)

    first, second = failure(Failures(cache.folder)), failure(Failures(cache.folder))
    by_hand = failure(None)

    assert first == by_hand
    assert f"its last build failed ({first})" in second
