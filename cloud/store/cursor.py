"""Cursors: where a page ended, as text that fits its question and no other."""

import base64
import binascii
import hashlib
import json
from dataclasses import replace
from typing import Any

from cloud.errors import QueryError
from cloud.store.port import EventQuery, EventRecord
from protos.errors import InvalidIdError
from protos.ids import EventId

MAX_INT64 = 2**63 - 2
_MAX_CHARS = 4096


def encode(query: EventQuery, position: object) -> str:
    """The cursor of a position (anything JSON can carry) within the answer to a query."""
    text = json.dumps([_fingerprint(query), position], separators=(",", ":"))
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def decode(query: EventQuery) -> Any:
    """The position of a query's cursor, None where it has none.

    Raises:
        QueryError: it is no cursor, or one of a question with other filters.
    """
    if not query.cursor:
        return None
    if len(query.cursor) > _MAX_CHARS:
        raise invalid()
    try:
        padding = "=" * (-len(query.cursor) % 4)
        raw = base64.b64decode(query.cursor + padding, altchars=b"-_", validate=True)
        fingerprint, position = json.loads(raw)
    except (ValueError, TypeError, binascii.Error, RecursionError) as error:
        raise QueryError("cursor: not one of ours; begin again without it") from error
    if fingerprint != _fingerprint(query):
        raise QueryError("cursor: of a question with other filters or order; begin again")
    return position


def captured_position(event: EventRecord) -> object:
    """Where a page in captured order ends, after this event."""
    return [event.captured_ns, str(event.id)]


def captured_key(position: object) -> tuple[int, EventId] | None:
    """Captured time and id of the last event seen, None before the first.

    Raises:
        QueryError: it is no such position.
    """
    match position:
        case None:
            return None
        case [int(captured_ns), str(event_id)]:
            try:
                parsed = EventId.parse(event_id)
            except InvalidIdError as error:
                raise invalid() from error
            if 0 <= captured_ns <= MAX_INT64 and parsed.seq <= MAX_INT64:
                return captured_ns, parsed
    raise invalid()


def natural(value: object) -> int:
    """A number of a position that a 64-bit integer can hold.

    Raises:
        QueryError: it is none.
    """
    if isinstance(value, int) and 0 <= value <= MAX_INT64:
        return value
    raise invalid()


def invalid() -> QueryError:
    """The error for a position that the store cannot read."""
    return QueryError("cursor: not one of this store's; begin again without it")


def _fingerprint(query: EventQuery) -> str:
    """What must stay the same from page to page: all but the cursor and the limit."""
    filters = replace(query, cursor="", limit=1)
    return hashlib.sha256(repr(filters).encode()).hexdigest()[:12]
