"""Files that are there whole or not at all, keys for nobody else's eyes."""

import os
import secrets
from collections.abc import Mapping
from pathlib import Path

from cloud.errors import IdentityError
from wayside.disk import REAL

SECRET = 0o600
PUBLIC = 0o644

KEY_FILE = "key.pem"
CERTIFICATE_FILE = "cert.pem"
CA_FILE = "ca.pem"


def create(path: Path, content: bytes, mode: int) -> None:
    """Write a file that is not there yet, through to the disk.

    Raises:
        OSError: it is there, or cannot be written; what was begun is gone again.
    """
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fchmod(descriptor, mode)  # the umask may have taken some of it
            os.fsync(descriptor)
    except BaseException:
        path.unlink()
        raise
    REAL.sync(path.parent)


def replace(path: Path, content: bytes, mode: int) -> None:
    """Write a file anew; a reader, and a crash, meet the old one or the new one.

    Raises:
        OSError: it cannot be written; the old one stands.
    """
    draft = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    create(draft, content, mode)
    try:
        draft.replace(path)
    except OSError:
        draft.unlink()
        raise
    REAL.sync(path.parent)


def check_vacant(folder: Path) -> None:
    """Return when a folder holds no credentials yet.

    Raises:
        IdentityError: it does; they are never overwritten.
    """
    for name in (KEY_FILE, CERTIFICATE_FILE, CA_FILE):
        if os.path.lexists(folder / name):
            raise IdentityError(
                f"{folder / name} is there already and is never overwritten: name another folder, "
                "or remove it"
            )


def write_credentials(folder: Path, contents: Mapping[str, bytes]) -> None:
    """Write key, certificate and CA into a folder, all of them or none.

    Raises:
        IdentityError: one is there already, or cannot be written.
    """
    check_vacant(folder)
    written: list[Path] = []
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        for name, content in contents.items():
            create(folder / name, content, SECRET if name == KEY_FILE else PUBLIC)
            written.append(folder / name)
    except OSError as error:
        for path in written:
            path.unlink()
        raise IdentityError(f"{folder} cannot be written: {error.strerror}") from error
