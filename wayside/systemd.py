"""Signs of life to whoever started this process, if it is systemd and wants some.

Reference: sd_notify(3), "$NOTIFY_SOCKET" and "WATCHDOG=1"; systemd.service(5), WatchdogSec=.
"""

import contextlib
import os
import socket
from collections.abc import Mapping


class Notifier:
    """Tells systemd how a service is; without one it does nothing.

    What cannot be told is not: a manager that does not listen is no reason to end.

    Args:
        environ: where systemd says what it wants. Children must not tell in this process's place,
            so the variable is taken out of it.
    """

    def __init__(self, environ: "Mapping[str, str] | None" = None) -> None:
        name = os.environ.pop("NOTIFY_SOCKET", "") if environ is None else (
            environ.get("NOTIFY_SOCKET", "")
        )  # fmt: skip
        # A name that begins with @ is of the abstract namespace.
        self._address = "\0" + name[1:] if name.startswith("@") else name
        self._socket: socket.socket | None = None
        self._unheard = ""
        if self._address:
            self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC)
            self._socket.setblocking(False)

    def ready(self, status: str) -> None:
        """The service does its work from now on.

        A manager that is too busy to take that, as at boot, hears it again with the next sign of
        life: it would wait for it in vain, and end the service.
        """
        said = f"READY=1\nSTATUS={status}"
        self._unheard = "" if self._tell(said) else said

    def alive(self) -> None:
        """Nothing is stuck; said too rarely, systemd ends the process (WatchdogSec)."""
        if self._unheard and self._tell(self._unheard):
            self._unheard = ""
        self._tell("WATCHDOG=1")

    def stopping(self) -> None:
        """The service is about to end."""
        self._tell("STOPPING=1")

    def close(self) -> None:
        """Let go of the socket."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def _tell(self, text: str) -> bool:
        """True where it was taken."""
        if self._socket is not None:
            with contextlib.suppress(OSError):
                self._socket.sendto(text.encode(), self._address)
                return True
        return False
