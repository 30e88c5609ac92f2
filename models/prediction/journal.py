"""What was seen so far, a line a frame, so that a run that broke off goes on.

The first line says what is asked; a run that asks anything else does not go on with it. A last
line that was cut off is of a frame that is looked at again.
"""

import contextlib
import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypedDict

from models.errors import MediaError
from models.prediction.rows import Row

VERSION = 1


class Frame(TypedDict):
    """A line: the frame of a file, and what it showed."""

    file: str
    frame: int
    width: int
    height: int
    rows: list[Row]


@dataclass(slots=True)
class _Progress:
    frames: int = 0
    done: bool = False


class Journal:
    """The file, open for writing at its end.

    Args:
        path: of the file; made where there is none.
        asked: what is asked: the network, its thresholds, the source.
        keeps_halves: False: what is there of a file that was not finished is looked at again.

    Raises:
        MediaError: it cannot be written, or was begun with another question.
    """

    def __init__(self, path: Path, asked: Mapping[str, Any], *, keeps_halves: bool = True) -> None:
        self.path = path
        self._header = {"version": VERSION, **asked}
        self._files: dict[str, _Progress] = {}
        part = path.with_name(f"{path.name}.{os.getpid()}")
        try:
            lines = self._kept(keeps_halves)
            part.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
            part.replace(path)
            self._file = path.open("a", encoding="utf-8")
        except OSError as error:
            raise MediaError(f"{path}: cannot be written: {error.strerror}") from error
        finally:
            part.unlink(missing_ok=True)

    def close(self) -> None:
        """Close the file, which stays."""
        with contextlib.suppress(OSError):  # what a full disk did not take was told already
            self._file.close()

    def is_done(self, file: str) -> bool:
        """True where all of a file was seen."""
        return file in self._files and self._files[file].done

    def frames_of(self, file: str) -> int:
        """Frames of a file that were seen."""
        return self._files[file].frames if file in self._files else 0

    def add(self, frame: Frame) -> None:
        """Note a frame.

        Raises:
            MediaError: the disk is full, or the like.
        """
        self._write(frame)
        self._note(frame)

    def finish(self, file: str) -> None:
        """Note that all of a file was seen; on the disk when this returns.

        Raises:
            MediaError: the disk is full, or the like.
        """
        line = {"file": file, "done": True}
        self._write(line, is_last=True)
        self._note(line)

    def read(self) -> Iterator[Frame]:
        """Every frame, in the order in which they were seen."""
        with self.path.open(encoding="utf-8") as lines:
            next(lines)
            for text in lines:
                line = json.loads(text)
                if "done" not in line:
                    yield line

    def remove(self) -> None:
        """Close and delete the file: what was seen stands elsewhere."""
        self.close()
        self.path.unlink(missing_ok=True)

    def _write(self, line: Mapping[str, Any], *, is_last: bool = False) -> None:
        try:
            self._file.write(json.dumps(line, separators=(",", ":")) + "\n")
            self._file.flush()
            if is_last:
                os.fsync(self._file.fileno())
        except OSError as error:
            raise MediaError(f"{self.path}: cannot be written: {error.strerror}") from error

    def _note(self, line: Mapping[str, Any]) -> None:
        progress = self._files.setdefault(line["file"], _Progress())
        if "done" in line:
            progress.done = True
        else:
            progress.frames += 1

    def _kept(self, keeps_halves: bool) -> list[str]:
        """The lines to go on with: the header, and whole lines behind it."""
        header = json.dumps(self._header, separators=(",", ":"), sort_keys=True)
        if not self.path.exists():
            return [header]
        whole, _, _ = self.path.read_bytes().rpartition(b"\n")
        first, *rest = whole.split(b"\n")
        if not first:
            return [header]
        if first != header.encode():
            raise MediaError(
                f"{self.path}: was begun with another network, manifest, source or --out; delete "
                "it to begin anew, or ask as before to go on"
            )
        lines = []
        for text in rest:
            try:
                self._note(json.loads(text))
            except (ValueError, TypeError, KeyError):
                break  # from here on a disk that lost its power holds anything
            lines.append(text.decode())
        if not keeps_halves:
            halves = {name for name, progress in self._files.items() if not progress.done}
            lines = [text for text in lines if json.loads(text)["file"] not in halves]
            self._files = {name: one for name, one in self._files.items() if name not in halves}
        return [header, *lines]
