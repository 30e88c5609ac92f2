"""Signed metadata out of bytes, within bounds; nothing of it is believed yet.

A file is read twice: first as plain JSON, where depth, numbers and doubled keys are refused, then
by python-tuf, which knows the format (TUF specification 1.0.x, section 4).
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from securesystemslib.signer import Signature
from tuf.api.metadata import Delegations, Metadata, Root, Signed, Snapshot, Targets
from tuf.api.serialization import DeserializationError, SerializationError

from edge.ota.refusal import refusal
from edge.ota.states import Code

MAX_DEPTH = 32
MAX_DIGITS = 16
MAX_SIGNATURES = 64
MAX_KEYS = 64
"""Of a role: each is a signature to verify."""
MAX_ROLES = 4096
MAX_VERSION = 2**53 - 1

S = TypeVar("S", bound=Signed)


@dataclass(frozen=True, slots=True)
class Document(Generic[S]):
    """A file of metadata, taken apart.

    Attributes:
        role: whose it claims to be.
        data: the file, byte for byte.
        signed: what it says.
        payload: the bytes that its signatures are over (canonical JSON).
        signatures: by key id; none of them has been verified.
    """

    role: str
    data: bytes
    signed: S
    payload: bytes
    signatures: Mapping[str, Signature]


def read(kind: type[S], role: str, data: bytes, max_bytes: int) -> Document[S]:
    """The document that bytes stand for.

    Args:
        kind: Root, Timestamp, Snapshot or Targets.
        role: whose it should be, for messages.
        data: the file.
        max_bytes: that it may have.

    Raises:
        OtaError: `endless` where it is longer, `not-readable` where it is no such metadata.
    """
    if len(data) > max_bytes:
        raise refusal(
            Code.ENDLESS, f"{role}: has {len(data)} bytes, {max_bytes} at most were expected"
        )
    try:
        document = _within_bounds(data)
        _check_text(document)
        metadata = Metadata[Any].from_bytes(data)
        _check_counts(metadata, kind)
        payload = metadata.signed_bytes
        _check_payload(payload, document)
    except (DeserializationError, SerializationError, ValueError, RecursionError) as error:
        raise refusal(Code.NOT_READABLE, f"{role}: is no metadata: {_cause(error)}") from error
    return Document(role, data, metadata.signed, payload, metadata.signatures)


def _within_bounds(data: bytes) -> Any:
    document = json.loads(
        data.decode("utf-8"),
        object_pairs_hook=_each_once,
        parse_int=_short,
        parse_float=_no_fraction,
        parse_constant=_no_fraction,
    )
    level = [document]
    for _ in range(MAX_DEPTH):
        level = [inner for outer in level for inner in _within(outer)]
        if not level:
            return document
    raise ValueError(f"is nested deeper than {MAX_DEPTH} levels")


def _within(value: Any) -> list[Any]:
    if isinstance(value, dict):
        return list(value.values())
    return value if isinstance(value, list) else []


def _check_text(document: Any) -> None:
    """JSON escapes can hold half of a surrogate pair, which is no text: nobody could write it."""
    json.dumps(document, ensure_ascii=False).encode()


def _each_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key stands twice in an object")
    return found


def _short(digits: str) -> int:
    if len(digits) > MAX_DIGITS + 1:
        raise ValueError(f"a number has {len(digits)} digits")
    return int(digits)


def _no_fraction(text: str) -> float:
    raise ValueError(f"{text} is no whole number")


def _check_counts(metadata: Metadata[Any], kind: type[Signed]) -> None:
    signed = metadata.signed
    if not isinstance(signed, kind):
        raise ValueError(  # noqa: TRY004 - of the file's type, not of a value's
            f"it is of type {signed.type!r}, {kind.type!r} was expected"
        )
    _check_version(signed.version)
    _at_most(MAX_SIGNATURES, "signatures", metadata.signatures)
    if isinstance(signed, Root):
        for role in signed.roles.values():
            _at_most(MAX_KEYS, "keys of a role", role.keyids)
    elif isinstance(signed, Snapshot):
        _at_most(MAX_ROLES, "roles", signed.meta)
        for meta in signed.meta.values():
            _check_version(meta.version)
    elif isinstance(signed, Targets) and signed.delegations is not None:
        _check_delegations(signed.delegations)


def _check_delegations(delegations: Delegations) -> None:
    roles = delegations.roles or {}
    _at_most(MAX_ROLES, "delegated roles", roles)
    succinct = [] if delegations.succinct_roles is None else [delegations.succinct_roles]
    for role in [*roles.values(), *succinct]:
        _at_most(MAX_KEYS, "keys of a role", role.keyids)


def _check_payload(payload: bytes, document: Any) -> None:
    """What signatures are over is what stands in the file, and not what was made of it."""
    if json.loads(payload, strict=False) != document["signed"]:
        raise ValueError("it says what no signature is over")


def _check_version(version: object) -> None:
    if type(version) is not int or not 0 < version <= MAX_VERSION:
        raise ValueError(f"{version!r} is no version")


def _at_most(most: int, what: str, found: Any) -> None:
    if len(found) > most:
        raise ValueError(f"it has {len(found)} {what}, {most} at most were expected")


def _cause(error: BaseException) -> str:
    inner = error.__cause__ if isinstance(error, DeserializationError) else error
    return (str(inner) or type(inner).__name__)[:200]
