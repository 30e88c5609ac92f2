"""A record as bytes that are always the same, and the name that follows from them.

The canonical form is JSON with sorted keys, no space, UTF-8 and no NaN, as in RFC 8785, but for
numbers, which stand as Python's shortest text that reads back the same. Nobody needs to make the
form again to check a digest: it is the sha256 of the file's bytes.
"""

import hashlib
import json
from typing import Any

import pydantic_core


def canonical(document: Any) -> bytes:
    """The one form of a document of plain values.

    Raises:
        ValueError: it holds NaN, an infinity, or text that is no Unicode.
    """
    text = json.dumps(
        document, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
    )
    return text.encode()


def digest_of(content: bytes) -> str:
    """The sha256 as 64 lower-case hexadecimal digits."""
    return hashlib.sha256(content).hexdigest()


def parse(content: bytes) -> Any:
    """The document that canonical bytes stand for.

    Raises:
        ValueError: they are no JSON, too deep, or not in the canonical form: a key twice, a space.
    """
    document = pydantic_core.from_json(content, allow_inf_nan=False)
    if canonical(document) != content:
        raise ValueError("is not in canonical form: it was written or changed by hand")
    return document
