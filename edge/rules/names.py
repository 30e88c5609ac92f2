"""Classes and models by name, where the model of a camera changes while its objects live on."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray


class ClassTable:
    """The classes of a camera's objects: those of its first model, and what later ones add.

    An object keeps its class id though another model numbers its classes otherwise.

    Args:
        classes: of the first model, by class id.

    Attributes:
        names: of all classes, by class id of the camera's objects.
    """

    def __init__(self, classes: Sequence[str]) -> None:
        self.names = tuple(classes)

    def join(self, classes: Sequence[str]) -> NDArray[np.int32] | None:
        """(C,) the class id here of each class of a model; None where they are the same.

        Args:
            classes: of the model; those that are new here get the next ids.
        """
        self.names += tuple(name for name in classes if name not in self.names)
        ids = np.array([self.names.index(name) for name in classes], np.int32)
        return None if np.array_equal(ids, np.arange(len(ids))) else ids


class ModelNames:
    """Which model found what a frame shows, by the frame's time.

    An event of an object's end is of the frame that showed it last, which an earlier model may
    have looked at.

    Args:
        name: of the first model.
        version: of it.
    """

    def __init__(self, name: str, version: str) -> None:
        self._since: list[tuple[int, str, str]] = [(0, name, version)]

    def follow(self, name: str, version: str, since_ns: int) -> None:
        """Another model has looked at the frame of this captured time, and at those after it."""
        self._since.append((since_ns, name, version))
        del self._since[:-_REMEMBERED]

    def at(self, captured_ns: int) -> tuple[str, str]:
        """Name and version of the model that looked at the frame of a captured time."""
        if len(self._since) > 1:
            for since_ns, name, version in reversed(self._since):
                if captured_ns >= since_ns:
                    return name, version
        return self._since[0][1:]


_REMEMBERED = 16
"""Changes of the model; what an earlier one saw last has long been told."""
