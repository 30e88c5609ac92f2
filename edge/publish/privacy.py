"""Events are nobody's but the agent's: who made the folder and its files, and who may read them.

What the agent makes is closed to all others, and files of an earlier agent are closed. A folder
that was there before stays as its owner wants it, perhaps more is kept in it; it is told.
"""

import stat
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

import structlog

_FOLDER_MODE = 0o700
_FILE_MODE = 0o600
_OTHERS = stat.S_IRWXG | stat.S_IRWXO

_log = structlog.get_logger(__name__)


def make_folder(folder: Path) -> None:
    """Make it where it is missing, closed to others.

    Raises:
        OSError: it cannot be made.
    """
    folder.mkdir(mode=_FOLDER_MODE, parents=True, exist_ok=True)


def make_private(folder: Path, file: str) -> None:
    """Make the file where it is missing, and close it and those beside it to others.

    Those beside it are named like it: SQLite's log, which takes over the file's permissions
    when it is made, and an earlier file that was broken.

    Args:
        folder: of the outbox.
        file: its name.

    Raises:
        OSError: it cannot be made.
    """
    path = folder / file
    if not path.exists():
        path.touch(mode=_FILE_MODE)
    try:
        for open_file in open_to_others(folder.glob(f"{path.stem}*")):
            open_file.chmod(_FILE_MODE)
    except OSError as error:
        _log.warning(
            "events cannot be closed to others", folder=str(folder), reason=str(error),
            remedy="let data_dir be on a file system with permissions, owned by the agent's user",
        )  # fmt: skip
    if open_to_others([folder]):
        _log.warning(
            "others can look into the folder of the events", folder=str(folder),
            remedy=f"chmod 700 {folder}",
        )  # fmt: skip


def open_to_others(paths: Iterable[Path]) -> list[Path]:
    """Those that somebody but their owner may read, write or enter; who vanishes is none.

    Raises:
        OSError: they cannot be looked at.
    """
    found = []
    for path in paths:
        with suppress(FileNotFoundError):
            if path.stat().st_mode & _OTHERS:
                found.append(path)
    return found
