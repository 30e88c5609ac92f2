"""Real Pub/Sub servers on loopback: the embedded one, and Google's emulator where installed."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.processes import ServerProcess, free_port

EMULATOR_PACKAGE = "google-cloud-cli-pubsub-emulator"

_EMBEDDED = """
import sys
from cloud.embedded.pubsub.server import run
from cloud.embedded.settings import PubsubServerSettings
from wayside.logging import configure
configure()
run(PubsubServerSettings.model_validate_json(sys.argv[1]))
"""


def embedded_pubsub(folder: Path, port: int | None = None, **settings: object) -> ServerProcess:
    """The embedded server as a process, not yet started.

    Args:
        folder: for its database and log.
        port: where it listens; default: a free one.
        settings: further fields of `PubsubServerSettings`.
    """
    from cloud.embedded.settings import PubsubServerSettings

    port = port or free_port()
    folder.mkdir(parents=True, exist_ok=True)
    chosen = PubsubServerSettings.model_validate(
        {"port": port, "data_dir": folder / "pubsub", **settings}
    )
    command = [sys.executable, "-c", _EMBEDDED, chosen.model_dump_json()]
    return ServerProcess(command, port, folder / "pubsub.log")


def emulator_jar() -> Path | None:
    """Google's emulator as its Debian package installs it, or None."""
    dpkg = shutil.which("dpkg")
    if dpkg is None or shutil.which("java") is None:
        return None
    listing = subprocess.run([dpkg, "-L", EMULATOR_PACKAGE], capture_output=True, text=True)
    jars = [Path(line) for line in listing.stdout.splitlines() if line.endswith(".jar")]
    return next((jar for jar in jars if jar.exists()), None)


def google_emulator(folder: Path, port: int | None = None) -> ServerProcess:
    """Google's emulator as a process, not yet started; skips where it is not installed.

    Args:
        folder: for its log and what it calls data.
        port: where it listens; default: a free one.
    """
    jar = emulator_jar()
    if jar is None:
        pytest.skip(f"Google's Pub/Sub emulator is not installed (Debian: {EMULATOR_PACKAGE})")
    port = port or free_port()
    folder.mkdir(parents=True, exist_ok=True)
    command = ["java", "-jar", str(jar), "--host=127.0.0.1", f"--port={port}",
               f"--data-dir={folder}"]  # fmt: skip
    return ServerProcess(command, port, folder / "emulator.log")
