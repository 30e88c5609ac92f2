"""Real servers on loopback, started by the tests themselves and gone with them."""

import socket
import subprocess
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from wayside.net import port_is_open
from wayside.process import dying_with_parent


def free_port() -> int:
    """A TCP port on which nobody listens now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_until(ready: Callable[[], object], what: str, timeout_s: float = 20.0) -> None:
    """Return as soon as `ready()` is true.

    Raises:
        TimeoutError: it was not within `timeout_s`.
    """
    deadline = time.monotonic() + timeout_s
    while not ready():
        if time.monotonic() > deadline:
            raise TimeoutError(f"{what}: not within {timeout_s} s")
        time.sleep(0.02)


class ServerProcess:
    """A server that can be killed and started again on its port.

    Args:
        command: the program and its arguments.
        port: the TCP port on which it will answer.
        log: file for its output.
    """

    def __init__(self, command: Sequence[str], port: int, log: Path) -> None:
        self.command = list(command)
        self.port = port
        self.log = log
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def start(self, timeout_s: float = 20.0) -> None:
        """Start it and wait until it answers on its port."""
        with self.log.open("ab") as output:
            self._process = subprocess.Popen(
                dying_with_parent(self.command), stdout=output, stderr=output
            )

        def answers() -> bool:
            if self._process is not None and self._process.poll() is not None:
                raise RuntimeError(f"{self.command[0]} ended: {self.log.read_text()[-2000:]}")
            return port_is_open("127.0.0.1", self.port)

        wait_until(answers, f"{self.command[0]} on port {self.port}", timeout_s)

    def kill(self) -> None:
        """SIGKILL, and wait for its end."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def stop(self) -> None:
        """SIGTERM, SIGKILL after 5 s, and wait for its end."""
        if self._process is None or self._process.poll() is not None:
            return
        self._process.terminate()
        try:
            self._process.wait(5)
        except subprocess.TimeoutExpired:
            self.kill()


def together(*works: Callable[[], object]) -> None:
    """Run them in threads of their own; what one raises, this raises."""
    with ThreadPoolExecutor(len(works)) as threads:
        for running in [threads.submit(work) for work in works]:
            running.result()
