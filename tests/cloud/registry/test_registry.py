"""Models of real records, from the folder to the blobs, and of records that somebody forged."""

import json
import os
import shutil
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from cloud.errors import BlobsAwayError, DamagedModelError, RegistryError, UnknownModelError
from cloud.registry.model import Board
from cloud.registry.registry import Registry
from cloud.registry.settings import ModelSettings
from cloud.registry.states import ModelState
from models.record.digest import digest_of
from models.record.reading import read_record
from tests.support import strange_networks
from tests.support.model_records import (
    BY,
    SMALL,
    TOLD_GOOD,
    model_registry,
    record,
    rewritten,
    with_network,
)
from tests.support.processes import wait_until
from tests.support.switched_blobs import SwitchedBlobs

ORIN = Board("SM87", "10.3", "6.2")


@pytest.fixture
def registry(tmp_path: Path) -> Iterator[Registry]:
    with model_registry(tmp_path) as made:
        yield made


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return record(tmp_path / "made")


def nothing_is_there(registry: Registry) -> bool:
    return not registry.models.page() and not list(registry.files.kept())


def test_a_record_goes_in_whole_and_comes_out_the_same(registry: Registry, folder: Path) -> None:
    model, is_new = registry.add(folder, BY)

    read = read_record(folder)
    assert is_new
    assert (model.name, model.version, model.state) == ("gate", "1", ModelState.CANDIDATE)
    assert (model.digest, model.added_by, model.release) == (read.digest, "user:ada", None)
    assert registry.record("gate", "1") == (folder / "record.json").read_bytes()
    assert registry.state("gate", "1") == "candidate"
    files = registry.artefacts("gate", "1")
    assert files == [(one.sha256, one.size) for one in read.record.artefacts]
    for sha256, size in files:
        content = registry.open(sha256)
        assert (digest_of(content), len(content)) == (sha256, size)
    kept = {entry.key for entry in registry.files.kept()}
    assert kept == {f"models/blobs/{sha256}" for sha256, _ in [*files, (model.digest, 0)]}


def test_the_same_again_is_harmless_whoever_adds_it_at_once(
    registry: Registry, folder: Path
) -> None:
    with ThreadPoolExecutor(4) as threads:
        done = [threads.submit(registry.add, folder, BY) for _ in range(4)]
        added = [one.result() for one in done]
    assert sorted(is_new for _, is_new in added) == [False, False, False, True]
    assert len({model.digest for model, _ in added}) == 1
    assert len(registry.models.page()) == 1


def test_another_record_of_a_version_is_refused_with_both_digests(
    registry: Registry, folder: Path, tmp_path: Path
) -> None:
    first, _ = registry.add(folder, BY)
    before = sorted(registry.files.kept())
    other = with_network(record(tmp_path / "other"), strange_networks.plain().SerializeToString())
    with pytest.raises(RegistryError, match="never overwritten") as error:
        registry.add(other, BY)
    assert first.digest in str(error.value)
    assert read_record(other).digest in str(error.value)
    assert sorted(registry.files.kept()) == before
    assert registry.get("gate", "1") == first


def test_a_digest_from_elsewhere_is_demanded(registry: Registry, folder: Path) -> None:
    with pytest.raises(RegistryError, match=f"expected {'0' * 64}; nothing was added"):
        registry.add(folder, BY, "0" * 64)
    assert nothing_is_there(registry)
    assert registry.add(folder, BY, read_record(folder).digest)[1]


@pytest.mark.parametrize("path", ["../secret", "/etc/passwd", "golden/../../secret", ".hidden"])
def test_a_record_with_a_path_out_of_its_folder_is_refused(
    registry: Registry, folder: Path, path: str
) -> None:
    (folder.parent / "secret").write_text("secret")

    def lead_away(document: dict[str, list[dict[str, object]]]) -> None:
        [chart] = [one for one in document["artefacts"] if one["role"] == "chart"]
        chart["path"] = path

    with pytest.raises(RegistryError, match="must be a relative path.*nothing was added"):
        registry.add(rewritten(folder, lead_away), BY)
    assert nothing_is_there(registry)


def damage(folder: Path, how: str) -> None:
    chart = folder / "charts/recall.svg"
    if how == "changed":
        chart.write_bytes(chart.read_bytes()[::-1])
    elif how == "longer":
        chart.write_bytes(chart.read_bytes() + b" ")
    elif how == "a stranger":
        (folder / "charts/more.svg").write_text("<svg/>")
    else:
        chart.unlink()
    if how == "a link":
        chart.symlink_to("/dev/zero")
    if how == "a pipe":
        os.mkfifo(chart)
    if how == "a linked folder":
        shutil.rmtree(folder / "charts")
        (folder / "charts").symlink_to("/etc")


