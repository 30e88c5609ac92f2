"""What no other user can have written."""

import os
from pathlib import Path

import pytest

from models.errors import EngineError
from models.private import private_file, private_folder, require_private


@pytest.fixture
def _generous() -> object:
    """As Ubuntu has it, where every user has a group of his own."""
    before = os.umask(0o002)
    yield
    os.umask(before)


@pytest.mark.usefixtures("_generous")
def test_what_is_made_is_for_its_user_alone(tmp_path: Path) -> None:
    folder = private_folder(tmp_path / "wayside" / "engines")
    file = private_file(folder / "file")

    assert folder.stat().st_mode & 0o777 == 0o700
    assert folder.parent.stat().st_mode & 0o777 == 0o700
    assert file.stat().st_mode & 0o777 == 0o600
    assert private_folder(folder) == folder


@pytest.mark.parametrize("mode", [0o770, 0o707, 0o777])
def test_where_others_may_write_nothing_is_loaded_from(tmp_path: Path, mode: int) -> None:
    (tmp_path / "engines").mkdir()
    (tmp_path / "engines").chmod(mode)

    with pytest.raises(EngineError, match=r"engines: other users may write it.*chmod go-w "):
        private_folder(tmp_path / "engines")


def test_others_may_read(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    require_private(tmp_path)


def test_what_is_anothers_is_told_with_whose(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: tmp_path.stat().st_uid + 1)
    if tmp_path.stat().st_uid == 0:
        os.chown(tmp_path, 4711, -1)

    with pytest.raises(EngineError, match=r"is user \d+'s, and engines of another user are not"):
        require_private(tmp_path)


def test_what_cannot_be_made_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(EngineError, match=r"file/engines: engines cannot be kept there: Not a dir"):
        private_folder(tmp_path / "file" / "engines")
