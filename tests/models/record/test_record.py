"""A record from a stranger: what is in it is bounded, and what is unknown is refused."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from models.errors import RecordError
from models.record.digest import canonical, digest_of
from models.record.reading import MAX_BYTES, is_record, read_record
from tests.support.records import registered

Change = Callable[[dict[str, Any]], Any]


@pytest.fixture(scope="module")
def document(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Of a good record."""
    folder = registered(tmp_path_factory.mktemp("records")).folder
    made: dict[str, Any] = json.loads((folder / "record.json").read_bytes())
    return made


def written(folder: Path, content: bytes) -> Path:
    (folder / "record.json").write_bytes(content)
    return folder


def refusal(folder: Path, content: bytes) -> str:
    with pytest.raises(RecordError) as caught:
        read_record(written(folder, content))
    text = str(caught.value).removeprefix(f"{folder / 'record.json'}: ")
    assert "\n" not in text
    assert len(text) < 400
    return text


def test_what_is_written_is_read(tmp_path: Path, document: dict[str, Any]) -> None:
    content = canonical(document)

    record, digest, size = read_record(written(tmp_path, content))

    assert record.document() == document
    assert (digest, size) == (digest_of(content), len(content))
    assert is_record(tmp_path)


def put(*path: str | int, value: object) -> Change:
    def change(document: dict[str, Any]) -> None:
        place: Any = document
        for part in path[:-1]:
            place = place[part]
        place[path[-1]] = value

    return change


CHANGES: tuple[tuple[str, Change, str], ...] = (
    ("unknown", put("note", value=1), "note: Extra inputs are not permitted"),
    ("schema", put("schema", value=2), "schema: Input should be 1"),
    ("up", put("artefacts", 1, "path", value="../../etc/passwd"), "must be a relative path"),
    ("absolute", put("artefacts", 1, "path", value="/etc/passwd"), "must be a relative path"),
    ("hidden", put("artefacts", 1, "path", value="golden/.x"), "must be a relative path"),
    ("backslash", put("artefacts", 1, "path", value="a\\b"), "must be a relative path"),
    ("deep", put("artefacts", 1, "path", value="a/b/c/d/e"), "must be a relative path"),
    ("itself", put("artefacts", 1, "path", value="RECORD.json"), "none of its own artefacts"),
    ("upper", put("artefacts", 1, "sha256", value="A" * 64), "64 lower-case hexadecimal digits"),
    ("huge", put("artefacts", 1, "size", value=2**60), "less than or equal to 4294967296"),
    ("empty", put("artefacts", 1, "size", value=0), "greater than or equal to 1"),
    ("text-size", put("artefacts", 1, "size", value="5"), "valid integer"),
    ("role", put("artefacts", 1, "role", value="script"), "Input should be 'network'"),
    ("none", put("artefacts", value=[]), "at least 1 item"),
    ("network", put("manifest", "sha256", value="0" * 64), "is not the network of the manifest"),
    ("time", put("registered", "at", value="2026-02-30T00:00:00Z"), "registered.at: "),
    ("zone", put("registered", "at", value="2026-01-01T00:00:00+01:00"), "must be a time of UTC"),
    ("by", put("registered", "by", value="a\u001b[2J"), "one line of printable characters"),
    ("commit", put("registered", "code", "commit", value="main"), "registered.code.commit: "),
    ("class", put("metrics", 0, "class_name", value="lorry"), "which the model does not have"),
    ("slice", put("metrics", 1, value=None), "metrics.1: "),
    ("data", put("data_sets", value=[]), "is of no data set of the record"),
    ("file", put("golden", "cases", 0, "picture", value="LICENSE"), "no artefact of role"),
    ("gone", put("golden", "positions", value=None), "go with outputs"),
    ("side", put("golden", "cases", 0, "width", value=10**6), "less than or equal to 1280"),
    ("margin", put("golden", "margin", value=0.9), "margin 0.9 leads beyond 0 or 1 from 0.5"),
    ("manifest", put("manifest", "classes", value=[]), "manifest.classes: "),
)  # fmt: skip


