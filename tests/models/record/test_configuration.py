"""How a model was trained and compiled, kept as plain values."""

from pathlib import Path

import pytest

from models.errors import RecordError
from models.record.configuration import read_configuration


def read(folder: Path, text: str) -> object:
    (folder / "c.yaml").write_text(text)
    return read_configuration(folder / "c.yaml")


def test_yaml_and_json_are_read(tmp_path: Path) -> None:
    text = "base: &base {lr: 0.001}\ntrain: {<<: *base, epochs: 30}\nclasses: [person]\n"
    expected = {"base": {"lr": 0.001}, "train": {"lr": 0.001, "epochs": 30}, "classes": ["person"]}
    assert read(tmp_path, text) == expected
    assert read(tmp_path, '{"a": [1, null, true, "x"]}') == {"a": [1, None, True, "x"]}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("- 1\n", "the file: must be plain"),
        ("", "the file: must be plain"),
        ("day: 2026-01-31\n", "day.*must be plain .*put quotes around a date"),
        ("a: {1: x}\n", "must be plain"),
        ("lr: .nan\n", "cannot be kept: Out of range"),
        ("a: [\n", r"c\.yaml:2: is no YAML"),
        ("a: !!python/object:os.system {}\n", r"c\.yaml:1: is no YAML"),
        ("a: " + "[" * 40 + "]" * 40, "nested deeper than 20 levels"),
        ("a: &a [*a]\n", "nested deeper than 20 levels"),
        (
            "a0: &a0 [1, 1]\n"
            + "".join(f"a{n}: &a{n} [*a{n - 1}, *a{n - 1}]\n" for n in range(1, 19)),
            "holds more than 10,000 values",
        ),
        ("a: '" + "x" * 70_000 + "'", "at most 65,536 are read"),
    ],
)
def test_what_cannot_be_kept_is_refused(tmp_path: Path, text: str, expected: str) -> None:
    with pytest.raises(RecordError, match=expected) as caught:
        read(tmp_path, text)
    assert "\n" not in str(caught.value)
