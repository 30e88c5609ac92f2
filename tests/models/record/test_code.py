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


def committed(folder: Path, text: str = "epochs = 1\n") -> str:
    """A new checkout of one file, and its commit."""
    folder.mkdir(parents=True, exist_ok=True)
    git(folder, "init", "--quiet")
    (folder / "train.py").write_text(text)
    git(folder, "add", ".")
    git(folder, "commit", "--quiet", "-m", "Train")
    return git(folder, "rev-parse", "HEAD")


@pytest.mark.parametrize(
    "setting", ["core.fsmonitor", "filter.evil.clean", "filter.evil.process", "Filter.EVIL.Clean"]
)
def test_no_program_that_the_folder_names_is_run(tmp_path: Path, setting: str) -> None:
    folder, ran = tmp_path / "unpacked", tmp_path / "ran"
    commit = committed(folder)
    program = tmp_path / "planted"
    program.write_text(f"#!/bin/sh\ntouch {ran}\ncat\n")
    program.chmod(0o755)
    evil = "EVIL" if "EVIL" in setting else "evil"
    (folder / ".gitattributes").write_text(f"* filter={evil}\n")
    git(folder, "config", setting, str(program))
    git(folder, "config", f"filter.{evil}.required", "true")
    (folder / "train.py").write_text("epochs = 2\n")  # so that git has to look into it

    code = code_of(folder)

    assert code is not None
    assert (code.commit, code.is_dirty) == (commit, True)
    assert not ran.exists()
    subprocess.run(["git", "-C", folder, "status"], capture_output=True)
    assert ran.exists()  # as it is by git itself


def test_settings_of_a_submodule_run_nothing_either(tmp_path: Path) -> None:
    folder, ran = tmp_path / "unpacked", tmp_path / "ran"
    committed(tmp_path / "part")
    committed(folder)
    git(folder, "-c", "protocol.file.allow=always", "submodule", "--quiet", "add",
        str(tmp_path / "part"), "part")  # fmt: skip
    git(folder, "commit", "--quiet", "-m", "Part")
    program = tmp_path / "planted"
    program.write_text(f"#!/bin/sh\ntouch {ran}\n")
    program.chmod(0o755)
    git(folder / "part", "config", "core.fsmonitor", str(program))

    code = code_of(folder)

    assert code is not None
    assert not code.is_dirty
    assert not ran.exists()
    subprocess.run(["git", "-C", folder, "status"], capture_output=True)
    assert ran.exists()


def test_the_first_folder_that_is_a_checkout_counts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path))
    model, here = committed(tmp_path / "model"), committed(tmp_path / "here", "epochs = 3\n")
    (tmp_path / "plain").mkdir()

    first = code_of(tmp_path / "model", tmp_path / "here")
    second = code_of(tmp_path / "plain", tmp_path / "here")

    assert first is not None
    assert second is not None
    assert (first.commit, second.commit) == (model, here)


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