@pytest.mark.parametrize(("change", "expected"), [one[1:] for one in CHANGES],
                         ids=[one[0] for one in CHANGES])  # fmt: skip
def test_what_is_wrong_is_named(
    tmp_path: Path, document: dict[str, Any], change: Change, expected: str
) -> None:
    changed = json.loads(json.dumps(document))
    change(changed)

    assert expected in refusal(tmp_path, canonical(changed))


def test_the_same_path_twice_is_refused_in_any_case_of_letters(
    tmp_path: Path, document: dict[str, Any]
) -> None:
    changed = json.loads(json.dumps(document))
    again = {**changed["artefacts"][-1], "path": "Network.onnx"}
    changed["artefacts"].append(again)

    assert "network.onnx stands twice" in refusal(tmp_path, canonical(changed))


def test_another_form_of_the_same_is_refused(tmp_path: Path, document: dict[str, Any]) -> None:
    assert "not in canonical form" in refusal(tmp_path, json.dumps(document).encode())
    twice = canonical(document).replace(b'{"artefacts"', b'{"artefacts":[],"artefacts"', 1)
    assert "not in canonical form" in refusal(tmp_path, twice)


def test_what_is_too_deep_or_too_large_is_refused(tmp_path: Path) -> None:
    deep = b'{"configuration":' + b"[" * 100_000 + b"]" * 100_000 + b"}"
    assert "recursion limit" in refusal(tmp_path, deep)
    assert "at most 2,097,152 are read" in refusal(tmp_path, b" " * (MAX_BYTES + 1))
    (tmp_path / "record.json").unlink()
    (tmp_path / "record.json").symlink_to("/dev/zero")
    with pytest.raises(RecordError, match="is no plain file"):
        read_record(tmp_path)
    assert not is_record(tmp_path)


@pytest.mark.parametrize("key", ["artefacts", "metrics", "data_sets", "manifest", "unknown"])
def test_more_values_than_a_record_can_hold_are_refused_before_they_are_looked_at(
    tmp_path: Path, document: dict[str, Any], key: str
) -> None:
    changed = {**document, key: [{}] * 70_000}
    assert refusal(tmp_path, canonical(changed)).endswith("holds more than 65,536 values")


def test_of_rows_the_first_that_is_wrong_is_named(tmp_path: Path, document: dict[str, Any]) -> None:
    changed = {**document, "metrics": [{}] * 4000}
    assert "metrics.0.name: Field required" in refusal(tmp_path, canonical(changed))


def test_a_configuration_may_hold_many_values(tmp_path: Path, document: dict[str, Any]) -> None:
    changed = {**document, "configuration": {"seeds": list(range(100_000))}}
    read = read_record(written(tmp_path, canonical(changed)))
    assert read.record.configuration == changed["configuration"]


PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


def _places(node: Any, path: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
    inside = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(
        node, list) else ()  # fmt: skip
    return [path, *(deeper for key, value in inside for deeper in _places(value, (*path, key)))]


@given(data=st.data())
@settings(max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whatever_is_changed_it_is_a_record_or_refused(
    tmp_path: Path, document: dict[str, Any], data: st.DataObject
) -> None:
    changed = json.loads(json.dumps(document))
    for _ in range(data.draw(st.integers(1, 3))):
        place = data.draw(st.sampled_from(_places(changed)[1:]))
        put(*place, value=data.draw(PLAIN))(changed)
        if not _places(changed)[1:]:
            break
    content = json.dumps(changed, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    folder = written(tmp_path, content.encode(errors="surrogatepass"))
    try:
        record = read_record(folder).record
    except RecordError:
        return
    inside = folder.resolve()
    assert all((inside / one.path).resolve().is_relative_to(inside) for one in record.artefacts)
    assert all(0 < one.size <= 4 * 1024**3 for one in record.artefacts)


@given(content=st.binary(max_size=200))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_bytes_that_are_no_record_are_refused(tmp_path: Path, content: bytes) -> None:
    with pytest.raises(RecordError):
        read_record(written(tmp_path, content))
