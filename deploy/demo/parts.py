"""`wayside-cloud up` and `wayside-edge run` as processes, and what they say."""

import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.request import urlopen

from deploy.demo.scene import Scene
from wayside.errors import WaysideError
from wayside.process import dying_with_parent


class DemoError(WaysideError):
    """The demo cannot go on; the message names the log to read."""


class Program:
    """One of the two programs, with its output in a file."""

    def __init__(self, name: str, module: str, arguments: list[str], log: Path) -> None:
        self.name = name
        self.log = log
        with log.open("wb") as output:
            self._process = subprocess.Popen(
                dying_with_parent([sys.executable, "-m", module, *arguments]),
                stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True,
            )  # fmt: skip

    @property
    def running(self) -> bool:
        """False once it has ended."""
        return self._process.poll() is None

    def require(self) -> None:
        """Return while it runs or has ended well.

        Raises:
            DemoError: it failed.
        """
        code = self._process.poll()
        if code:
            tail = self.log.read_text(errors="replace")[-1500:]
            raise DemoError(f"{self.name} ended with exit code {code}:\n{tail}\n({self.log})")

    def stop(self, timeout_s: float = 30.0) -> None:
        """Ask it to end, and see that it does."""
        if self.running:
            self._process.terminate()
        try:
            self._process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


def start_cloud(scene: Scene, timeout_s: float = 60.0) -> Program:
    """Start the cloud and wait until its API is ready.

    Raises:
        DemoError: it is not.
    """
    log = scene.folder / "cloud.log"
    cloud = Program("wayside-cloud", "cloud.cli", ["up", "-c", str(scene.cloud_config)], log)
    deadline = time.monotonic() + timeout_s
    while "wayside-cloud is up" not in log.read_text(errors="replace"):
        cloud.require()
        if time.monotonic() > deadline:
            cloud.stop()
            raise DemoError(f"wayside-cloud is not ready after {timeout_s:g} s; see {log}")
        time.sleep(0.1)
    return cloud


def start_agent(scene: Scene) -> Program:
    """Start the agent."""
    log = scene.folder / "agent.log"
    return Program("wayside-edge", "edge.cli", ["run", "-c", str(scene.edge_config)], log)


def read_status(scene: Scene) -> dict[str, Any] | None:
    """What the agent last said of itself, None before its first word."""
    try:
        status: dict[str, Any] = json.loads(scene.status_file.read_text())
    except FileNotFoundError:
        return None
    return status


def ask(scene: Scene, path: str) -> Any:
    """The API's answer, None where it does not answer now."""
    try:
        with urlopen(f"{scene.api}{path}", timeout=5) as answer:  # noqa: S310 - http, our own
            return json.load(answer)
    except (URLError, OSError):
        return None
