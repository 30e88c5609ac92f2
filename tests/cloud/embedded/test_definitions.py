"""Which message the text of a schema means."""

from pathlib import Path
from typing import Any

import grpc
import pytest
from google.pubsub_v1 import types

from cloud.embedded.pubsub.definitions import check_message, full_name, message_of
from cloud.embedded.pubsub.errors import StatusError
from protos.v1.event_batch_pb2 import EventBatch
from tests.protos.samples import event_batch

PROTOS = sorted(Path(__file__).parents[3].glob("protos/v1/*.proto"))


def schema(definition: str, **fields: Any) -> Any:
    return types.Schema(type_="PROTOCOL_BUFFER", definition=definition, **fields)._pb


@pytest.mark.parametrize("proto", PROTOS, ids=lambda path: path.stem)
def test_our_own_files_are_understood(proto: Path) -> None:
    name = "".join(part.capitalize() for part in proto.stem.split("_"))
    assert full_name(proto.read_text()) == f"wayside.v1.{name}"


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("message A {}", "A"),
        ("/* message X {} */ package a.b ; // import\nmessage A { enum E { N = 0; } }", "a.b.A"),
        ('syntax="proto3";package p;message A{message B{int32 c=1;}}', "p.A"),
    ],
)
def test_a_name_is_found(text: str, name: str) -> None:
    assert full_name(text) == name


@pytest.mark.parametrize(
    "text",
    [
        "",
        "nonsense",
        "enum E { N = 0; }",
        "message A {} message B {}",
        "message A {",
        'syntax="proto3"; import "x.proto"; message A {}',
        "x" * 300_001,
    ],
)
def test_what_google_refuses_is_refused(text: str) -> None:
    with pytest.raises(StatusError) as error:
        message_of(schema(text))
    assert error.value.code is grpc.StatusCode.INVALID_ARGUMENT


def test_what_this_server_cannot_check_is_said() -> None:
    compiled = types.Schema(type_="PROTOCOL_BUFFER", compiled_proto_schema={})._pb
    avro = types.Schema(type_="AVRO", definition="{}")._pb
    for unknown in (schema("message A {}"), compiled, avro):
        with pytest.raises(StatusError) as error:
            message_of(unknown)
        assert error.value.code is grpc.StatusCode.UNIMPLEMENTED


def test_a_message_is_checked_against_its_kind() -> None:
    check_message(EventBatch, event_batch().SerializeToString())
    with pytest.raises(StatusError, match="no wayside.v1.EventBatch"):
        check_message(EventBatch, b"\xff\xff")
