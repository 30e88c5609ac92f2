"""Looks at the repository again and again, so that somebody hears of what will bite before it does.

It only reads: whoever looks holds no key. What ends is signed anew by `wayside-cloud repository
refresh` and `renew`.
"""

import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog

from cloud.errors import BlobsError, RepositoryError, StartError
from cloud.repository.settings import RepositorySettings
from cloud.repository.standing import Standing
from cloud.repository.watch import Alarm, Row, alarms, rows

AGAIN = timedelta(days=1)
"""After which an alarm that still holds is said again."""

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class View:
    """What was seen.

    Attributes:
        at: when, UTC.
        rows: every role; empty where there is no repository, or it proves nothing.
        alarms: what somebody has to do, the most urgent first.
    """

    at: datetime
    rows: tuple[Row, ...] = ()
    alarms: tuple[Alarm, ...] = ()


class Lookout:
    """Says in the log what somebody has to do at the repository, once a day as long as it holds.

    Args:
        read: what stands; None: there is no repository. Raises RepositoryError where it proves
            nothing, BlobsError or StartError where
            the files cannot be read.
        settings: how early is early.
        now: UTC.
        every_s: seconds between two looks.
    """

    def __init__(
        self,
        read: Callable[[], Standing | None],
        settings: RepositorySettings,
        now: Callable[[], datetime],
        every_s: float = 3600.0,
    ) -> None:
        self._read = read
        self._settings = settings
        self._now = now
        self._every_s = every_s
        self._said: dict[tuple[str, bool], datetime] = {}  # by role, and whether it is over
        self._view: View | None = None
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="repository", daemon=True)

    @property
    def running(self) -> bool:
        """True while it looks."""
        return self._thread.is_alive()

    @property
    def view(self) -> View | None:
        """What was seen last; None before the first look, and while the files are away at first."""
        return self._view

    def start(self) -> None:
        """Begin; returns at once."""
        self._thread.start()

    def stop(self) -> None:
        """End; a look under way ends first."""
        self._stop.set()
        self._thread.join()

    def look(self) -> None:
        """Look once, and say what was not said today."""
        now = self._now()
        try:
            standing = self._read()
        except (BlobsError, StartError) as error:
            _log.warning("nobody can say how the repository stands", reason=str(error))
            return
        except RepositoryError as error:
            self._tell(View(now, alarms=(Alarm("root", True, str(error)),)))
            return
        if standing is None:
            self._tell(View(now))
            return
        self._tell(View(now, tuple(rows(standing)), tuple(alarms(standing, self._settings, now))))

    def _run(self) -> None:
        while not self._stop.is_set():
            self.look()
            self._stop.wait(self._every_s)

    def _tell(self, view: View) -> None:
        self._view = view
        keys = {(one.role, one.is_over) for one in view.alarms}
        said = {key: at for key, at in self._said.items() if key in keys and view.at - at < AGAIN}
        for alarm in view.alarms:
            if (alarm.role, alarm.is_over) not in said:
                tell = _log.error if alarm.is_over else _log.warning
                tell("the repository needs somebody", role=alarm.role, message=alarm.message)
        self._said = dict.fromkeys(keys, view.at) | said
