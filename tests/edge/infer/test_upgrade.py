"""A faster engine that is made ready in the background."""

import threading
from collections.abc import Sequence

import numpy as np
import pytest
from structlog.testing import capture_logs

from edge.infer.proof import same_outputs
from edge.infer.upgrade import Prepare, Upgrade, probe_picture
from models.engines.port import Engine, Tensor, TensorSpec
from models.engines.switching import SwitchingEngine
from models.errors import EngineError
from tests.support.fake_engine import FakeEngine
from tests.support.processes import wait_until

F32 = np.dtype(np.float32)
PROBE = np.ones((1, 4), np.float32)


def engine(name: str, factor: float = 2.0, shape: tuple[int, ...] = (1, 4)) -> FakeEngine:
    made = FakeEngine(
        [TensorSpec("x", shape, F32)], [TensorSpec("y", shape, F32)], lambda x: [x * factor]
    )
    made.name = name
    return made


def upgraded(
    serving: FakeEngine, prepare: Prepare, tolerance: float = 0.1
) -> tuple[SwitchingEngine, dict[str, object]]:
    """The engine after an upgrade came to its end, and the line that was said of it."""
    switching = SwitchingEngine(serving)
    with capture_logs() as logs, Upgrade(switching, prepare, PROBE, same_outputs(PROBE, tolerance)):
        wait_until(lambda: logs, "a word about it")
    (said,) = logs
    return switching, dict(said)


def test_an_engine_that_answers_the_same_is_taken() -> None:
    serving, faster = engine("onnxruntime/CPU"), engine("tensorrt/GPU", 2.1)

    switching, said = upgraded(serving, lambda stop: faster)

    assert switching.name == "tensorrt/GPU"
    assert switching.run(PROBE)[0][0, 0] == pytest.approx(2.1)
    assert (serving.closed, faster.closed) == (True, False)
    assert (said["event"], said["log_level"]) == ("faster engine taken", "info")
    assert (said["engine"], said["before"]) == ("tensorrt/GPU", "onnxruntime/CPU")
    assert said["off"] == pytest.approx(0.05, rel=1e-3)


@pytest.mark.parametrize(
    ("faster", "told"),
    [
        pytest.param(engine("tensorrt/GPU", 2.5),
                     "tensorrt/GPU answers otherwise than onnxruntime/CPU: off by 0.25, and 0.1 is "
                     "allowed", id="another answer"),
        pytest.param(engine("tensorrt/GPU", float("nan")), "off by inf", id="no numbers"),
        pytest.param(engine("tensorrt/GPU", shape=(1, 5)), "input of tensorrt/GPU is", id="shape"),
    ],
)  # fmt: skip
def test_an_engine_that_is_another_is_refused_and_closed(faster: FakeEngine, told: str) -> None:
    serving = engine("onnxruntime/CPU")

    switching, said = upgraded(serving, lambda stop: faster)

    assert switching.name == "onnxruntime/CPU"
    assert (serving.closed, faster.closed) == (False, True)
    assert (said["event"], said["log_level"]) == ("no faster engine", "warning")
    assert told in str(said["reason"])


class Broken(FakeEngine):
    """Loads, and fails when it runs."""

    def run(self, *inputs: Tensor) -> Sequence[Tensor]:
        raise EngineError("the GPU fell off the bus")


def test_an_engine_that_fails_when_it_is_tried_is_closed() -> None:
    broken = Broken([TensorSpec("x", (1, 4), F32)], [TensorSpec("y", (1, 4), F32)], lambda x: [x])

    switching, said = upgraded(engine("onnxruntime/CPU"), lambda stop: broken)

    assert broken.closed
    assert said["reason"] == "the GPU fell off the bus"
    assert switching.run(PROBE)[0][0, 0] == 2


@pytest.mark.parametrize("error", [EngineError("no memory"), ZeroDivisionError("no memory")])
def test_whatever_goes_wrong_is_said_once_and_frames_go_on(error: Exception) -> None:
    def prepare(stop: threading.Event) -> Engine:
        raise error

    switching, said = upgraded(engine("onnxruntime/CPU"), prepare)

    assert switching.run(PROBE)[0][0, 0] == 2
    assert (said["event"], said["reason"]) == ("no faster engine", "no memory")
    assert said["exc_info"] == (not isinstance(error, EngineError))


def test_stopping_calls_a_build_off_without_a_word() -> None:
    ended = threading.Event()

    def prepare(stop: threading.Event) -> Engine:
        assert stop.wait(20)
        ended.set()
        raise EngineError("called off")

    switching = SwitchingEngine(engine("onnxruntime/CPU"))
    with capture_logs() as logs, Upgrade(switching, prepare, PROBE, same_outputs(PROBE, 0.1)):
        pass

    assert ended.is_set()
    assert logs == []


def test_the_picture_to_try_has_something_everywhere() -> None:
    picture = probe_picture(90, 160)

    assert picture.shape == (90, 160, 3)
    assert picture.dtype == np.uint8
    np.testing.assert_array_equal(picture, probe_picture(90, 160))
    blocks = picture.reshape(3, 30, 4, 40, 3).std(axis=(1, 3))
    assert (blocks > 5).all()
