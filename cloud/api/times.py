"""Times of requests: RFC 3339 with nanoseconds, or nanoseconds alone."""

from typing import Annotated, Any

from pydantic import BeforeValidator, WithJsonSchema

from wayside.times import parse_ns


def _parsed(value: Any) -> int:
    # In JSON, `false` would be 1970 and a number might have lost its last digits.
    if not isinstance(value, str):
        told = "must be text, like 2026-05-01T12:00:00Z or Unix nanoseconds"
        raise ValueError(told)  # noqa: TRY004 - the only one that pydantic tells the client
    return parse_ns(value)


TimeNs = Annotated[
    int,
    BeforeValidator(_parsed),
    WithJsonSchema(
        {
            "type": "string",
            "description": "RFC 3339, or Unix nanoseconds",
            "examples": ["2026-05-01T12:00:00Z", "1777636800000000000"],
        }
    ),
]
"""A query parameter that is a time."""
