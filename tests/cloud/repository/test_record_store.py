"""A folder of records in place of a registry."""

import shutil
from pathlib import Path

import pytest

from cloud.errors import RepositoryError
from cloud.repository.record_store import RecordStore


def test_a_record_store_stands_in_for_a_registry(records: dict[str, Path]) -> None:
    store = RecordStore(records["1.0.0"].parents[1])
    content = store.record("gate", "1.0.0")
    assert content == (records["1.0.0"] / "record.json").read_bytes()
    assert store.state("gate", "1.0.0") == "VALIDATED"
    for sha256, size in store.artefacts("gate", "1.0.0"):
        assert len(store.open(sha256)) == size


def test_a_record_that_is_damaged_keeps_back_no_other(
    records: dict[str, Path], tmp_path: Path
) -> None:
    shutil.copytree(records["1.1.0"], tmp_path / "gate/1.1.0")
    (tmp_path / "arch/1").mkdir(parents=True)
    (tmp_path / "arch/1/record.json").write_text("{")
    store = RecordStore(tmp_path)
    for sha256, size in store.artefacts("gate", "1.1.0"):
        assert len(store.open(sha256)) == size


def test_what_is_not_there_is_said_with_its_place(records: dict[str, Path]) -> None:
    store = RecordStore(records["1.0.0"].parents[1])
    for ask in (store.record, store.artefacts, store.state):
        with pytest.raises(RepositoryError, match=r"gate/9/record\.json"):
            ask("gate", "9")
    with pytest.raises(RepositoryError, match="no record that can be read has an artefact"):
        store.open("ab" * 32)
