"""A real Mosquitto on a free port."""

import shutil
from pathlib import Path

import pytest

from tests.support.processes import ServerProcess, free_port


def mosquitto(folder: Path, extra: str = "", port: int | None = None) -> ServerProcess:
    """A broker, not yet started, open to everybody on loopback.

    Args:
        folder: for its configuration and log.
        extra: further lines of its configuration.
        port: where it listens; default: a free one.
    """
    program = shutil.which("mosquitto") or shutil.which("mosquitto", path="/usr/sbin")
    if program is None:
        pytest.skip("mosquitto is not installed; `make test` installs it")
    port = port or free_port()
    folder.mkdir(parents=True, exist_ok=True)
    config = folder / "mosquitto.conf"
    config.write_text(
        f"listener {port} 127.0.0.1\nallow_anonymous true\nmax_queued_messages 0\n"
        f"set_tcp_nodelay true\n{extra}\n"
    )
    return ServerProcess([program, "-c", str(config)], port, folder / "mosquitto.log")
