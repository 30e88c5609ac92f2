"""A program as systemd runs it: started again after a failure, and ended when it falls silent."""

import contextlib
import os
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from tests.support.processes import wait_until
from wayside.process import EXIT_BAD_SETTINGS, dying_with_parent

RESTART_S = 1.0
"""RestartSec= of the unit in deploy/."""


class Service:
    """Restart=on-failure, Type=notify and WatchdogSec=, as far as an agent sees them.

    Args:
        command: the program and its arguments.
        folder: for its log and the socket.
        environ: laid over this process's environment.
        watchdog_s: seconds of silence after READY that end it, None: none do.

    Attributes:
        watchdog_s: the same.
        exits: how it ended each time, as `subprocess` says it.
        down_s: seconds from each of these ends to the next READY.
        idle_down_s: what of these is the wait and the program's own processor time, for it
            starts in one thread: as on a machine that has nothing else to do.
    """

    def __init__(
        self,
        command: Sequence[str],
        folder: Path,
        environ: Mapping[str, str] | None = None,
        watchdog_s: float | None = None,
    ) -> None:
        self.log = folder / "service.log"
        self.exits: list[int] = []
        self.down_s: list[float] = []
        self.idle_down_s: list[float] = []
        self._command = list(command)
        self.watchdog_s = watchdog_s
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(str(folder / "notify"))
        self._socket.settimeout(0.05)
        self._environ = {**os.environ, **(environ or {}), "NOTIFY_SOCKET": str(folder / "notify")}
        self._ended_s: float | None = None
        self._heard_s = 0.0
        self._starts = 0
        self._ready = threading.Event()
        self._stopping = threading.Event()
        self._process: subprocess.Popen[bytes] | None = None
        self._thread = threading.Thread(target=self._run, name="service", daemon=True)

    def __enter__(self) -> "Service":
        self._thread.start()
        self.wait_ready()
        return self

    def __exit__(self, *exception: object) -> None:
        if self._thread.is_alive():
            self.signal(signal.SIGKILL if exception[0] else signal.SIGTERM)
            self.stop()
        self._socket.close()

    def stop(self) -> None:
        """SIGTERM, and its end."""
        self._stopping.set()
        self.signal(signal.SIGCONT)
        self.signal(signal.SIGTERM)
        self._thread.join()

    @property
    def pid(self) -> int:
        return 0 if self._process is None else self._process.pid

    @property
    def output(self) -> str:
        return self.log.read_text(errors="replace") if self.log.exists() else ""

    def wait_ready(self, timeout_s: float = 60.0) -> None:
        """Return once it does its work."""

        def ready() -> bool:
            assert self._thread.is_alive(), self.output[-3000:]
            return self._ready.is_set()

        wait_until(ready, f"READY, after {self.exits}", timeout_s)

    def wait_restarted(self, times: int = 1, timeout_s: float = 60.0) -> None:
        """Return once it has ended so often, and is at work again."""
        wait_until(lambda: len(self.down_s) >= times, f"{times} restarts, {self.exits}", timeout_s)

    def signal(self, number: int) -> None:
        """A signal to the program."""
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pid, number)

    def _run(self) -> None:
        self._serve()
        while self.exits[-1] not in (0, EXIT_BAD_SETTINGS):
            if self._stopping.wait(RESTART_S):
                return
            self._serve()

    def _serve(self) -> None:
        """From the start of the program to its end."""
        self._ready.clear()
        with self.log.open("ab") as output:
            self._process = subprocess.Popen(
                dying_with_parent(self._command),
                stdin=subprocess.DEVNULL, stdout=output, stderr=output, env=self._environ,
            )  # fmt: skip
        while self._process.poll() is None:
            self._listen()
            silent_s = time.monotonic() - self._heard_s
            if self.watchdog_s and self._ready.is_set() and silent_s > self.watchdog_s:
                self.signal(signal.SIGABRT)
                self.signal(signal.SIGCONT)  # as systemd.kill(5): or it could not die
                self._process.wait(10)
        self.exits.append(self._process.returncode)
        self._ended_s = time.monotonic()

    def _listen(self) -> None:
        try:
            told = self._socket.recv(4096).decode()
        except TimeoutError:
            return
        self._heard_s = time.monotonic()
        if "READY=1" in told:
            if self._ended_s is not None:
                self.idle_down_s.append(RESTART_S + self._cpu_s())
                self.down_s.append(self._heard_s - self._ended_s)
            self._ready.set()

    def _cpu_s(self) -> float:
        """In user and in kernel mode, as proc(5) has it from its third field on, the state."""
        fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