@pytest.mark.parametrize(
    ("how", "says"),
    [
        ("gone", "No such file"), ("changed", "sha256 is"), ("longer", "recorded were"),
        ("a link", "no plain file"), ("a pipe", "no plain file"), ("a linked folder", "is a link"),
        ("a stranger", "is not of the record"),
    ],
)  # fmt: skip
def test_a_folder_that_is_not_as_recorded_is_refused(
    registry: Registry, folder: Path, how: str, says: str
) -> None:
    damage(folder, how)
    with pytest.raises(RegistryError, match=f"{says}.*nothing was added") as error:
        registry.add(folder, BY)
    assert "\n" not in str(error.value)
    assert nothing_is_there(registry)


def test_no_record_and_one_changed_by_hand_are_refused(registry: Registry, folder: Path) -> None:
    with pytest.raises(RegistryError, match=r"record.json: cannot be read: No such file"):
        registry.add(folder.parent, BY)
    text = (folder / "record.json").read_text()
    (folder / "record.json").write_text(text.replace(",", ", ", 1))
    with pytest.raises(RegistryError, match="not in canonical form"):
        registry.add(folder, BY)
    (folder / "record.json").write_text(json.dumps({"artefacts": [{}] * 300}))
    with pytest.raises(RegistryError, match=r"record.json"):
        registry.add(folder, BY)
    assert nothing_is_there(registry)


def test_what_is_too_large_is_refused_before_it_is_read(tmp_path: Path, folder: Path) -> None:
    def swell(document: dict[str, list[dict[str, object]]]) -> None:
        document["artefacts"][0]["size"] = 4 * 2**30

    with model_registry(tmp_path / "small", SMALL.model_copy(update={"max_model_bytes": 1024})) as (
        registry
    ):
        with pytest.raises(RegistryError, match=r"at most 1,024 are taken \(models.max_model"):
            registry.add(folder, BY)
        with pytest.raises(RegistryError, match=r"4,294,967,296 bytes.*models.max_artefact_bytes"):
            registry.add(rewritten(folder, swell), BY)
        assert nothing_is_there(registry)


def test_blobs_that_go_away_leave_no_row_and_are_found_again(tmp_path: Path, folder: Path) -> None:
    blobs = SwitchedBlobs()
    with model_registry(tmp_path, blobs=blobs) as registry:
        blobs.away = True
        with pytest.raises(BlobsAwayError):
            registry.add(folder, BY)
        assert registry.models.page() == []
        blobs.away = False
        assert registry.add(folder, BY)[1]
        blobs.away = True
        with pytest.raises(BlobsAwayError):
            registry.record("gate", "1")
        with pytest.raises(BlobsAwayError):
            registry.validate("gate", "1", BY)


def test_a_good_model_is_validated_and_a_worse_one_stays_a_candidate(
    registry: Registry, folder: Path, tmp_path: Path
) -> None:
    registry.add(folder, BY)
    model = registry.validate("gate", "1", BY)
    assert model.state is ModelState.VALIDATED
    assert model.report is not None
    assert (model.report.is_good, model.report.by) == (True, "user:ada")
    assert model.report.facts is not None

    onnx = strange_networks.custom_operator().SerializeToString()
    registry.add(with_network(record(tmp_path / "other", version="2"), onnx), BY)
    worse = registry.validate("gate", "2", BY)
    assert worse.state is ModelState.CANDIDATE
    assert worse.report is not None
    assert "com.evil::Exfiltrate" in worse.report.findings[0]
    assert registry.get("gate", "2") == worse


def test_narrower_limits_take_a_validated_model_back(
    registry: Registry, folder: Path, tmp_path: Path
) -> None:
    registry.add(folder, BY)
    registry.validate("gate", "1", BY, TOLD_GOOD)
    strict = SMALL.validation.model_copy(update={"max_nodes": 1})
    with model_registry(tmp_path, ModelSettings(validation=strict)) as other:
        assert other.validate("gate", "1", BY).state is ModelState.CANDIDATE
    with model_registry(tmp_path, ModelSettings(max_artefact_bytes=1024)) as other:
        report = other.validate("gate", "1", BY).report
        assert report is not None
        assert "at most 1,024 are taken" in report.findings[0]


def test_what_is_signed_or_revoked_is_not_validated_again(registry: Registry, folder: Path) -> None:
    registry.add(folder, BY)
    registry.validate("gate", "1", BY, TOLD_GOOD)
    registry.released("gate", "1", 1, BY)
    for state in ("released", "revoked"):
        with pytest.raises(RegistryError, match=f"is {state}: only candidates and validated"):
            registry.validate("gate", "1", BY)
        registry.revoked("gate", "1", BY)


