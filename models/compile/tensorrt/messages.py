"""What TensorRT says while it builds: its errors, its progress.

Its functions answer None or False where they fail; why stands in the lines of its logger.
"""

import re
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from models.engines.tensorrt_library import Library

Tell = Callable[[float], None]
"""Is told which share of a build is done, in [0, 1]; never less than before."""

_SOURCE = re.compile(r"In (operator\(\)|[\w:~<>]+)(\(\))? at [^\s()]+:\d+\s*")
"""Where in NVIDIA's own sources it happened: `In operator() at /_src/network.cpp:4067`."""

_PREFIX = re.compile(
    r"^(\[?\w+\.cpp::?\w+(::\d+)?\]?:?|In node -?\d+ with name:\s+and operator:)\s*"
)


def collecting_logger(library: Library) -> tuple[Any, list[str]]:
    """A logger to give to TensorRT, and the list of the errors that it will be told."""
    errors: list[str] = []
    severities = library.module.ILogger.Severity
    grave = (severities.INTERNAL_ERROR, severities.ERROR)

    class Collector(library.module.ILogger):  # type: ignore[misc, name-defined]
        def __init__(self) -> None:
            library.module.ILogger.__init__(self)

        def log(self, severity: Any, message: str) -> None:
            if severity in grave:
                errors.append(message)

    return Collector(), errors


def cause(errors: Sequence[str], otherwise: str) -> str:
    """The one line that matters: the first, as those after it only say that it was the end.

    Args:
        errors: of a logger.
        otherwise: where there is none.
    """
    for line in errors:
        told = " ".join(_SOURCE.sub("", _PREFIX.sub("", line)).split())
        told = told.replace(" )", ")").replace("((", "(").replace("))", ")")
        if told:
            return told
    return otherwise


def progress_monitor(library: Library, tell: Tell) -> Any | None:
    """A monitor to give to TensorRT; None where its version has none, before 10."""
    if not hasattr(library.module, "IProgressMonitor"):
        return None
    phases = Phases(tell)

    class Monitor(library.module.IProgressMonitor):  # type: ignore[misc, name-defined]
        def __init__(self) -> None:
            library.module.IProgressMonitor.__init__(self)

        def phase_start(self, name: str, parent: str | None, steps: int) -> None:
            phases.start(name, parent, steps)

        def step_complete(self, name: str, step: int) -> bool:
            phases.step(name, step)
            return True  # False would call the build off

        def phase_finish(self, name: str) -> None:
            phases.finish(name)

    return Monitor()


@dataclass(slots=True)
class _Phase:
    parent: str | None
    steps: int
    done: int = 0
    children: list[str] = field(default_factory=list)


class Phases:
    """Phases within phases as one share of the whole. Several threads may call it.

    A phase of n steps is done by an nth with each, and by the share of what runs below it.

    Args:
        tell: is told each time a further hundredth is done.
    """

    def __init__(self, tell: Tell) -> None:
        self._tell = tell
        self._told = 0.0
        self._phases: dict[str, _Phase] = {}
        self._lock = threading.Lock()

    def start(self, name: str, parent: str | None, steps: int) -> None:
        """A phase begins, within another or, parent None, by itself."""
        with self._lock:
            self._phases[name] = _Phase(parent, max(steps, 1))
            if parent in self._phases:
                self._phases[parent].children.append(name)

    def step(self, name: str, step: int) -> None:
        """A step of a phase, from 0, is done."""
        with self._lock:
            phase = self._phases.get(name)
            if phase is None:
                return
            phase.done = min(step + 1, phase.steps)
            phase.children.clear()  # what ran below belonged to the steps that are done
            self._tell_share()

    def finish(self, name: str) -> None:
        """A phase ends, be it before its last step."""
        with self._lock:
            phase = self._phases.pop(name, None)
            if phase is None:
                return
            if phase.parent is None:
                self._advance(1.0)
            elif phase.parent in self._phases:
                siblings = self._phases[phase.parent].children
                siblings[:] = [one for one in siblings if one != name]

    def _tell_share(self) -> None:
        roots = [name for name, phase in self._phases.items() if phase.parent is None]
        self._advance(max((self._share(name) for name in roots), default=0.0))

    def _share(self, name: str) -> float:
        phase = self._phases.get(name)
        if phase is None:
            return 0.0
        below = max((self._share(child) for child in phase.children), default=0.0)
        return min((phase.done + below) / phase.steps, 1.0)

    def _advance(self, share: float) -> None:
        # Two phases that run at once, or one that is begun anew, must not turn the clock back.
        if share >= self._told + 0.01 or (share == 1.0 and self._told < 1.0):
            self._told = share
            self._tell(share)
