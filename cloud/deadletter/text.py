"""A letter for people's eyes.

Whatever a letter holds came from outside: nothing of it may reach a terminal as a control
character.
"""

from datetime import datetime, timezone

from google.protobuf import text_format
from google.protobuf.message import DecodeError, Message

from cloud.bus.dead_letters import DeadLetter
from cloud.bus.topology import EVIDENCE, STATE, UPDATES
from cloud.deadletter.origin import topic_of
from protos.v1.device_state_pb2 import DeviceState
from protos.v1.event_batch_pb2 import EventBatch
from protos.v1.snapshot_pb2 import Snapshot
from protos.v1.update_report_pb2 import UpdateReport

_KINDS: dict[str, type[Message]] = {EVIDENCE: Snapshot, STATE: DeviceState, UPDATES: UpdateReport}
_HEX_BYTES = 512
_ROW_BYTES = 16
_MAX_LINES = 400


def visible(text: str) -> str:
    r"""The text with everything that does not print as an escape: `\x1b` for ESC."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def at(time_ns: int) -> str:
    """RFC 3339 to the second."""
    return f"{datetime.fromtimestamp(time_ns // 10**9, timezone.utc):%Y-%m-%dT%H:%M:%SZ}"


def payload_text(letter: DeadLetter) -> str:
    """The payload decoded where it can be, as a hex dump where not."""
    kind = _KINDS.get(topic_of(letter), EventBatch)
    try:
        message = kind.FromString(letter.data)
    except DecodeError as error:
        return f"no {kind.DESCRIPTOR.name} ({error}):\n{_hex(letter.data)}"
    if isinstance(message, Snapshot):
        size = len(message.image)
        message.image = b"%d bytes are not shown" % size
    # Escapes every byte that is not printable ASCII.
    return _cut(f"{kind.DESCRIPTOR.name}:\n{text_format.MessageToString(message)}".rstrip())


def _cut(text: str) -> str:
    lines = text.splitlines()
    if len(lines) <= _MAX_LINES:
        return text
    return "\n".join([*lines[:_MAX_LINES], f"... and {len(lines) - _MAX_LINES} lines more"])


def _hex(data: bytes) -> str:
    shown = data[:_HEX_BYTES]
    rows = [
        f"{first:06x}  {shown[first : first + _ROW_BYTES].hex(' ')}"
        for first in range(0, len(shown), _ROW_BYTES)
    ]
    if len(data) > _HEX_BYTES:
        rows.append(f"... and {len(data) - _HEX_BYTES} bytes more")
    return "\n".join(rows)
