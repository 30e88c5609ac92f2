"""Folders and files that no other user of this machine can have written.

A compiled network is code for a GPU or a processor, and what loads it does not look for malice. The
sha256 in a record beside it tells damage only: whoever can write the one can write the other.
"""

import os
import stat
from pathlib import Path

from models.errors import EngineError

_FOLDER, _FILE = 0o700, 0o600
_OTHERS_WRITE = stat.S_IWGRP | stat.S_IWOTH


def private_folder(folder: Path) -> Path:
    """The folder, made for this user alone where it is missing, and what is missing above it.

    Raises:
        EngineError: it cannot be made, or is another's or writable by others.
    """
    missing = [one for one in (folder, *folder.parents) if not one.exists()]
    try:
        for one in reversed(missing):
            one.mkdir(_FOLDER, exist_ok=True)
        require_private(folder)
    except OSError as error:
        raise EngineError(f"{folder}: engines cannot be kept there: {error.strerror}") from error
    return folder


def private_file(path: Path) -> Path:
    """The file, made empty and for this user alone where it is missing.

    Raises:
        OSError: it cannot be made.
    """
    path.touch(_FILE)
    return path


def require_private(path: Path) -> None:
    """Return when only this user, or root, can have written a file or folder.

    Raises:
        EngineError: another can; the message says who and how to mend it.
        OSError: it is not there.
    """
    status = path.stat()
    if status.st_uid not in (os.geteuid(), 0):
        raise EngineError(
            f"{path}: is user {status.st_uid}'s, and engines of another user are not loaded; name "
            "a folder of your own"
        )
    if status.st_mode & _OTHERS_WRITE:
        raise EngineError(
            f"{path}: other users may write it, so what it holds is not loaded: chmod go-w {path}"
        )
