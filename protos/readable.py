"""Messages as plain values, for people and for JSON."""

import struct
from typing import Any, cast

from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message

_FLOAT_DIGITS = range(6, 10)
"""Nine significant digits tell every float32 apart (IEEE 754); most need fewer."""


def readable(message: Message) -> dict[str, Any]:
    """The fields that are set, by name, in the order of their numbers.

    A message of float32 alone, a box or a point, is told whole, as 0 is a place like any other.
    Enums are lower case with dashes (`line-crossed`). Nanoseconds are text, as JSON numbers above
    2^53 lose digits in many readers; other numbers stay numbers, float32 with no more digits than
    it takes to tell it from its neighbours.
    """
    # The library's types name two descriptors, one of each implementation; there is one.
    fields = cast("list[FieldDescriptor]", list(message.DESCRIPTOR.fields))
    if all(field.type == FieldDescriptor.TYPE_FLOAT for field in fields):
        return {field.name: _value(field, getattr(message, field.name)) for field in fields}
    return {field.name: _value(field, value) for field, value in message.ListFields()}


def _value(field: FieldDescriptor, value: Any) -> Any:
    if field.is_repeated:
        return [_single(field, one) for one in value]
    return _single(field, value)


def _single(field: FieldDescriptor, value: Any) -> Any:
    if field.type == FieldDescriptor.TYPE_MESSAGE:
        return readable(value)
    if field.type == FieldDescriptor.TYPE_ENUM and field.enum_type is not None:
        known = field.enum_type.values_by_number.get(value)
        return known.name.lower().replace("_", "-") if known else value
    if field.name.endswith("_ns"):
        return str(value)
    return _shortest(value) if field.type == FieldDescriptor.TYPE_FLOAT else value


def _shortest(value: float) -> float:
    """The shortest decimal number that is the same float32."""
    as_float32 = struct.pack("<f", value)
    for digits in _FLOAT_DIGITS:
        shown = float(f"{value:.{digits}g}")
        if struct.pack("<f", shown) == as_float32:
            return shown
    return value
