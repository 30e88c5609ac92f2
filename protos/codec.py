"""Bytes to messages and back.

Every payload from outside passes here: its size is checked before it is parsed, and
whatever is wrong with it ends in one error type. Fields that a newer peer added stay
in the message and go out again when it is serialised.
"""

from typing import TypeVar

from google.protobuf.message import DecodeError, Message

from protos.errors import InvalidIdError, InvalidPayloadError
from protos.ids import Lane, check_id
from protos.v1.command_pb2 import Command
from protos.v1.desired_state_pb2 import DesiredState
from protos.v1.device_state_pb2 import DeviceState
from protos.v1.event_batch_header_pb2 import EventBatchHeader
from protos.v1.event_batch_pb2 import EventBatch
from protos.v1.receipt_pb2 import Receipt
from protos.v1.snapshot_pb2 import Snapshot
from protos.v1.update_report_pb2 import UpdateReport

SCHEMA = 1
"""Version of the schema that this code writes."""

MAX_EVENTS = 100
"""Events a batch holds at most."""

MAX_BATCH_BYTES = 64 * 1024
"""Size that a sender aims at; one event that is larger travels alone."""

MAX_PAYLOAD_BYTES = 1024 * 1024
"""Size above which a payload is refused unread."""

_LANES = frozenset(int(lane) for lane in Lane)

M = TypeVar("M", bound=Message)
S = TypeVar("S", Command, DesiredState, DeviceState, EventBatchHeader, EventBatch, Receipt,
            Snapshot, UpdateReport)  # fmt: skip


def encode(message: Message) -> bytes:
    """The message's bytes, the same for equal messages."""
    return message.SerializeToString(deterministic=True)


def decode(kind: type[S], payload: bytes, *, max_bytes: int = MAX_PAYLOAD_BYTES) -> S:
    """A message of the expected type, with the schema and the device checked.

    Raises:
        InvalidPayloadError: too large, no such message, no schema version or no valid device id.
    """
    message = _parse(kind, payload, max_bytes)
    if message.schema < 1:
        raise InvalidPayloadError(f"{_size(payload)} is no {_name(kind)}: it has no schema version")
    try:
        check_id(message.device, "device")
    except InvalidIdError as error:
        raise InvalidPayloadError(f"{_name(kind)} of {_size(payload)}: {error}") from error
    return message


def read_header(payload: bytes, *, max_bytes: int = MAX_PAYLOAD_BYTES) -> EventBatchHeader:
    """The header of an EventBatch; its events are skipped, not decoded.

    Raises:
        InvalidPayloadError: too large, or the header breaks a rule of its own.
    """
    header = decode(EventBatchHeader, payload, max_bytes=max_bytes)
    _check_header(header)
    return header


def decode_batch(payload: bytes, *, max_bytes: int = MAX_PAYLOAD_BYTES) -> EventBatch:
    """A whole batch whose events are those that its header announces.

    Raises:
        InvalidPayloadError: the header breaks a rule, or header and events disagree.
    """
    batch = decode(EventBatch, payload, max_bytes=max_bytes)
    _check_header(batch)
    expected = range(batch.first_seq, batch.first_seq + batch.count)
    if len(batch.events) != batch.count or any(
        event.seq != seq for event, seq in zip(batch.events, expected, strict=True)
    ):
        raise InvalidPayloadError(
            f"EventBatch of {batch.device}: the header announces seq {expected.start} to "
            f"{expected.stop - 1}, the {len(batch.events)} events are others"
        )
    return batch


def _check_header(header: EventBatchHeader | EventBatch) -> None:
    problem = ""
    if header.boot == 0:
        problem = "boot is missing"
    elif int(header.lane) not in _LANES:
        problem = f"lane {header.lane} is unknown"
    elif header.first_seq < 1:
        problem = "first_seq is missing"
    elif not 1 <= header.count <= MAX_EVENTS:
        problem = f"count {header.count} is not 1 to {MAX_EVENTS}"
    if problem:
        raise InvalidPayloadError(f"EventBatch of {header.device}: {problem}")


def _parse(kind: type[M], payload: bytes, max_bytes: int) -> M:
    if len(payload) > max_bytes:
        raise InvalidPayloadError(
            f"{_size(payload)} is too large for a {_name(kind)}: {max_bytes} bytes at most"
        )
    try:
        return kind.FromString(payload)
    except DecodeError as error:
        raise InvalidPayloadError(f"{_size(payload)} is no {_name(kind)}: {error}") from error


def _name(kind: type[Message]) -> str:
    return str(kind.DESCRIPTOR.name)


def _size(payload: bytes) -> str:
    return f"a payload of {len(payload)} bytes"
