"""What comes from outside, under a coverage-guided fuzzer: `make fuzz`.

    python -m tests.fuzz.fuzz_wire batch|topic|push FOLDER [libFuzzer's options]

Each target holds what the code promises: bytes are understood or refused by the one error that is
named for it, and what was understood is within its limits. Anything else is a crash, whose
input is kept in FOLDER with what was found interesting, and tried first by the next run.
"""

import json
import sys
from base64 import b64encode
from collections.abc import Callable
from pathlib import Path
from random import Random

import atheris  # type: ignore[import-untyped]

with atheris.instrument_imports(include=["protos", "cloud"]):
    from cloud.bridge.routing import Registry, upward
    from cloud.bus.push_message import push_message
    from cloud.bus.topology import TOPICS
    from cloud.simulate.events import Scene
    from cloud.store.influxdb import lines
    from cloud.store.records import record, records
    from protos import topics
    from protos.codec import MAX_EVENTS, decode_batch
    from protos.errors import InvalidPayloadError, WireError
    from protos.ids import Lane

_MAX_ATTRIBUTE_BYTES = 1024
_REGISTRY = Registry("fuzzed", "wayside", "local")


def batch(data: bytes) -> None:
    """A batch is refused, or its events can be stored, read again and written as lines."""
    try:
        found = records(decode_batch(data))
    except InvalidPayloadError:
        return
    assert 1 <= len(found) <= MAX_EVENTS
    for event in found:
        assert record(event.id, event.payload).id == event.id
        assert lines.line(event, lines.tags(event)).endswith(f" {lines.time_ns(event)}")


def topic(data: bytes) -> None:
    """Any topic and payload become a message that Pub/Sub takes; the dead letter has the reason."""
    provider = atheris.FuzzedDataProvider(data)
    name = provider.ConsumeUnicodeNoSurrogates(80)
    payload = provider.ConsumeBytes(len(data))
    outgoing = upward(_REGISTRY, name, payload)
    assert outgoing.topic in TOPICS
    values = outgoing.attributes.values()
    assert all(len(value.encode()) <= _MAX_ATTRIBUTE_BYTES for value in values)
    try:
        topics.parse_uplink(name)
    except WireError:
        assert outgoing.refusal


def push(data: bytes) -> None:
    """Any body is a message, or kept whole with the reason."""
    message = push_message(data, {})
    assert not message.refusal or message.data == data


def seeds() -> dict[str, list[bytes]]:
    """By target, what is right: without it, little gets past the first check."""
    scene = Scene("fuzz-device", 1, Random(7), lambda: 1_750_000_000_000_000_000)
    batches = [scene.batch(lane, 1, 3) for lane in (Lane.ALARM, Lane.STATE, Lane.STATS)]
    name = topics.events("fuzz-device", Lane.STATE).encode()
    pushes = [
        json.dumps({"message": {"data": b64encode(data).decode(), "attributes": {"deviceId": "d"}}})
        for data in batches
    ]
    return {
        "batch": batches,
        "topic": [name, *(name + data for data in batches)],
        "push": [*batches, *(text.encode() for text in pushes)],
    }


_TARGETS: dict[str, Callable[[bytes], None]] = {"batch": batch, "topic": topic, "push": push}


def main() -> None:
    """Fuzz one target until told to stop."""
    if len(sys.argv) < 3 or sys.argv[1] not in _TARGETS:
        raise SystemExit(f"name a target ({', '.join(_TARGETS)}) and a folder")
    program, name, folder, *options = sys.argv
    Path(folder).mkdir(parents=True, exist_ok=True)
    for number, seed in enumerate(seeds()[name]):
        (Path(folder) / f"seed-{number}").write_bytes(seed)
    atheris.Setup([program, f"-artifact_prefix={folder}/", *options, folder], _TARGETS[name])
    atheris.Fuzz()


if __name__ == "__main__":
    main()
