"""The assignment of least cost: SciPy's solver, without all else that SciPy optimises.

`import scipy.optimize` takes half of the time that an agent needs to be at work again after a
crash (decision 1), for one function in a compiled module that needs nothing of the rest. So that
module is loaded by itself; a SciPy that is laid out otherwise is imported as usual.
"""

from importlib.machinery import EXTENSION_SUFFIXES, ExtensionFileLoader
from importlib.util import find_spec, module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Protocol, cast

import numpy as np
from numpy.typing import NDArray


class Solver(Protocol):
    """scipy.optimize.linear_sum_assignment."""

    def __call__(
        self, cost: NDArray[np.floating], maximize: bool = False
    ) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
        """(N, M) costs into the rows and columns that belong together, min(N, M) of each."""


_NAME = "_lsap"


def load_solver(folder: Path) -> Solver | None:
    """The solver of a compiled module in this folder, None where there is none.

    Args:
        folder: of the package scipy.optimize.
    """
    for suffix in EXTENSION_SUFFIXES:
        path = folder / f"{_NAME}{suffix}"
        spec = spec_from_file_location(_NAME, path, loader=ExtensionFileLoader(_NAME, str(path)))
        if path.is_file() and spec is not None and spec.loader is not None:
            module = module_from_spec(spec)
            spec.loader.exec_module(module)
            return cast("Solver | None", getattr(module, "linear_sum_assignment", None))
    return None


def _solver() -> Solver:
    scipy = find_spec("scipy")
    for folder in (scipy.submodule_search_locations or []) if scipy else []:
        found = load_solver(Path(folder) / "optimize")
        if found is not None:
            return found
    from scipy.optimize import linear_sum_assignment

    return cast("Solver", linear_sum_assignment)


solve = _solver()
"""The solver."""
