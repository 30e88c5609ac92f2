"""gpsd: the real one, where it is installed, and a played one, for what the real one never does."""

import json
import os
import shutil
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from tests.support.processes import ServerProcess, free_port

VERSION = {"class": "VERSION", "release": "3.22", "rev": "3.22", "proto_major": 3}


@contextmanager
def real_gpsd(folder: Path, port_of_receiver: Path) -> Iterator[int]:
    """gpsd on a receiver's port; gives its TCP port. Skips the test where it is not installed."""
    program = shutil.which("gpsd", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
    if program is None:
        pytest.skip("gpsd is not installed (apt-get install gpsd)")
    device, port = os.path.realpath(port_of_receiver), free_port()
    Path(device).chmod(0o666)  # gpsd gives up being root before it opens it again
    command = [program, "-N", "-n", "-S", str(port), device]
    server = ServerProcess(command, port, folder / "gpsd.log")
    server.start()
    try:
        yield port
    finally:
        server.stop()


class PlayedGpsd:
    """A TCP server that says what it is told to, to whoever has asked for reports."""

    def __init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        self._changed = threading.Condition()
        self._clients: list[socket.socket] = []
        self.asked: list[str] = []
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def send(self, data: bytes) -> None:
        """Say these bytes to all clients; waits for the first one."""
        with self._changed:
            assert self._changed.wait_for(lambda: self._clients, 10)
            for client in self._clients:
                client.sendall(data)

    def report(self, **report: object) -> None:
        """Send a report."""
        self.send(json.dumps(report).encode() + b"\r\n")

    def hang_up(self) -> None:
        """End the connections, as a gpsd that is restarted does."""
        with self._changed:
            for client in self._clients:
                client.close()
            self._clients.clear()

    def close(self) -> None:
        """Be gone."""
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join()
        self.hang_up()

    def _run(self) -> None:
        with suppress(OSError):  # closed
            while True:
                client, _ = self._listener.accept()
                client.sendall(json.dumps(VERSION).encode() + b"\r\n")
                asked = client.makefile("rb").readline()
                with self._changed:
                    self.asked.append(asked.decode())
                    self._clients.append(client)
                    self._changed.notify_all()
