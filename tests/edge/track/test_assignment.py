"""SciPy's solver without the rest of SciPy."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import scipy.optimize
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst
from numpy.typing import NDArray

from edge.track.assignment import load_solver, solve

shapes = st.tuples(st.integers(0, 6), st.integers(0, 6))
costs = shapes.flatmap(lambda shape: npst.arrays(np.float64, shape, elements=st.floats(0, 1)))


@given(costs)
def test_it_answers_what_scipy_answers(cost: NDArray[np.float64]) -> None:
    for maximize in (False, True):
        expected = scipy.optimize.linear_sum_assignment(cost, maximize=maximize)
        np.testing.assert_array_equal(solve(cost, maximize=maximize), expected)


def test_an_agent_starts_without_what_it_does_not_use() -> None:
    """Half of its way back to work after a crash would go into it."""
    program = "import sys, edge.app; print('scipy.optimize' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True)
    assert done.stdout.strip() == b"False"


def test_a_scipy_that_is_laid_out_otherwise_has_no_such_module(tmp_path: Path) -> None:
    assert load_solver(tmp_path) is None
