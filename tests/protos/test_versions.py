"""Today's messages, read by a program of the wire's first version.

`golden/descriptors.v1.b64` is what that version's generated code held of its messages.
"""

import base64
from pathlib import Path

import pytest
from google.protobuf.descriptor_pb2 import FileDescriptorSet
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass

from protos import codec
from tests.protos.samples import SAMPLES, event_batch

DESCRIPTORS = Path(__file__).parent / "golden" / "descriptors.v1.b64"
NEWER_FIELD = b"\xc2\x3e\x03new"
"""Field 1000, a text: what a release after this one may add."""


@pytest.fixture(scope="module")
def first_version() -> DescriptorPool:
    pool = DescriptorPool()
    for file in FileDescriptorSet.FromString(base64.b64decode(DESCRIPTORS.read_text())).file:
        pool.Add(file)
    return pool


def read_by(pool: DescriptorPool, message: Message, data: bytes) -> Message:
    return GetMessageClass(pool.FindMessageTypeByName(message.DESCRIPTOR.full_name)).FromString(
        data
    )


@pytest.mark.parametrize("name", SAMPLES)
def test_the_first_version_reads_what_it_knows_and_keeps_the_rest(
    first_version: DescriptorPool, name: str
) -> None:
    today = SAMPLES[name]
    old = read_by(first_version, today, codec.encode(today) + NEWER_FIELD)
    for field in old.DESCRIPTOR.fields:
        assert str(getattr(old, field.name)) == str(getattr(today, field.name)), field.name
    assert old.SerializeToString() == today.SerializeToString() + NEWER_FIELD


def test_fields_of_today_pass_through_the_first_version_unharmed(
    first_version: DescriptorPool,
) -> None:
    today = event_batch()
    for event in today.events:
        event.clock_synced = True
    old = read_by(first_version, today, codec.encode(today))
    described = first_version.FindMessageTypeByName("wayside.v1.EventBatch.Event")
    assert "clock_synced" not in described.fields_by_name
    assert codec.decode_batch(old.SerializeToString()) == today
