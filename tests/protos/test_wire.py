"""The wire's first version: its bytes, its rules for schemas, its generated code."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message

from protos import codec
from protos.v1.device_state_pb2 import DeviceState
from protos.v1.event_batch_header_pb2 import EventBatchHeader
from protos.v1.event_batch_pb2 import EventBatch
from protos.v1.receipt_pb2 import Receipt
from tests.protos.samples import SAMPLES

ROOT = Path(__file__).parents[2]
GOLDEN = Path(__file__).parent / "golden"

ADDED_LATER = {
    "wayside.v1.EventBatch.Event.clock_synced": 17,
    "wayside.v1.DeviceState.Camera.reason": 7,
    "wayside.v1.DeviceState.Camera.decoder": 8,
    "wayside.v1.DeviceState.Camera.width": 9,
    "wayside.v1.DeviceState.Camera.height": 10,
    "wayside.v1.DeviceState.Camera.source_fps": 11,
    "wayside.v1.DeviceState.Camera.reconnects": 12,
    "wayside.v1.DeviceState.Camera.hanging": 13,
    "wayside.v1.DeviceState.Camera.drops": 14,
    "wayside.v1.DeviceState.sensors": 21,
    "wayside.v1.DeviceState.refused_revision": 14,
    "wayside.v1.DeviceState.refusal": 15,
    "wayside.v1.DeviceState.Model.sha256": 5,
    "wayside.v1.DeviceState.Model.release": 6,
    "wayside.v1.EventBatch.RuleHit.other_track_id": 6,
    "wayside.v1.EventBatch.Object.median_confidence": 9,
    "wayside.v1.EventBatch.AreaShare.polygons": 3,
    "wayside.v1.EventBatch.Polygon.points": 1,
    "wayside.v1.EventBatch.Polygon.is_hole": 2,
}
"""Fields that are younger than the golden bytes, and their numbers."""


@pytest.mark.parametrize("name", SAMPLES)
def test_first_version_is_written_byte_for_byte(name: str) -> None:
    assert codec.encode(SAMPLES[name]) == bytes.fromhex((GOLDEN / f"{name}.v1.hex").read_text())


@pytest.mark.parametrize("name", SAMPLES)
def test_first_version_is_read(name: str) -> None:
    golden = bytes.fromhex((GOLDEN / f"{name}.v1.hex").read_text())
    assert codec.decode(type(SAMPLES[name]), golden) == SAMPLES[name]  # type: ignore[type-var]


@pytest.mark.parametrize("name", SAMPLES)
def test_sample_sets_every_field(name: str) -> None:
    """Golden bytes that leave a field out would not notice when its number changes."""
    unset = _unset_fields([SAMPLES[name]])
    assert not [field for field in unset if field not in ADDED_LATER]


def test_fields_that_were_added_later_keep_their_numbers() -> None:
    states = (DeviceState, DeviceState.Camera, DeviceState.Model)
    of_states = [message.DESCRIPTOR for message in states]
    messages = [*EventBatch.DESCRIPTOR.nested_types, *of_states]
    fields = [field for message in messages for field in message.fields]
    found = {f.full_name: f.number for f in fields if f.full_name in ADDED_LATER}
    assert found == ADDED_LATER


def _unset_fields(messages: list[Message]) -> list[str]:
    missing = []
    for field in messages[0].DESCRIPTOR.fields:
        values: list[Any] = []
        for message in messages:
            value = getattr(message, field.name)
            if field.is_repeated:
                values.extend(value)
            elif field.message_type is None or message.HasField(field.name):
                values.append(value)
        if not any(value != field.default_value for value in values):
            missing.append(field.full_name)
        elif field.type == FieldDescriptor.TYPE_MESSAGE:
            missing += _unset_fields(values)
    return missing


def test_header_is_the_batch_without_its_events() -> None:
    def fields(kind: type[Message]) -> list[tuple[str, int, int]]:
        return [(f.name, f.number, f.type) for f in kind.DESCRIPTOR.fields if f.number < 16]

    assert fields(EventBatchHeader) == fields(EventBatch)
    assert all(f.number < 16 for f in EventBatchHeader.DESCRIPTOR.fields)


@pytest.mark.parametrize("message", [EventBatchHeader, Receipt])
def test_lanes_are_the_same_everywhere(message: type[EventBatchHeader | Receipt]) -> None:
    assert dict(message.Lane.items()) == dict(EventBatch.Lane.items())


@pytest.mark.parametrize(
    "proto", sorted((ROOT / "protos/v1").glob("*.proto")), ids=lambda p: p.stem
)
def test_schema_can_be_given_to_pubsub(proto: Path) -> None:
    """Pub/Sub takes a schema of one top-level message type without imports."""
    lines = proto.read_text().splitlines()
    assert sum(line.startswith(("message ", "enum ")) for line in lines) == 1
    assert not any(line.startswith("import ") for line in lines)


def test_generated_code_is_fresh(tmp_path: Path) -> None:
    protos = sorted(str(path.relative_to(ROOT)) for path in (ROOT / "protos/v1").glob("*.proto"))
    command = [sys.executable, "-m", "grpc_tools.protoc", "-I.", f"--python_out={tmp_path}",
               f"--pyi_out={tmp_path}", *protos]  # fmt: skip
    subprocess.run(command, cwd=ROOT, check=True)
    fresh = {p.name: p.read_text() for p in (tmp_path / "protos/v1").iterdir()}
    committed = {p.name: p.read_text() for p in (ROOT / "protos/v1").glob("*_pb2.py*")}
    assert fresh == committed, "run `make proto` and commit what it generates"


def test_field_of_a_newer_peer_survives() -> None:
    newer = codec.encode(DeviceState(schema=2, device="gate-cam-01")) + b"\xfa\x07\x03new"
    assert codec.encode(codec.decode(DeviceState, newer)) == newer
