"""Bytes that are no metadata are refused before anything believes them."""

import json
from typing import Any

import pytest
from tuf.api.metadata import Root, Snapshot, Targets, Timestamp

from edge.ota.documents import MAX_DEPTH, read
from tests.support.small_repository import SmallRepository
from tests.support.trusting_device import refused

KIB = 1024


def changed(data: bytes, **fields: Any) -> bytes:
    """The file with other values in its signed part."""
    document = json.loads(data)
    document["signed"].update(fields)
    return json.dumps(document).encode()


@pytest.fixture
def timestamp(repository: SmallRepository) -> bytes:
    return repository.files["metadata/timestamp.json"]


def test_metadata_is_taken_apart(timestamp: bytes) -> None:
    document = read(Timestamp, "timestamp", timestamp, 16 * KIB)
    assert document.signed.version == 2
    assert document.data == timestamp
    assert len(document.signatures) == 1


def test_more_bytes_than_may_be_are_endless(timestamp: bytes) -> None:
    with refused("endless", "timestamp", "10 at most"):
        read(Timestamp, "timestamp", timestamp, 10)


def test_another_type_is_refused(timestamp: bytes) -> None:
    with refused("not-readable", "'timestamp'", "'snapshot' was expected"):
        read(Snapshot, "snapshot", timestamp, 16 * KIB)


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"", "Expecting value"),
        (b"\xff\xfe", "decode"),
        (b"[]", ""),
        (b'{"signed": [], "signatures": {}}', ""),
        (b"[" * 100_000, ""),
        (b"[" * (MAX_DEPTH + 2) + b"]" * (MAX_DEPTH + 2), "nested deeper"),
        (b'{"a": 1, "a": 2}', "stands twice"),
        (b'{"a": 1.5}', "no whole number"),
        (b'{"a": NaN}', "no whole number"),
        (b'{"a": ' + b"9" * 1000 + b"}", "1000 digits"),
        (b'{"signed": {"_type": "other"}, "signatures": []}', "other"),
    ],
    ids=str,
)
def test_what_is_no_metadata_is_refused_with_the_reason(data: bytes, why: str) -> None:
    with refused("not-readable", "root: is no metadata", why):
        read(Root, "root", data, 512 * KIB)


@pytest.mark.parametrize("version", [0, -1, True, "1", None, 2**53, [1]])
def test_what_is_no_version_is_refused(timestamp: bytes, version: Any) -> None:
    with refused("not-readable"):
        read(Timestamp, "timestamp", changed(timestamp, version=version), 16 * KIB)


def test_a_foreign_version_of_the_specification_is_refused(timestamp: bytes) -> None:
    with refused("not-readable", "spec_version"):
        read(Timestamp, "timestamp", changed(timestamp, spec_version="2.0.0"), 16 * KIB)


def test_counts_are_bounded(repository: SmallRepository, timestamp: bytes) -> None:
    document = json.loads(timestamp)
    document["signatures"] = [{"keyid": f"{n:064}", "sig": "00"} for n in range(65)]
    with refused("not-readable", "65 signatures, 64 at most"):
        read(Timestamp, "timestamp", json.dumps(document).encode(), 64 * KIB)
    many = {f"r{n}.json": {"version": 1} for n in range(4097)}
    snapshot = changed(repository.files["metadata/2.snapshot.json"], meta=many)
    with refused("not-readable", "4097 roles"):
        read(Snapshot, "snapshot", snapshot, 512 * KIB)
    targets = json.loads(repository.files["metadata/1.targets.json"])
    targets["signed"]["delegations"]["roles"][0]["keyids"] = [str(n) for n in range(65)]
    with refused("not-readable", "65 keys of a role"):
        read(Targets, "targets", json.dumps(targets).encode(), 64 * KIB)
    root = json.loads(repository.first_root)
    root["signed"]["roles"]["root"]["keyids"] = [str(n) for n in range(65)]
    with refused("not-readable", "65 keys of a role"):
        read(Root, "root", json.dumps(root).encode(), 64 * KIB)


def test_text_that_is_no_unicode_is_refused(timestamp: bytes) -> None:
    with refused("not-readable"):
        read(Timestamp, "timestamp", changed(timestamp, note="\ud800"), 16 * KIB)
    document = json.loads(timestamp)
    document["signatures"][0]["keyid"] = "\ud800"  # over which there is no signature
    with refused("not-readable", "surrogates not allowed"):
        read(Timestamp, "timestamp", json.dumps(document).encode(), 16 * KIB)
