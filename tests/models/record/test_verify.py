"""A record's folder against what was registered."""

import shutil
from pathlib import Path

import pytest

from models.record.register import register
from models.record.store import Store
from models.record.verify import Report, verify
from tests.support.records import (
    WHO,
    files_of,
    registered,
    rewritable,
    submission,
    write_model,
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return rewritable(registered(tmp_path).folder)


def only(report: Report) -> str:
    (line,) = report.problems
    return line


def test_a_copy_somewhere_else_is_as_good(tmp_path: Path, folder: Path) -> None:
    copy = tmp_path / "elsewhere"
    shutil.copytree(folder, copy)

    report = verify(copy)

    assert report.problems == []
    assert report.outcome is not None
    assert (report.outcome.difference, report.outcome.agreement) == (0.0, 1.0)


def test_each_missing_file_is_named(folder: Path) -> None:
    for path in files_of(folder):
        moved = path.rename(folder.parent / "away")
        assert str(path) in only(verify(folder))
        moved.rename(path)


def test_what_is_longer_a_link_or_not_of_the_record_is_named(folder: Path) -> None:
    licence, chart = folder / "LICENSE", folder / "charts" / "recall.svg"
    licence.write_bytes(licence.read_bytes() + b" ")
    chart.unlink()
    chart.symlink_to("/dev/zero")
    (folder / "charts" / "extra.sh").write_text("")

    told = verify(folder).problems

    assert told == [
        f"{licence}: is of 11,359 bytes, recorded were 11,358",
        f"{chart}: is no plain file",
        f"{folder / 'charts' / 'extra.sh'}: is not of the record",
    ]


def test_a_folder_that_is_a_link_is_named(tmp_path: Path, folder: Path) -> None:
    (folder / "charts").rename(tmp_path / "charts")
    (folder / "charts").symlink_to(tmp_path / "charts")

    assert f"{folder / 'charts' / 'recall.svg'}: its folder is a link" in verify(folder).problems


def test_deceit_needs_a_digest_from_elsewhere(tmp_path: Path, folder: Path) -> None:
    good = registered(tmp_path).read.digest
    assert verify(folder, good).problems == []
    shutil.rmtree(folder)
    forged = register(
        submission(tmp_path / "forged", write_model(tmp_path / "forged"), metrics=()),
        Store(tmp_path / "store"), WHO,
    )  # fmt: skip

    assert verify(folder).problems == []
    assert only(verify(folder, good)) == (
        f"{folder / 'record.json'}: its digest is {forged.read.digest}, expected {good}"
    )


def test_a_parent_is_looked_for_and_compared(tmp_path: Path, folder: Path) -> None:
    model = write_model(tmp_path / "child", version="2")
    child = register(submission(tmp_path / "child", model, parent=folder),
                     Store(tmp_path / "store"), WHO).folder  # fmt: skip
    assert verify(child).parent == "gate 1, as recorded"

    shutil.rmtree(folder)
    absent = verify(child)
    assert absent.problems == []
    assert absent.parent == "gate 1, which is not in this store and was not looked at"

    registered(tmp_path, metrics=())
    assert "the parent's digest is" in only(verify(child))

    rewritable(folder)
    (folder / "record.json").write_text("{}")
    assert only(verify(child)).startswith(f"parent: {folder / 'record.json'}: ")


def test_no_record_is_one_problem(tmp_path: Path) -> None:
    assert "record.json: cannot be read: No such file or directory" in only(verify(tmp_path))


def test_a_network_that_does_not_run_is_a_problem_and_no_traceback(
    tmp_path: Path, folder: Path
) -> None:
    from models.errors import EngineError

    def broken(*_: object) -> None:
        raise EngineError("no such GPU")

    report = verify(folder, load=broken)  # type: ignore[arg-type]

    assert report.problems == ["no such GPU"]
    assert report.outcome is None
