"""The key of an engine, and its record."""

from typing import Any

import pytest

from models.compile.tensorrt.record import EngineRecord, KeyParts, parse_record
from models.errors import EngineError

PARTS: dict[str, Any] = {
    "onnx_sha256": "0" * 64,
    "library": "tensorrt",
    "library_version": "10.3.0",
    "gpu": "Orin (8.7)",
    "precision": "onnx",
    "batch": "1:1:4",
    "workspace_mb": 256,
    "dla_core": 0,
    "compute_capability": "8.9",
}
OTHERS: dict[str, Any] = {
    "onnx_sha256": "1" * 64,
    "library": "tensorrt_rtx",
    "library_version": "10.3.1",
    "gpu": "Orin (8.6)",
    "precision": "fp16",
    "batch": "1:2:4",
    "workspace_mb": 257,
    "dla_core": 1,
    "compute_capability": "8.6",
}
OPTIONAL = ("gpu", "batch", "workspace_mb", "dla_core", "compute_capability")


def key(**changes: Any) -> str:
    return KeyParts.model_validate({**PARTS, **changes}).key


def test_every_part_is_tried() -> None:
    assert set(PARTS) == set(OTHERS) == set(KeyParts.model_fields)


@pytest.mark.parametrize("part", sorted(PARTS))
def test_the_key_changes_with_each_of_its_parts(part: str) -> None:
    assert key(**{part: OTHERS[part]}) != key()


@pytest.mark.parametrize("part", OPTIONAL)
def test_the_key_changes_where_a_part_is_left_out(part: str) -> None:
    assert key(**{part: None}) != key()


def test_the_key_is_the_same_tomorrow() -> None:
    assert key() == "0177fa03d9972176bdc616a1323095e7"


def test_a_record_is_read_as_it_was_written() -> None:
    parts = KeyParts.model_validate(PARTS)
    record = EngineRecord(model="net", parts=parts, sha256="0" * 64, size_bytes=7, build_s=1.5)

    assert parse_record(record.text()) == record


@pytest.mark.parametrize("text", ["", "{}", "[1]", '{"format": 2}', "\x00"])
def test_what_is_no_record_is_an_error(text: str) -> None:
    with pytest.raises(EngineError, match="no record of an engine"):
        parse_record(text)
