"""Which commit a model was registered from, with a real git."""

import subprocess
from pathlib import Path

import pytest

from models.record.code import code_of, without_password


def git(folder: Path, *arguments: str) -> str:
    names = ["-c", "user.name=ada", "-c", "user.email=ada@example.org"]
    done = subprocess.run(["git", "-C", folder, *names, *arguments], capture_output=True,
                          text=True, check=True)  # fmt: skip
    return done.stdout.strip()


def test_a_checkout_is_its_commit_and_whether_that_is_all(tmp_path: Path) -> None:
    git(tmp_path, "init", "--quiet")
    assert code_of(tmp_path) is None

    (tmp_path / "train.py").write_text("epochs = 1\n")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "--quiet", "-m", "Train")
    git(tmp_path, "remote", "add", "origin", "https://ada:secret@example.org/gate.git?token=x")
    clean = code_of(tmp_path)
    assert clean is not None
    assert clean.commit == git(tmp_path, "rev-parse", "HEAD")
    assert not clean.is_dirty
    assert clean.repository == "https://example.org/gate.git"

    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "new.py").write_text("")
    dirty = code_of(tmp_path / "sub")
    assert dirty is not None
    assert (dirty.commit, dirty.is_dirty) == (clean.commit, True)


def test_no_checkout_and_no_git_are_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    assert code_of(tmp_path) is None
    monkeypatch.setenv("PATH", str(tmp_path))
    assert code_of(tmp_path) is None


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://token@example.org:8443/a.git", "https://example.org:8443/a.git"),
        ("ssh://git@example.org/a.git", "ssh://example.org/a.git"),
        ("git@example.org:gate/a.git", "git@example.org:gate/a.git"),
        ("/srv/git/a.git", "/srv/git/a.git"),
        ("https://[half/a.git", None),
        ("two\nlines", None),
    ],
)
def test_an_address_is_kept_without_who_may_read_it(url: str, expected: str | None) -> None:
    assert without_password(url) == expected
