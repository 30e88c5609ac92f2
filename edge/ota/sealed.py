"""Small files whose damage is told: JSON with its schema number and its own sha256."""

import hashlib
from pathlib import Path
from typing import TypeVar

from pydantic import ConfigDict, TypeAdapter, ValidationError
from pydantic.dataclasses import dataclass
from pydantic_core import from_json, to_json

MAX_BYTES = 4 * 1024 * 1024
"""A file that is larger is refused unread."""

T = TypeVar("T")


@dataclass(frozen=True, config=ConfigDict(extra="forbid"))
class _Sealed:
    schema: int
    sha256: str
    content: str


_SEALED = TypeAdapter(_Sealed)


def seal(content: object, schema: int) -> bytes:
    """The bytes of a file.

    Args:
        content: dataclasses, mappings and plain values.
        schema: its number, which grows when an older agent could not read it any more.
    """
    text = to_json(content).decode()
    digest = hashlib.sha256(text.encode()).hexdigest()
    return to_json({"schema": schema, "sha256": digest, "content": text}) + b"\n"


def unseal(content: bytes, kind: TypeAdapter[T], schema: int) -> T:
    """What the bytes of a file stand for.

    Raises:
        ValueError: they are torn, were changed, are of another schema, or of something else; the
            message says which, in words that go after the file's name.
    """
    try:
        sealed = _SEALED.validate_python(from_json(content))
    except ValueError as error:
        raise ValueError("is torn, or something else") from error
    if sealed.schema != schema:
        raise ValueError(f"is of schema {sealed.schema}, and this agent knows {schema}")
    if hashlib.sha256(sealed.content.encode()).hexdigest() != sealed.sha256:
        raise ValueError("was changed: its sha256 is another")
    try:
        return kind.validate_json(sealed.content)
    except ValidationError as error:
        told = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(map(str, told["loc"]))
        raise ValueError(f"holds what this agent does not know: {where}: {told['msg']}") from error


def read_sealed(path: Path, kind: TypeAdapter[T], schema: int) -> T | None:
    """What a file holds; None where there is none.

    Raises:
        OSError: it cannot be read now.
        ValueError: it cannot be used, see `unseal`.
    """
    try:
        if path.stat().st_size > MAX_BYTES:
            raise ValueError(f"is larger than {MAX_BYTES:,} bytes")
        content = path.read_bytes()
    except FileNotFoundError:
        return None
    return unseal(content, kind, schema)
