"""Whether everything of every model is still there."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from cloud.registry.check import Checked, check
from cloud.registry.model import Board
from cloud.registry.registry import Registry
from tests.support.model_records import BY, model_registry, record


@pytest.fixture
def registry(tmp_path: Path) -> Iterator[Registry]:
    with model_registry(tmp_path) as made:
        yield made


@pytest.fixture
def files(registry: Registry, tmp_path: Path) -> Path:
    """The folder of the blobs, with two models and an engine."""
    for version in ("1", "2"):
        registry.add(record(tmp_path / version, version=version), BY)
    engine = tmp_path / "engine"
    engine.write_bytes(b"an engine")
    registry.add_engine("gate", "2", Board("SM87", "10.3", "6.2"), engine, BY)
    return tmp_path / "blobs/models/blobs"


def look(registry: Registry) -> Checked:
    seen: list[int] = []
    checked = check(registry, seen.append)
    assert seen == [1, 2]
    return checked


def test_all_is_there(registry: Registry, files: Path) -> None:
    checked = look(registry)
    on_disk = [one for one in files.iterdir() if one.is_file()]
    assert (checked.models, checked.problems, checked.orphans) == (2, [], [])
    assert checked.files == len(on_disk)
    assert checked.size_bytes == sum(one.stat().st_size for one in on_disk)


def test_each_file_that_is_gone_or_damaged_is_named_with_its_models(
    registry: Registry, files: Path
) -> None:
    ours = {sha256 for sha256, _ in registry.artefacts("gate", "1")}
    theirs = {sha256 for sha256, _ in registry.artefacts("gate", "2")}
    for path in sorted(files.iterdir()):
        content = path.read_bytes()
        path.write_bytes(content + b"?")
        damaged = look(registry).problems
        path.unlink()
        checked = look(registry)
        gone = checked.problems
        is_record = any(": record.json: " in line for line in gone)
        # What a record names is of no orphan, even where the record cannot be read.
        assert checked.orphans == (None if is_record else [])
        path.write_bytes(content)
        assert all(f"{path.name}: is damaged" in line for line in damaged)
        assert all(f"{path.name}: is not in the blobs" in line for line in gone)
        named = {line[:6] for line in gone}
        assert named == {line[:6] for line in damaged}
        if path.name in ours | theirs:
            expected = [("gate 1", ours), ("gate 2", theirs)]
            assert named == {one for one, held in expected if path.name in held}
        else:
            assert len(named) == 1, "a record, or the engine"
    assert look(registry).problems == []


def test_what_is_of_no_model_is_named(registry: Registry, files: Path) -> None:
    (files / ("e" * 64)).write_bytes(b"left by a kill")
    checked = look(registry)
    assert checked.orphans == [(f"models/blobs/{'e' * 64}", 14)]
    assert checked.problems == []
