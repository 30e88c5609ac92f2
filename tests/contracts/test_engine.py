"""What every engine keeps to, the fake one included.

Engines that need more than a file have a class of their own beside their other tests.
"""

import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from models.engines.onnxruntime import OnnxRuntimeEngine
from models.engines.port import Engine, Tensor, TensorSpec
from models.errors import EngineError
from tests.support.fake_engine import FakeEngine
from tests.support.tiny_onnx import Node, onnx_bytes

F32 = np.dtype(np.float32)
ONNX = onnx_bytes(
    [Node("Add", ("x", "x"), "twice"), Node("Mul", ("x", "x"), "square")],
    {"x": ("batch", 3)},
    {"twice": ("batch", 3), "square": ("batch", 3)},
)


def onnxruntime_engine(folder: Path) -> Engine:
    path = folder / "network.onnx"
    path.write_bytes(ONNX)
    return OnnxRuntimeEngine(path)


def openvino_engine(folder: Path) -> Engine:
    adapter = pytest.importorskip("models.engines.openvino", exc_type=ModuleNotFoundError)
    path = folder / "network.onnx"
    path.write_bytes(ONNX)
    made: Engine = adapter.OpenVinoEngine(path)
    return made


def litert_engine(folder: Path) -> Engine:
    adapter = pytest.importorskip("models.engines.litert", exc_type=ModuleNotFoundError)
    from tests.support.tiny_tflite import Step, tflite_bytes
    from tests.support.tiny_tflite import Tensor as Described

    path = folder / "network.tflite"
    path.write_bytes(
        tflite_bytes(
            [Described(name, (None, 3)) for name in ("x", "twice", "square")],
            [Step("add", ("x", "x"), "twice"), Step("mul", ("x", "x"), "square")],
            ["x"],
            ["twice", "square"],
        )
    )
    made: Engine = adapter.LiteRtEngine(path)
    return made


def fake_engine(folder: Path) -> Engine:
    return FakeEngine(
        [TensorSpec("x", (None, 3), F32)],
        [TensorSpec("twice", (None, 3), F32), TensorSpec("square", (None, 3), F32)],
        lambda x: [x + x, x * x],
    )


class EngineContract:
    """What every engine keeps to.

    A class that inherits it has a fixture `engine`, of a network that doubles and squares.

    Attributes:
        most: batch that the engine takes; large, so that a run takes a while.
    """

    most = 200_000

    def test_says_what_it_takes_and_returns(self, engine: Engine) -> None:
        assert list(engine.inputs) == [TensorSpec("x", (None, 3), F32)]
        assert [spec.name for spec in engine.outputs] == ["twice", "square"]
        assert [spec.shape for spec in engine.outputs] == [(None, 3), (None, 3)]
        assert engine.name.count("/") == 1

    def test_says_how_many_pictures_it_takes_at_once(self, engine: Engine) -> None:
        assert engine.most_at_once in (None, self.most)

    def test_outputs_come_in_the_order_of_their_specs(self, engine: Engine) -> None:
        twice, square = engine.run(np.array([[1, 2, 3]], np.float32))

        np.testing.assert_array_equal(twice, np.array([[2, 4, 6]], np.float32))
        np.testing.assert_array_equal(square, np.array([[1, 4, 9]], np.float32))

    def test_outputs_stay_as_they_are_when_it_runs_again(self, engine: Engine) -> None:
        first = engine.run(np.ones((1, 3), np.float32))[0]
        engine.run(np.full((1, 3), 9, np.float32))

        np.testing.assert_array_equal(first, np.full((1, 3), 2, np.float32))

    @pytest.mark.parametrize(
        "inputs",
        [
            pytest.param((), id="nothing"),
            pytest.param((np.ones((1, 3), np.float32),) * 2, id="too many"),
            pytest.param((np.ones((1, 4), np.float32),), id="another shape"),
            pytest.param((np.ones(3, np.float32),), id="another rank"),
            pytest.param((np.ones((1, 3), np.float64),), id="another dtype"),
        ],
    )
    def test_inputs_that_do_not_fit_are_an_engine_error(
        self, engine: Engine, inputs: tuple[Tensor, ...]
    ) -> None:
        with pytest.raises(EngineError):
            engine.run(*inputs)

    def test_several_threads_may_run_it_at_once(self, engine: Engine) -> None:
        wrong: list[int] = []
        start = threading.Barrier(4)

        def work(number: int) -> None:
            x = np.full((64, 3), number, np.float32)
            start.wait()
            for _ in range(50):
                twice, square = engine.run(x)
                if not ((twice == 2 * number).all() and (square == number * number).all()):
                    wrong.append(number)

        threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert wrong == []

    def test_a_closed_engine_refuses_and_may_be_closed_again(self, engine: Engine) -> None:
        engine.close()
        engine.close()

        with pytest.raises(EngineError):
            engine.run(np.ones((1, 3), np.float32))

    def test_after_inputs_that_did_not_fit_it_runs_on(self, engine: Engine) -> None:
        with pytest.raises(EngineError):
            engine.run(np.ones((1, 4), np.float32))

        np.testing.assert_array_equal(engine.run(np.ones((1, 3), np.float32))[0], [[2, 2, 2]])

    def test_a_free_batch_may_be_another_each_time(self, engine: Engine) -> None:
        for count in (1, 5, 2):
            twice, _ = engine.run(np.full((count, 3), count, np.float32))
            np.testing.assert_array_equal(twice, np.full((count, 3), 2 * count))

    def test_an_input_need_not_lie_in_one_piece(self, engine: Engine) -> None:
        x = np.arange(12, dtype=np.float32).reshape(3, 4).T[:, ::-1]
        assert not x.flags["C_CONTIGUOUS"]

        np.testing.assert_array_equal(engine.run(x)[0], 2 * x)

    def test_a_run_that_is_under_way_finishes_when_it_is_closed(self, engine: Engine) -> None:
        wrong: list[object] = []
        x = np.ones((self.most, 3), np.float32)
        started = threading.Event()

        def work() -> None:
            try:
                while True:
                    twice, _ = engine.run(x)
                    wrong.extend([] if (twice == 2).all() else [twice])
                    started.set()
            except EngineError:
                pass

        thread = threading.Thread(target=work)
        thread.start()
        assert started.wait(30)
        engine.close()
        thread.join(30)
        assert not thread.is_alive()
        assert wrong == []


class TestEngines(EngineContract):
    """Those that run on any processor."""

    @pytest.fixture(
        params=[onnxruntime_engine, openvino_engine, litert_engine, fake_engine],
        ids=["onnxruntime", "openvino", "litert", "fake"],
    )
    def engine(self, request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Engine]:
        make: Callable[[Path], Engine] = request.param
        made = make(tmp_path)
        yield made
        made.close()
