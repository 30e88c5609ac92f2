"""An engine replaced by another while threads run it; it is held to the port as the others are."""

import threading
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest

from models.engines.port import Tensor, TensorSpec
from models.engines.switching import SwitchingEngine
from models.errors import EngineError
from tests.contracts.test_engine import EngineContract, fake_engine
from tests.support.fake_engine import FakeEngine
from tests.support.processes import wait_until

F32 = np.dtype(np.float32)
X = np.ones((1, 3), np.float32)


class TestSwitched(EngineContract):
    """One that was switched."""

    @pytest.fixture
    def engine(self, tmp_path: Path) -> SwitchingEngine:
        made = SwitchingEngine(fake_engine(tmp_path))
        made.switch(fake_engine(tmp_path))
        return made


def answering(answer: float, before: Callable[[], object] = lambda: None) -> FakeEngine:
    """An engine that answers (batch, 3) of one number, after it did something else."""

    def compute(x: Tensor) -> Sequence[Tensor]:
        before()
        return [np.full(x.shape, answer, np.float32)]

    return FakeEngine([TensorSpec("x", (None, 3), F32)], [TensorSpec("y", (None, 3), F32)], compute)


def test_the_other_answers_from_now_on_and_the_first_is_closed() -> None:
    first, second = answering(1), answering(2)
    second.name = "fake/GPU"
    switching = SwitchingEngine(first)
    assert (switching.name, switching.run(X)[0][0, 0]) == ("fake/CPU", 1)

    switching.switch(second)

    assert (switching.name, switching.run(X)[0][0, 0]) == ("fake/GPU", 2)
    assert (first.closed, second.closed) == (True, False)
    assert switching.inputs == second.inputs
    assert switching.outputs == second.outputs
    switching.close()
    assert second.closed


def test_a_run_that_is_under_way_finishes_on_the_first() -> None:
    inside, leave = threading.Event(), threading.Event()

    def wait() -> None:
        inside.set()
        assert leave.wait(20)

    first = answering(1, wait)
    switching = SwitchingEngine(first)
    answers: list[float] = []
    running = threading.Thread(target=lambda: answers.append(switching.run(X)[0][0, 0]))
    running.start()
    assert inside.wait(20)
    second = answering(2)
    second.name = "fake/GPU"
    switched = threading.Thread(target=switching.switch, args=(second,))
    switched.start()

    # Others pass meanwhile, on the second; the first is not closed under the one inside.
    wait_until(lambda: switching.name == "fake/GPU", "the switch")
    assert switching.run(X)[0][0, 0] == 2
    assert not first.closed
    assert answers == []
    leave.set()
    running.join(20)
    switched.join(20)

    assert answers == [1]
    assert first.closed


def test_no_run_meets_a_closed_engine_however_often_it_is_replaced() -> None:
    switching = SwitchingEngine(answering(0))
    over = threading.Event()
    answers: list[set[float]] = []

    def work() -> None:
        seen: set[float] = set()
        while not over.is_set():
            seen.add(float(switching.run(X)[0][0, 0]))
        answers.append(seen)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for number in range(1, 200):
        switching.switch(answering(number))
    over.set()
    for thread in threads:
        thread.join()

    assert len(answers) == 4  # none of them raised
    assert switching.run(X)[0][0, 0] == 199


@pytest.mark.parametrize(
    ("inputs", "outputs", "told"),
    [
        pytest.param([("x", (None, 4))], [("y", (None, 3))], "input of fake/CPU is", id="shape"),
        pytest.param([("z", (None, 3))], [("y", (None, 3))], "input of fake/CPU is", id="name"),
        pytest.param([("x", (None, 3))], [("y", (3,))], "output of fake/CPU is", id="rank"),
        pytest.param([("x", (None, 3))], [], "has 0 outputs, fake/CPU has 1", id="number"),
    ],
)
def test_an_engine_of_another_kind_is_refused(
    inputs: list[tuple[str, tuple[int | None, ...]]],
    outputs: list[tuple[str, tuple[int | None, ...]]],
    told: str,
) -> None:
    other = FakeEngine(
        [TensorSpec(name, shape, F32) for name, shape in inputs],
        [TensorSpec(name, shape, F32) for name, shape in outputs],
        lambda x: [],
    )
    switching = SwitchingEngine(answering(1))

    with pytest.raises(EngineError, match=told):
        switching.switch(other)

    assert switching.run(X)[0][0, 0] == 1
    assert not other.closed


def test_another_dtype_is_refused_and_a_fixed_batch_is_not() -> None:
    half = np.dtype(np.float16)
    switching = SwitchingEngine(answering(1))

    with pytest.raises(EngineError, match="float16"):
        switching.switch(FakeEngine([TensorSpec("x", (None, 3), half)], [], lambda x: []))
    switching.switch(
        FakeEngine([TensorSpec("x", (1, 3), F32)], [TensorSpec("y", (1, 3), F32)], lambda x: [x])
    )

    assert switching.inputs[0].shape == (1, 3)


def test_once_closed_it_takes_no_other() -> None:
    switching, late = SwitchingEngine(answering(1)), answering(2)
    switching.close()

    with pytest.raises(EngineError, match="closed"):
        switching.switch(late)
    with pytest.raises(EngineError):
        switching.run(X)
    assert not late.closed
