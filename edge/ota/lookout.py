"""Looks now and then whether what serves, or is on trial, was revoked; in a thread of its own.

Nothing that an update is at, a download of hours or the making of an engine, keeps it from looking.
"""

import threading
from collections.abc import Callable

import structlog

from edge.errors import OtaError
from edge.ota.revocations import Revocations

AGAIN_S = 900.0
"""After a look that failed: a vehicle may be on the air for an hour a day."""

JOIN_S = 10.0
"""What a look gets to end when the agent stops."""

_log = structlog.get_logger(__name__)


class Lookout:
    """The thread that looks. Use it as a context.

    Args:
        revocations: says what was revoked.
        found: is told of a family of which something must give way.
        first_s: until the first look.
        every_s: between two looks.
    """

    def __init__(
        self, revocations: Revocations, found: Callable[[str], None], first_s: float, every_s: float
    ) -> None:
        self._revocations = revocations
        self._found = found
        self._first_s = first_s
        self._every_s = every_s
        self._wanted = threading.Event()
        self._is_over = False
        self._problem = ""
        self._thread = threading.Thread(target=self._run, name="updates-look", daemon=True)

    def __enter__(self) -> "Lookout":
        self._thread.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._is_over = True
        self._wanted.set()
        self._thread.join(JOIN_S)

    def look_now(self) -> None:
        """Have it look at once."""
        self._wanted.set()

    def _run(self) -> None:
        left_s = self._first_s
        while not self._is_over:
            self._wanted.wait(left_s)
            self._wanted.clear()
            if not self._is_over:
                left_s = self._looked()

    def _looked(self) -> float:
        """Look, and say how long until the next time, s."""
        problem = self._refreshed()
        if problem and problem != self._problem:
            _log.warning("nobody can say what was revoked since", error=problem)
        self._problem = problem
        for family in self._revocations.families():
            self._found(family)
        return min(self._every_s, AGAIN_S) if problem else self._every_s

    def _refreshed(self) -> str:
        """Why the newest metadata cannot be had; empty where it is here."""
        try:
            self._revocations.refresh()
        except (OtaError, OSError) as error:
            return str(error)
        except Exception as error:  # noqa: BLE001 - whatever was sent, frames go on
            _log.exception("a look at the repository broke")
            return str(error) or type(error).__name__
        return ""
