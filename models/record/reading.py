"""A record's folder, read with care: it may come from a stranger."""

import stat
from pathlib import Path
from typing import Any, NamedTuple

import pydantic_core
from pydantic import ValidationError

from models.errors import RecordError
from models.record.digest import digest_of, parse
from models.record.record import Record

RECORD, CHECKSUM = "record.json", "record.sha256"
"""The record, and its digest in the form that `sha256sum --check` reads."""

MAX_BYTES = 2 * 1024 * 1024
"""A record that is larger is refused unread."""

MAX_VALUES = 65_536
"""Outside of its configuration; the largest that can be registered has 40,000."""


class Read(NamedTuple):
    """A record, its digest and its size in bytes."""

    record: Record
    digest: str
    size: int


def is_record(folder: Path) -> bool:
    """True where the folder holds a record."""
    return (folder / RECORD).is_file()


def read_record(folder: Path) -> Read:
    """The record of a folder; its artefacts are not looked at.

    Raises:
        RecordError: there is none, or it is damaged; the message says where.
    """
    return read_record_file(folder / RECORD)


def read_record_file(path: Path) -> Read:
    """The record in a file of any name.

    Raises:
        RecordError: there is none, or it is damaged; the message says where.
    """
    return parse_record(bounded_bytes(path, MAX_BYTES), str(path))


def parse_record(content: bytes, where: str) -> Read:
    """The record that its bytes stand for.

    Args:
        content: of a record, at most MAX_BYTES.
        where: it comes from, for the message.

    Raises:
        RecordError: it is damaged.
    """
    _check_values(content, where)
    try:
        record = Record.model_validate_json(content)
        parse(content)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(map(str, first["loc"]))
        told = first["msg"].removeprefix("Value error, ")
        raise RecordError(f"{where}: {place + ': ' if place else ''}{told[:300]}") from error
    except (ValueError, RecursionError) as error:
        raise RecordError(f"{where}: {str(error)[:300]}") from error
    return Read(record, digest_of(content), len(content))


def _check_values(content: bytes, where: str) -> None:
    """Return when a record holds no more values than one can.

    For each that is wrong pydantic makes an error: measured, of 2 MB of them 5 GB in 37 s.

    Raises:
        RecordError: it holds more.
    """
    try:
        document = pydantic_core.from_json(content)
    except ValueError:
        return  # told by whoever reads it in earnest
    if not isinstance(document, dict):
        return
    document.pop("configuration", None)  # of any values, which are not looked at one by one
    left = MAX_VALUES
    waiting: list[dict[str, Any] | list[Any]] = [document]
    while waiting:
        value = waiting.pop()
        inner = list(value.values()) if isinstance(value, dict) else value
        left -= len(inner)
        if left < 0:
            raise RecordError(f"{where}: holds more than {MAX_VALUES:,} values")
        waiting += [one for one in inner if isinstance(one, dict | list)]


def plain_file(path: Path) -> Path:
    """The path of an artefact, where it is one: a link may lead anywhere, a pipe may never end.

    Raises:
        RecordError: it is missing, or something else.
    """
    try:
        if not stat.S_ISREG(path.lstat().st_mode):
            raise RecordError(f"{path}: is no plain file")
    except OSError as error:
        raise RecordError(f"{path}: cannot be read: {error.strerror}") from error
    return path


def bounded_bytes(path: Path, most: int, *, may_be_link: bool = False) -> bytes:
    """The bytes of a plain file.

    Args:
        path: the file.
        most: bytes that are read.
        may_be_link: it is the user's own; a link in a stranger's folder may lead anywhere.

    Raises:
        RecordError: there is none, it is no plain file, or larger than `most`.
    """
    try:
        status = path.stat() if may_be_link else path.lstat()
        if not stat.S_ISREG(status.st_mode):
            raise RecordError(f"{path}: is no plain file")
        if status.st_size > most:
            raise RecordError(f"{path}: is of {status.st_size:,} bytes, at most {most:,} are read")
        with path.open("rb") as file:
            return file.read(most)
    except OSError as error:
        raise RecordError(f"{path}: cannot be read: {error.strerror}") from error
