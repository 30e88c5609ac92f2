"""Builds that failed, remembered so that an agent does not begin them anew at each start.

    KEY.failed   beside the engines: why there is none of this key, and since when

A build that runs out of memory may take more than itself along. So the note is written before the
build begins and goes away with its success; what was cut off twice, without a reason, counts as
failed too. Another network, TensorRT, GPU or option is another key and is tried at once.
"""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from models.compile.tensorrt.options import RETRY_AFTER_S
from models.compile.tensorrt.record import KeyParts
from models.errors import EngineError

_CUT_OFF_AT_MOST = 1
"""Times that a build may end without a word, as when the power goes, and still be begun again."""


class _Note(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    begun: int = Field(ge=1, description="builds since the last one that ended well")
    at_s: float = Field(description="when the last one began or failed, in Unix time")
    reason: str | None = Field(None, description="why it failed; null: it never said")


class Failures:
    """The failed builds of a folder. What cannot be read or written is as if it had not been.

    Args:
        folder: where the engines are.
        retry_after_s: s after which a failed build is tried again. By the wall clock: one that
            is behind the note, as on a board without a battery, does not shorten the wait.
        now_s: tells Unix time.
    """

    def __init__(
        self,
        folder: Path,
        retry_after_s: float = RETRY_AFTER_S,
        now_s: Callable[[], float] = time.time,
    ) -> None:
        self._folder = folder
        self._retry_after_s = retry_after_s
        self._now_s = now_s

    def require_due(self, parts: KeyParts, what: Path) -> None:
        """Return when a build may begin.

        Args:
            parts: of the engine.
            what: is built, for the message.

        Raises:
            EngineError: it failed not long ago; the message says why, and how to try at once.
        """
        note = self._note(parts)
        if note is None or (note.reason is None and note.begun <= _CUT_OFF_AT_MOST):
            return
        if self._now_s() >= note.at_s + self._retry_after_s:
            return
        reason = note.reason or f"it was cut off {note.begun} times, perhaps for want of memory"
        raise EngineError(
            f"{what}: its last build failed ({reason}), and it is tried again "
            f"{self._retry_after_s / 3600:g} h after that; to try at once, remove "
            f"{self._path(parts)}"
        )

    @contextmanager
    def attempt(self, parts: KeyParts, stop: threading.Event) -> Iterator[None]:
        """Remember the build inside of the context, unless it ends well or is called off."""
        before = self._note(parts)
        note = _Note(begun=1 + (before.begun if before else 0), at_s=self._now_s())
        self._write(parts, note)
        try:
            yield
        except EngineError as error:
            if stop.is_set():
                self._path(parts).unlink(missing_ok=True)
            else:
                update = {"at_s": self._now_s(), "reason": str(error)}
                self._write(parts, note.model_copy(update=update))
            raise
        self._path(parts).unlink(missing_ok=True)

    def _path(self, parts: KeyParts) -> Path:
        return self._folder / f"{parts.key}.failed"

    def _note(self, parts: KeyParts) -> _Note | None:
        try:
            return _Note.model_validate_json(self._path(parts).read_bytes())
        except (OSError, ValidationError):
            return None

    def _write(self, parts: KeyParts, note: _Note) -> None:
        path = self._path(parts)
        part = path.with_name(f".{path.name}.part")
        with suppress(OSError):  # a full disk has more to say when the engine is written
            part.write_text(note.model_dump_json(indent=2) + "\n", encoding="utf-8")
            part.replace(path)