def test_a_model_that_was_revoked_while_it_was_looked_at_stays_revoked(
    registry: Registry, folder: Path, tmp_path: Path
) -> None:
    registry.add(folder, BY)
    code = (
        "import pathlib, time\n"
        f"here = pathlib.Path({str(tmp_path)!r})\n"
        "(here / 'begun').touch()\n"
        "while not (here / 'go').exists(): time.sleep(0.01)\n"
        """print('{"begins": "x"}'); print('{"examined": {"findings": []}}')"""
    )
    with ThreadPoolExecutor(1) as thread:
        command = [sys.executable, "-c", code]
        running = thread.submit(registry.validate, "gate", "1", BY, command)
        wait_until((tmp_path / "begun").exists, "a validation that is under way")
        registry.revoked("gate", "1", BY)
        (tmp_path / "go").touch()
        with pytest.raises(RegistryError, match="gate 1 is revoked for good"):
            running.result()
    assert registry.get("gate", "1").report is None


def test_files_that_are_gone_or_damaged_are_never_handed_out(
    registry: Registry, folder: Path, tmp_path: Path
) -> None:
    registry.add(folder, BY)
    [sha256] = [sha for sha, _ in registry.artefacts("gate", "1")][:1]
    file = tmp_path / "blobs/models/blobs" / sha256
    file.write_bytes(file.read_bytes()[:-1] + b"?")
    with pytest.raises(DamagedModelError, match=f"{sha256}: is damaged"):
        registry.open(sha256)
    file.write_bytes(b"short")
    with pytest.raises(DamagedModelError, match="is of .* and should be of"):
        registry.add(folder, BY)
    file.unlink()
    with pytest.raises(DamagedModelError, match="not in the blobs"):
        registry.open(sha256)
    for odd in ("../../fleet.sqlite", "", "A" * 64, "0" * 63):
        with pytest.raises(DamagedModelError, match="is no sha256"):
            registry.open(odd)
    registry.add(folder, BY)
    assert digest_of(registry.open(sha256)) == sha256


def test_an_engine_is_listed_once_a_board(registry: Registry, folder: Path, tmp_path: Path) -> None:
    registry.add(folder, BY)
    file = tmp_path / "orin.engine"
    file.write_bytes(b"an engine")
    engine, is_new = registry.add_engine("gate", "1", ORIN, file, BY)
    assert (is_new, engine.board, engine.size_bytes) == (True, ORIN, 9)
    assert registry.open(engine.sha256) == b"an engine"
    assert registry.add_engine("gate", "1", ORIN, file, BY) == (engine, False)
    assert [
        sha256 for sha256, _ in registry.artefacts("gate", "1") if sha256 == engine.sha256
    ] == []

    file.write_bytes(b"another engine")
    before = sorted(registry.files.kept())
    with pytest.raises(RegistryError, match=f"another engine for SM87.*{engine.sha256}"):
        registry.add_engine("gate", "1", ORIN, file, BY)
    assert sorted(registry.files.kept()) == before
    desk = Board("SM120", "10.3")
    registry.add_engine("gate", "1", desk, file, BY)
    assert [one.board for one in registry.engines.of("gate", "1")] == [desk, ORIN]


@pytest.mark.parametrize(
    ("board", "says"),
    [
        (Board("Orin", "10.3", "6.2"), "gpu 'Orin' is not like SM87"),
        (Board("SM87", "ten", "6.2"), "tensorrt 'ten' is not like 10.3"),
        (Board("SM87", "10.3", "../6"), "jetpack '../6' is not like 6.2"),
    ],
)
def test_engines_of_no_board_are_refused(
    registry: Registry, folder: Path, board: Board, says: str
) -> None:
    registry.add(folder, BY)
    with pytest.raises(RegistryError, match=says):
        registry.add_engine("gate", "1", board, folder / "network.onnx", BY)


def test_engine_files_that_cannot_be_taken_are_refused(
    registry: Registry, folder: Path, tmp_path: Path
) -> None:
    registry.add(folder, BY)
    kept = sorted(registry.files.kept())
    empty, pipe, link = tmp_path / "empty", tmp_path / "pipe", tmp_path / "link"
    empty.touch()
    os.mkfifo(pipe)
    link.symlink_to("/dev/zero")
    for path, says in (
        (empty, "is empty"), (pipe, "no plain file"), (link, "cannot be read"),
        (tmp_path, "no plain file"), (tmp_path / "none", "No such file"),
    ):  # fmt: skip
        with pytest.raises(RegistryError, match=says):
            registry.add_engine("gate", "1", ORIN, path, BY)
    with pytest.raises(UnknownModelError):
        registry.add_engine("gate", "2", ORIN, folder / "network.onnx", BY)
    registry.revoked("gate", "1", BY)
    with pytest.raises(RegistryError, match="is revoked for good"):
        registry.add_engine("gate", "1", ORIN, folder / "LICENSE", BY)
    assert sorted(registry.files.kept()) == kept


@pytest.mark.parametrize(
    ("name", "version"),
    [("../x", "1"), ("gate", "../1"), ("gate", ""), ("", "1"), ("gate", "\udcff")],
)
def test_names_that_no_model_can_have_are_told(registry: Registry, name: str, version: str) -> None:
    with pytest.raises(RegistryError, match="is not allowed"):
        registry.get(name, version)
    with pytest.raises(RegistryError, match="is not allowed"):
        registry.released(name, version, 1, BY)
