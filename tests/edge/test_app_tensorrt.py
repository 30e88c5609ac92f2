"""The agent that prepares a TensorRT engine while it serves."""

import json
import threading
from collections.abc import Callable, Iterator, MutableMapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from structlog.testing import capture_logs

from edge.app import run_agent
from edge.network import load_network, wants_tensorrt
from edge.settings import EdgeSettings, load
from models.checksum import sha256_of
from models.engines import gpu, tensorrt, tensorrt_library
from models.engines.gpu import Gpu
from models.engines.onnxruntime import OnnxRuntimeEngine
from models.engines.port import Tensor
from models.manifest import text_of
from tests.support.mosquitto import mosquitto
from tests.support.pretended_gpu import PretendedCuda
from tests.support.processes import wait_until
from tests.support.records import registered
from tests.support.retained import device_state
from tests.support.small_agent import DEVICE, small_agent
from tests.support.tiny_detector import tiny_answer, tiny_manifest

ORIN = Gpu("Orin", (8, 7), 16, 64 * 2**30)
Log = MutableMapping[str, Any]


def agent(
    folder: Path, enabled: bool | str = True, name: str = "tiny.yaml", **changes: Any
) -> EdgeSettings:
    model = {"name": name, "tensorrt": {"enabled": enabled}}
    settings = {"model": model, "status": {"file": "status.json", "interval_s": 0.1}, **changes}
    return load(small_agent(folder, when_done="stay", **settings))


@contextmanager
def running(settings: EdgeSettings) -> Iterator[list[Log]]:
    """The agent in a thread, and what it logs."""
    stop = threading.Event()
    with capture_logs() as logs, ThreadPoolExecutor(1) as threads:
        ended = threads.submit(run_agent, settings, stop)
        try:
            yield logs
        finally:
            stop.set()
            assert ended.result(30)


def said(logs: list[Log], event: str) -> Callable[[], list[Log]]:
    return lambda: [log for log in logs if log["event"] == event]


def engine_in_use(folder: Path) -> str:
    return str(json.loads((folder / "status.json").read_text())["models"][0]["engine"])


def test_without_pycuda_nothing_is_built_and_onnx_runtime_goes_on(tmp_path: Path) -> None:
    pytest.importorskip("tensorrt_rtx")
    with running(agent(tmp_path)) as logs:
        wait_until((tmp_path / "status.json").exists, "the status file", 60)
        assert engine_in_use(tmp_path) == "onnxruntime/CPU"

    (warning,) = said(logs, "no faster engine")()
    assert warning["log_level"] == "warning"
    assert "pip install 'wayside[tensorrt]'" in warning["reason"]
    assert not (tmp_path / "data" / "engines").exists()


def test_without_tensorrt_one_line_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tensorrt_library, "find_spec", lambda name: None)
    monkeypatch.setattr(tensorrt, "load_pycuda", PretendedCuda)

    with running(agent(tmp_path)) as logs:
        wait_until(said(logs, "all sources have ended"), "the end of the video")

    (warning,) = said(logs, "no faster engine")()
    assert (warning["log_level"], warning["engine"]) == ("warning", "onnxruntime/CPU")
    assert "TensorRT is not installed" in warning["reason"]


def test_heartbeat_and_status_tell_the_engine_that_took_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("tensorrt_rtx")

    class OnGpu(OnnxRuntimeEngine):
        """What an engine would be on a GPU; the bytes are a real engine, built here."""

        def __init__(self, engine: bytes, library: object) -> None:
            assert engine
            super().__init__(tmp_path / "tiny.onnx")
            self.name = "tensorrt_rtx/GPU"

    monkeypatch.setattr(tensorrt, "TensorRtEngine", OnGpu)
    monkeypatch.setattr(tensorrt, "load_pycuda", PretendedCuda)
    broker = mosquitto(tmp_path / "broker")
    broker.start()
    try:
        settings = agent(tmp_path, mqtt={"port": broker.port}, heartbeat={"interval_s": 1})
        with running(settings) as logs:
            wait_until(said(logs, "faster engine taken"), "the switch", 60)
            wait_until(lambda: engine_in_use(tmp_path) == "tensorrt_rtx/GPU", "the status file")
        (model,) = device_state(broker.port, DEVICE).models
    finally:
        broker.stop()

    assert (model.model, model.engine) == ("tiny", "tensorrt_rtx/GPU")
    assert not said(logs, "no faster engine")()


def test_an_engine_that_is_not_as_its_record_says_is_not_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The tolerance of raw outputs without a record, 0.15, would let it pass."""
    pytest.importorskip("tensorrt_rtx")
    folder = registered(tmp_path / "registered").folder

    class Off(OnnxRuntimeEngine):
        def __init__(self, engine: bytes, library: object) -> None:
            super().__init__(folder / "network.onnx")
            self.name = "tensorrt_rtx/GPU"

        def run(self, *inputs: Tensor) -> Sequence[Tensor]:
            return [one * np.float32(1.1) for one in super().run(*inputs)]

    monkeypatch.setattr(tensorrt, "TensorRtEngine", Off)
    monkeypatch.setattr(tensorrt, "load_pycuda", PretendedCuda)
    with running(agent(tmp_path, name=str(folder))) as logs:
        wait_until(said(logs, "no faster engine"), "the end of the upgrade", 60)

    (warning,) = said(logs, "no faster engine")()
    assert "tensorrt_rtx/GPU is not as registered: golden: raw outputs are off" in warning["reason"]


def test_a_tensorflow_lite_network_is_not_given_to_tensorrt(tmp_path: Path) -> None:
    pytest.importorskip("ai_edge_litert", exc_type=ModuleNotFoundError)
    from tests.support.tiny_tflite import constant_tflite

    content = constant_tflite((1, 32, 32, 3), tiny_answer())
    (tmp_path / "lite.tflite").write_bytes(content)
    spec = {"width": 32, "height": 32, "layout": "nhwc", "resize": {"mode": "letterbox"}}
    manifest = tiny_manifest(input=spec, sha256=sha256_of(tmp_path / "lite.tflite"))
    (tmp_path / "lite.yaml").write_text(text_of(manifest))

    settings = agent(tmp_path, name="lite.yaml")
    assert wants_tensorrt(settings.model)
    loaded = load_network(settings, settings.model)

    assert isinstance(loaded.upgrade, nullcontext)
    assert loaded.network.engine.name == "litert/CPU"
    loaded.network.close()


@pytest.mark.parametrize(
    ("enabled", "found", "installed", "expected"),
    [
        (True, None, (), True),
        (False, ORIN, ("tensorrt", "pycuda"), False),
        ("auto", ORIN, ("tensorrt", "pycuda"), True),
        ("auto", ORIN, ("tensorrt_rtx", "pycuda"), True),
        ("auto", ORIN, ("pycuda",), False),
        ("auto", ORIN, ("tensorrt",), False),
        ("auto", None, ("tensorrt", "pycuda"), False),
    ],
)
def test_by_itself_it_is_wanted_where_it_can_run(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    enabled: bool | str,
    found: Gpu | None,
    installed: tuple[str, ...],
    expected: bool,
) -> None:
    monkeypatch.setattr(gpu, "find_gpu", lambda: found)
    monkeypatch.setattr(tensorrt_library, "find_spec", lambda name: name in installed or None)

    assert wants_tensorrt(agent(tmp_path, enabled).model) is expected


def test_an_engine_that_was_chosen_by_name_is_not_replaced(tmp_path: Path) -> None:
    chosen = agent(tmp_path, "auto").model
    assert not wants_tensorrt(chosen.model_copy(update={"engine": "onnxruntime/CPU"}))
