"""A folder of data by digest, which anybody can check without us."""

import subprocess
from pathlib import Path

import pytest

from models.errors import RecordError
from models.record.datasets import data_set
from wayside.errors import SettingsError

DESCRIBED = "split: val\nlicence: CC-BY-4.0\nsource: https://example.org/gate\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "gate"
    (made / "night" / "rain").mkdir(parents=True)
    for name, text in (("b.txt", "1"), ("B.txt", "2"), ("a b.txt", "33"), ("night/ä.txt", "4"),
                       ("night/rain/0.txt", ""), ("night.txt", "5")):  # fmt: skip
        (made / name).write_text(text)
    (made / "link.txt").symlink_to("b.txt")
    (made / ".cache").mkdir()
    (made / ".cache" / "index").write_text("left out")
    (made / ".DS_Store").write_text("left out")
    (made / "dataset.yaml").write_text(DESCRIBED)
    return made


def test_its_digest_is_what_coreutils_say(folder: Path) -> None:
    found = data_set("gate-val", folder)

    line = (
        r"find . -type f,l ! -path '*/.*' ! -path ./dataset.yaml -printf '%P\0' | "
        "LC_ALL=C sort -z | xargs -0 sha256sum | sha256sum"
    )
    told = subprocess.run(["sh", "-c", line], cwd=folder, capture_output=True, text=True,
                          check=True)  # fmt: skip
    assert found.sha256 == told.stdout.split()[0]
    assert (found.files, found.size) == (7, 7)
    assert (found.split, found.licence, found.source) == (
        "val", "CC-BY-4.0", "https://example.org/gate",
    )  # fmt: skip


def test_only_what_is_data_changes_it(folder: Path) -> None:
    before = data_set("gate-val", folder).sha256
    (folder / ".DS_Store").write_text("changed")
    (folder / "dataset.yaml").write_text(DESCRIBED.replace("val", "test"))
    assert data_set("gate-val", folder).sha256 == before

    (folder / "night.txt").rename(folder / "day.txt")
    renamed = data_set("gate-val", folder).sha256
    (folder / "day.txt").write_text("6")
    assert len({before, renamed, data_set("gate-val", folder).sha256}) == 3


def test_a_description_may_lie_beside_what_cannot_be_written(folder: Path) -> None:
    before = data_set("gate-val", folder)
    (folder / "dataset.yaml").rename(folder.parent / "gate.yaml")

    assert data_set("gate-val", folder) == before


def test_progress_is_told_to_its_end(folder: Path) -> None:
    told: list[tuple[int, int | None]] = []

    data_set("gate-val", folder, lambda done, total: told.append((done, total)))

    assert told == [(number, 7) for number in range(1, 8)]


def test_what_has_no_place_in_a_listing_is_refused(folder: Path) -> None:
    (folder / "a\nb").write_text("")
    with pytest.raises(RecordError, match="rename it") as caught:
        data_set("gate-val", folder)
    assert "\n" not in str(caught.value)
    (folder / "a\nb").unlink()

    (folder / "loop").symlink_to(folder)
    with pytest.raises(RecordError, match="loop: is a link to a folder"):
        data_set("gate-val", folder)
    (folder / "loop").unlink()

    (folder / "nowhere").symlink_to(folder / "gone")
    with pytest.raises(RecordError, match="nowhere: is no file, or a link to nothing"):
        data_set("gate-val", folder)


def test_without_a_description_it_says_what_to_write(folder: Path) -> None:
    (folder / "dataset.yaml").unlink()
    with pytest.raises(RecordError, match=r"dataset\.yaml: is missing; it should say `split"):
        data_set("gate-val", folder)

    (folder / "dataset.yaml").write_text("split: val\nlicense: MIT\nsource: here\n")
    with pytest.raises(SettingsError, match="did you mean 'licence'"):
        data_set("gate-val", folder)


def test_no_folder_and_an_empty_one_are_refused(tmp_path: Path) -> None:
    with pytest.raises(RecordError, match="there is no such folder"):
        data_set("gate-val", tmp_path / "gone")
    (tmp_path / "dataset.yaml").write_text(DESCRIBED)
    with pytest.raises(RecordError, match="holds no file"):
        data_set("gate-val", tmp_path)
