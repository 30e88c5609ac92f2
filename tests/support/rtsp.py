"""A real RTSP camera on loopback, that a test can kill, stop and have do wrong."""

import functools
import subprocess
from pathlib import Path

from tests.support.processes import free_port, wait_until
from wayside.net import port_is_open
from wayside.process import dying_with_parent

PYTHON = "/usr/bin/python3"
"""The system's, which has GObject introspection; the tests' own has not."""

PASSWORD = "tr0ub4dor-s3cret"
_SCRIPT = Path(__file__).with_name("rtsp_server.py")
_PROBE = (
    "import gi; gi.require_version('GstRtspServer', '1.0'); from gi.repository import GstRtspServer"
)


@functools.cache
def missing() -> str:
    """What keeps the server from running, empty where nothing does."""
    try:
        probe = subprocess.run([PYTHON, "-c", _PROBE], capture_output=True, check=False)
    except OSError:
        return f"{PYTHON} is not there"
    return "" if probe.returncode == 0 else "gst-rtsp-server is not installed; `make test` does it"


class RtspCamera:
    """A camera at `url`; its commands are those of `rtsp_server.py`.

    Args:
        log: file for the server's output.
        has_password: it asks for one.
    """

    def __init__(self, log: Path, *, has_password: bool = True) -> None:
        self.port = free_port()
        self._log = log
        self._credentials = ("admin", PASSWORD) if has_password else ()
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """Where its pictures are, with the password."""
        user = ":".join(self._credentials)
        return f"rtsp://{user}{'@' if user else ''}127.0.0.1:{self.port}/cam"

    def start(self) -> None:
        """Start it, and wait until it answers on its port."""
        command = [PYTHON, str(_SCRIPT), str(self.port), *self._credentials]
        with self._log.open("ab") as output:
            self._process = subprocess.Popen(
                dying_with_parent(command), stdin=subprocess.PIPE, stdout=output, stderr=output,
                bufsize=0,
            )  # fmt: skip

        def answers() -> bool:
            if self._process is not None and self._process.poll() is not None:
                raise RuntimeError(f"the RTSP server ended: {self._log.read_text()[-2000:]}")
            return port_is_open("127.0.0.1", self.port)

        wait_until(answers, f"an RTSP server on port {self.port}")

    def command(self, line: str) -> None:
        """Have it do something."""
        assert self._process is not None
        assert self._process.stdin is not None
        self._process.stdin.write(f"{line}\n".encode())

    def signal(self, number: int) -> None:
        """Send its process a signal."""
        assert self._process is not None
        self._process.send_signal(number)

    def kill(self) -> None:
        """SIGKILL, and wait for its end; harmless when it is not there."""
        if self._process is None:
            return
        self._process.kill()
        self._process.wait()
        if self._process.stdin is not None:
            self._process.stdin.close()
        self._process = None
