import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from models.engines.batches import run_in_parts
from models.engines.fit import most_at_once
from models.engines.port import Tensor, TensorSpec
from models.errors import EngineError
from tests.support.fake_engine import FakeEngine

F32 = np.dtype(np.float32)


class AtMost(FakeEngine):
    """Doubles and squares, and takes so many pictures at once."""

    def __init__(self, most: int | None) -> None:
        self.runs: list[int] = []

        def compute(x: NDArray[np.float32]) -> list[Tensor]:
            self.runs.append(len(x))
            return [x + x, x * x]

        free = TensorSpec("x", (None, 3), F32)
        super().__init__([free], [free, free], compute)
        self.most_at_once = most


@given(st.integers(1, 20), st.none() | st.integers(1, 8))
def test_parts_answer_as_the_whole_does(count: int, most: int | None) -> None:
    x = np.arange(count * 3, dtype=np.float32).reshape(count, 3)
    engine = AtMost(most)
    twice, square = run_in_parts(engine, x)
    np.testing.assert_array_equal(twice, 2 * x)
    np.testing.assert_array_equal(square, x * x)
    assert sum(engine.runs) == count
    assert len(engine.runs) == -(-count // (most or count))


def test_what_does_not_fit_is_the_engine_s_to_refuse() -> None:
    with pytest.raises(EngineError):
        run_in_parts(AtMost(2))


@pytest.mark.parametrize(
    ("inputs", "outputs", "expected"),
    [
        ([(None, 3)], [(None, 4)], None),
        ([(1, 3)], [(1, 4)], 1),
        ([(None, 3)], [(None, 4), (1, 2)], 1),
        ([(None, 3)], [()], 1),
        ([(1, 3)], [(None, 4)], 1),
    ],
)
def test_a_batch_is_free_where_all_that_goes_in_and_out_has_it(
    inputs: list[tuple[int | None, ...]],
    outputs: list[tuple[int | None, ...]],
    expected: int | None,
) -> None:
    given_, returned = (
        [TensorSpec("t", shape, F32) for shape in shapes] for shapes in (inputs, outputs)
    )
    assert most_at_once(given_, returned) == expected
