"""Which of our messages the text of a schema means. Pure.

A text is not compiled: that takes protoc, which an installation does not have. What it names,
by package and message, has to be a message of this program, and messages are checked against
that.
"""

import re
from typing import Any

from google.protobuf.message import DecodeError, Message
from google.pubsub_v1 import types

from cloud.embedded.pubsub.errors import invalid, unsupported
from protos.v1.command_pb2 import Command
from protos.v1.desired_state_pb2 import DesiredState
from protos.v1.device_state_pb2 import DeviceState
from protos.v1.event_batch_pb2 import EventBatch
from protos.v1.receipt_pb2 import Receipt
from protos.v1.snapshot_pb2 import Snapshot
from protos.v1.update_report_pb2 import UpdateReport

_KNOWN: dict[str, type[Message]] = {
    kind.DESCRIPTOR.full_name: kind
    for kind in (
        Command, DesiredState, DeviceState, EventBatch, Receipt, Snapshot, UpdateReport,
    )
}  # fmt: skip
_MAX_DEFINITION_BYTES = 300_000
"""As Google: 300 KB."""

_COMMENT = re.compile(r"//[^\n]*|/\*.*?\*/", re.DOTALL)
_PACKAGE = re.compile(r"(?:^|[;}])\s*package\s+([\w.]+)\s*;")
_TYPE = re.compile(r"\b(message|enum)\s+(\w+)\s*\{|[{}]")
_IMPORT = re.compile(r"(?:^|[;}])\s*import\b")


def message_of(schema: Any) -> type[Message]:
    """The class of the message that a `google.pubsub.v1.Schema` defines.

    Raises:
        StatusError: INVALID_ARGUMENT: no definition, or not one that Google takes;
            UNIMPLEMENTED: Avro, a compiled schema, or a message that is none of Wayside's.
    """
    if schema.type_ == types.Schema.Type.AVRO or schema.HasField("compiled_proto_schema"):
        raise unsupported("a schema other than the text of a .proto file")
    if len(schema.definition.encode()) > _MAX_DEFINITION_BYTES:
        raise invalid(f"a schema has at most {_MAX_DEFINITION_BYTES} bytes")
    name = full_name(schema.definition)
    kind = _KNOWN.get(name)
    if kind is None:
        raise unsupported(f"a schema of {name}, which is none of {', '.join(sorted(_KNOWN))}")
    return kind


def full_name(definition: str) -> str:
    """Package and name of the one top-level message of a .proto file.

    Raises:
        StatusError: INVALID_ARGUMENT, it has imports, or not one top-level type.
    """
    text = _COMMENT.sub(" ", definition)
    if _IMPORT.search(text):
        raise invalid("Invalid schema definition: a schema must not import others")
    depth, tops = 0, []
    for match in _TYPE.finditer(text):
        if match[2] and depth == 0:
            tops.append((match[1], match[2]))
        depth += -1 if match[0] == "}" else 1
    if depth or len(tops) != 1 or tops[0][0] != "message":
        raise invalid("Invalid schema definition: one top-level message is expected, "
                      f"not {[name for _, name in tops]}")  # fmt: skip
    package = _PACKAGE.search(text)
    return f"{package[1]}.{tops[0][1]}" if package else tops[0][1]


def check_message(kind: type[Message], data: bytes) -> None:
    """Return when the bytes are a message of the kind; fields of a newer schema are fine.

    Raises:
        StatusError: INVALID_ARGUMENT.
    """
    try:
        kind.FromString(data)
    except DecodeError as error:
        raise invalid(
            f"Invalid data in message: it is no {kind.DESCRIPTOR.full_name} as the topic's schema "
            "demands"
        ) from error
