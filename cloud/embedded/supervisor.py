"""Child processes, started together and started again when they die.

Crash-only is only safe where something starts the crashed part again: systemd or Docker on a
server, this module on one machine.
"""

import shutil
import subprocess
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import structlog

from cloud.errors import StartError
from wayside.backoff import Backoff
from wayside.process import EXIT_BAD_SETTINGS, dying_with_parent

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Part:
    """A process that must run.

    Attributes:
        name: for logs.
        command: the program and its arguments.
        ready: true once the part does its work.
        start_timeout_s: a part that is not ready within this cannot be started.
        lacking: what it still lacks, for the error when it is not ready in time.
    """

    name: str
    command: Sequence[str]
    ready: Callable[[], bool]
    start_timeout_s: float = 30.0
    lacking: Callable[[], str] = str


@dataclass(slots=True)
class _Child:
    part: Part
    process: subprocess.Popen[bytes]
    started_s: float
    backoff: Backoff = field(default_factory=lambda: Backoff(0.1, 5.0))
    restart_at_s: float | None = None


class Supervisor:
    """Runs parts until it is told to stop.

    Args:
        stop: set from outside when everything shall end.
        stable_s: a part that lived this long is started again without growing waits.
        stop_timeout_s: what does not end within this after SIGTERM is killed.
        pid_dir: folder for a file `NAME.pid` of each part; None: none are written.
        environ: of the parts; None: our own.
    """

    def __init__(
        self,
        stop: threading.Event,
        *,
        stable_s: float = 10.0,
        stop_timeout_s: float = 15.0,
        pid_dir: Path | None = None,
        environ: Mapping[str, str] | None = None,
    ) -> None:
        self._stop = stop
        self._pid_dir = pid_dir
        self._environ = environ
        self._stable_s = stable_s
        self._stop_timeout_s = stop_timeout_s
        self._children: list[_Child] = []

    def start(self, *parts: Part) -> None:
        """Start parts at once and wait until all are ready; they may wait for one another.

        Raises:
            StartError: one ended, or was not ready in time.
        """
        if self._stop.is_set():
            return
        for part in parts:
            self._children.append(_Child(part, self._spawn(part), time.monotonic()))
        for child in self._children[-len(parts) :]:
            self._wait_until_ready(child)

    def watch(self) -> None:
        """Start dead parts again until told to stop.

        Raises:
            StartError: a part refuses its settings, so that starting it again is no use.
        """
        while not self._stop.wait(0.05):
            for child in self._children:
                self._look_after(child)

    def shut_down(self) -> None:
        """End all parts, the last started first."""
        for child in reversed(self._children):
            if child.process.poll() is not None:
                continue
            child.process.terminate()
            try:
                code = child.process.wait(self._stop_timeout_s)
            except subprocess.TimeoutExpired:
                _log.warning("part does not end, killing it", part=child.part.name)
                child.process.kill()
                code = child.process.wait()
            _log.info("part ended", part=child.part.name, exit_code=code)

    def _wait_until_ready(self, child: _Child) -> None:
        part = child.part
        deadline = child.started_s + part.start_timeout_s
        while not part.ready():
            if child.process.poll() is not None:
                raise StartError(
                    f"{part.name} ended with exit code {child.process.returncode}; see above"
                )
            now_s = time.monotonic()
            if now_s > deadline:
                why = f": {lacking}" if (lacking := part.lacking()) else ""
                raise StartError(
                    f"{part.name} is not ready after {part.start_timeout_s:g} s{why}; see above"
                )
            # Asked ever less often: a part that lacks something may log each question.
            if self._stop.wait(max(0.05, (now_s - child.started_s) / 10)):
                return
        _log.info("part is ready", part=part.name, pid=child.process.pid)

    def _look_after(self, child: _Child) -> None:
        now_s = time.monotonic()
        if child.restart_at_s is not None:
            if now_s >= child.restart_at_s:
                child.process, child.started_s = self._spawn(child.part), now_s
                child.restart_at_s = None
            return
        code = child.process.poll()
        if code is None:
            return
        if code == EXIT_BAD_SETTINGS:
            raise StartError(f"{child.part.name} refused its settings; see its output above")
        if now_s - child.started_s > self._stable_s:
            child.backoff.reset()
        wait_s = child.backoff.next_s()
        child.restart_at_s = now_s + wait_s
        _log.warning("part died", part=child.part.name, exit_code=code, retry_s=round(wait_s, 2))

    def _spawn(self, part: Part) -> subprocess.Popen[bytes]:
        if shutil.which(part.command[0]) is None:
            raise StartError(f"{part.name}: cannot start {part.command[0]}: no such program")
        process = subprocess.Popen(
            dying_with_parent(part.command), stdin=subprocess.DEVNULL, env=self._environ,
            # A Ctrl-C in the terminal is ours alone; the parts end in order, each once.
            start_new_session=True,
        )  # fmt: skip
        if self._pid_dir is not None:
            path = self._pid_dir / f"{part.name}.pid"
            path.with_suffix(".part").write_text(f"{process.pid}\n")
            path.with_suffix(".part").replace(path)
        return process
