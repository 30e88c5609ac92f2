"""What the agent says of itself in a file on the device, for people and programs that watch."""

import json
import os
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import structlog

_log = structlog.get_logger(__name__)


class StatusFile:
    """Writes a file anew every so often; a reader always finds a whole one.

    Args:
        path: the file; it holds nothing that must survive, so keep it off a flash card.
        interval_s: between two writings.
        tell: makes what is written.
    """

    def __init__(self, path: Path, interval_s: float, tell: Callable[[], dict[str, Any]]) -> None:
        self._path = path
        self._interval_s = interval_s
        self._tell = tell
        self._stop = threading.Event()
        self._refused = False
        self._thread = threading.Thread(target=self._run, name="status", daemon=True)

    def __enter__(self) -> "StatusFile":
        self._write()
        self._thread.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._stop.set()
        self._thread.join()
        self._write()

    def _run(self) -> None:
        while not self._stop.wait(self._interval_s):
            self._write()

    def _write(self) -> None:
        part = self._path.with_name(f"{self._path.name}.part")
        try:
            part.write_text(json.dumps(self._tell()), encoding="utf-8")
            os.replace(part, self._path)  # noqa: PTH105 - the atomic one, by its name
        except OSError as error:
            if not self._refused:
                _log.error(
                    "status file cannot be written", path=str(self._path), error=error.strerror,
                    remedy="make its folder, let the agent write there, see that there is space",
                )  # fmt: skip
            self._refused = True
        else:
            if self._refused:
                _log.info("status file can be written again", path=str(self._path))
            self._refused = False
