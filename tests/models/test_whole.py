"""Files that are there whole or not at all."""

from pathlib import Path

import pytest

from models.whole import hidden, whole


def test_files_appear_when_all_of_them_are_written(tmp_path: Path) -> None:
    network, manifest = tmp_path / "net.onnx", tmp_path / "net.yaml"
    with whole(network, manifest) as (first, second):
        first.write_text("network")
        second.write_text("manifest")
        assert not network.exists()
        assert first.suffix == ".onnx"

    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == {
        "net.onnx": "network", "net.yaml": "manifest",
    }  # fmt: skip


def test_what_goes_wrong_leaves_what_was_there(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    path.write_text("before")

    def stopped() -> None:
        with whole(path) as (part,):
            part.write_text("half")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        stopped()

    assert [one.name for one in tmp_path.iterdir()] == ["rows.csv"]
    assert path.read_text() == "before"


def test_of_files_that_belong_together_none_is_left_without_the_other(tmp_path: Path) -> None:
    network, manifest = tmp_path / "net.onnx", tmp_path / "net.yaml"
    manifest.mkdir()  # nothing can be renamed to it

    def write() -> None:
        with whole(network, manifest) as parts:
            for part in parts:
                part.write_text("content")

    with pytest.raises(OSError, match=r"net\.yaml"):
        write()

    assert list(tmp_path.iterdir()) == [manifest]


def test_the_hidden_name_is_of_the_same_folder_and_suffix(tmp_path: Path) -> None:
    assert hidden(tmp_path / "seen.mp4").parent == tmp_path
    assert hidden(tmp_path / "seen.mp4").name.startswith(".seen.")
    assert hidden(tmp_path / "seen.mp4").suffix == ".mp4"
