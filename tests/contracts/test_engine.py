"""What every engine keeps to, the fake one included."""

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


def onnxruntime_engine(folder: Path) -> Engine:
    path = folder / "network.onnx"
    path.write_bytes(
        onnx_bytes(
            [Node("Add", ("x", "x"), "twice"), Node("Mul", ("x", "x"), "square")],
            {"x": ("batch", 3)},
            {"twice": ("batch", 3), "square": ("batch", 3)},
        )
    )
    return OnnxRuntimeEngine(path)


def fake_engine(folder: Path) -> Engine:
    return FakeEngine(
        [TensorSpec("x", (None, 3), F32)],
        [TensorSpec("twice", (None, 3), F32), TensorSpec("square", (None, 3), F32)],
        lambda x: [x + x, x * x],
    )


@pytest.fixture(params=[onnxruntime_engine, fake_engine], ids=["onnxruntime", "fake"])
def engine(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Engine]:
    make: Callable[[Path], Engine] = request.param
    made = make(tmp_path)
    yield made
    made.close()


def test_says_what_it_takes_and_returns(engine: Engine) -> None:
    assert list(engine.inputs) == [TensorSpec("x", (None, 3), F32)]
    assert [spec.name for spec in engine.outputs] == ["twice", "square"]
    assert [spec.shape for spec in engine.outputs] == [(None, 3), (None, 3)]
    assert engine.name.count("/") == 1


def test_outputs_come_in_the_order_of_their_specs(engine: Engine) -> None:
    twice, square = engine.run(np.array([[1, 2, 3]], np.float32))

    np.testing.assert_array_equal(twice, np.array([[2, 4, 6]], np.float32))
    np.testing.assert_array_equal(square, np.array([[1, 4, 9]], np.float32))


def test_outputs_stay_as_they_are_when_it_runs_again(engine: Engine) -> None:
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
    engine: Engine, inputs: tuple[Tensor, ...]
) -> None:
    with pytest.raises(EngineError):
        engine.run(*inputs)


def test_several_threads_may_run_it_at_once(engine: Engine) -> None:
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


def test_a_closed_engine_refuses_and_may_be_closed_again(engine: Engine) -> None:
    engine.close()
    engine.close()

    with pytest.raises(EngineError):
        engine.run(np.ones((1, 3), np.float32))
