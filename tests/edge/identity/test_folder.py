"""Credentials on disk: whole, for their owner only, and never half exchanged."""

import os
import shutil
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from edge.errors import IdentityError
from edge.identity.folder import CLOUD, SERVER_CA, Credentials, CredentialsFolder
from tests.support.processes import together


@pytest.fixture
def folder(tmp_path: Path) -> CredentialsFolder:
    made = CredentialsFolder(tmp_path / "credentials")
    made.make()
    return made


def exchange(folder: CredentialsFolder, word: bytes) -> Credentials:
    folder.keep_key(word + b" key")
    folder.take(word + b" certificate", word + b" ca")
    return Credentials(word + b" key", word + b" certificate", word + b" ca")


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_credentials_stand_where_ca_issue_would_write_them(folder: CredentialsFolder) -> None:
    assert not folder.holds_credentials
    expected = exchange(folder, b"first")
    assert folder.current() == expected
    assert (folder.path / "key.pem").read_bytes() == expected.key
    assert (folder.path / "cert.pem").read_bytes() == expected.certificate
    assert (folder.path / "ca.pem").read_bytes() == expected.ca
    assert folder.holds_credentials
    assert "first key" not in repr(expected)


def test_a_key_is_its_owners_from_the_first_byte_on(folder: CredentialsFolder) -> None:
    before = os.umask(0)
    try:
        folder.keep_key(b"secret")
        assert mode(folder.path / "next/key.pem") == 0o600
        folder.take(b"certificate", b"ca")
    finally:
        os.umask(before)
    assert mode(folder.path) == mode(folder.path / "1") == 0o700
    assert mode(folder.path / "key.pem") == 0o600
    assert mode(folder.path / "cert.pem") == 0o644


def test_a_key_waits_for_its_certificate(folder: CredentialsFolder) -> None:
    assert folder.key() is None
    folder.keep_key(b"one")
    assert CredentialsFolder(folder.path).key() == b"one"
    folder.drop_key()
    assert folder.key() is None
    folder.drop_key()
    folder.keep_key(b"two")
    folder.take(b"certificate", b"ca")
    assert folder.key() is None


def test_an_exchange_keeps_the_last_and_lets_go_of_older_ones(folder: CredentialsFolder) -> None:
    for word in (b"first", b"second", b"third"):
        expected = exchange(folder, word)
        assert folder.current() == expected
    assert sorted(found.name for found in folder.path.iterdir() if found.is_dir()) == [
        "2", "3", "current",
    ]  # fmt: skip
    assert (folder.path / "2/key.pem").read_bytes() == b"second key"


def _cut_before_the_rename(path: Path) -> None:
    """Certificate and CA are there, the folder is still called `next`."""
    (path / "2").rename(path / "next")
    _lead(path, "1")


def _cut_before_the_switch(path: Path) -> None:
    """The new ones have their number, and the old ones still count."""
    _lead(path, "1")


def _cut_within_the_link(path: Path) -> None:
    _lead(path, "1")
    (path / ".current.part").symlink_to("2")


def _lead(path: Path, target: str) -> None:
    (path / "current").unlink()
    (path / "current").symlink_to(target)


@pytest.mark.parametrize(
    ("cut", "counts"),
    [
        (_cut_before_the_rename, b"first"),
        (_cut_before_the_switch, b"second"),
        (_cut_within_the_link, b"second"),
    ],
)
def test_a_renewal_that_was_cut_off_leaves_old_or_new(
    folder: CredentialsFolder, cut: Callable[[Path], None], counts: bytes
) -> None:
    exchange(folder, b"first")
    exchange(folder, b"second")
    cut(folder.path)
    assert folder.current().key == b"first key", "before anything is mended"
    assert folder.settle() == (counts == b"second")
    found = folder.current()
    assert {found.key, found.certificate, found.ca} == {
        counts + b" key", counts + b" certificate", counts + b" ca",
    }  # fmt: skip
    assert not folder.settle()
    assert exchange(folder, b"third") == folder.current()


@pytest.mark.parametrize("made", [0, 1, 2, 3])
def test_a_first_enrolment_that_was_cut_off_is_finished(
    folder: CredentialsFolder, made: int
) -> None:
    """Links are made one after the other; the last says that credentials count."""
    exchange(folder, b"first")
    for name in ["key.pem", "cert.pem", "ca.pem", "current"][made:]:
        (folder.path / name).unlink()
    assert folder.settle()
    assert folder.current().key == b"first key"
    assert (folder.path / "ca.pem").read_bytes() == b"first ca"


def test_who_gave_them_is_noted(folder: CredentialsFolder) -> None:
    assert folder.noted(CLOUD) is None
    folder.note(CLOUD, b"one")
    folder.note(CLOUD, b"two")
    assert folder.noted(CLOUD) == b"two"
    assert folder.noted(SERVER_CA) is None


def test_one_at_a_time(folder: CredentialsFolder) -> None:
    with (
        folder.alone(),
        pytest.raises(IdentityError, match="another process enrols or renews there"),
        CredentialsFolder(folder.path).alone(),
    ):
        pass
    with folder.alone():
        pass


def test_a_reader_never_meets_a_mixture(folder: CredentialsFolder) -> None:
    exchange(folder, b"0")
    done: list[bool] = []
    seen: list[tuple[bytes, bytes]] = []

    def write() -> None:
        for number in range(1, 30):
            exchange(folder, str(number).encode())
        done.append(True)

    def read() -> None:
        while not done:
            current = Path(folder.path / "current").resolve()
            try:
                pair = (current / "key.pem").read_bytes(), (current / "cert.pem").read_bytes()
            except FileNotFoundError:
                continue  # so slow that it was let go of
            seen.append(pair)

    together(write, read)
    assert seen
    assert all(key.split()[0] == certificate.split()[0] for key, certificate in seen)


def test_what_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(IdentityError, match="file/credentials: Not a directory"):
        CredentialsFolder(tmp_path / "file/credentials").make()
    missing = CredentialsFolder(tmp_path / "missing")
    with pytest.raises(IdentityError, match="missing: No such file or directory"), missing.alone():
        pass
    assert not missing.path.exists(), "a look at it does not make it"


def test_what_enroll_did_not_write_is_told(folder: CredentialsFolder) -> None:
    (folder.path / "key.pem").write_bytes(b"by hand")
    assert folder.holds_credentials
    with pytest.raises(IdentityError, match="holds nothing that `wayside-edge enroll` wrote"):
        folder.current()
    exchange(folder, b"x")
    shutil.rmtree(folder.path / "1")
    with pytest.raises(IdentityError, match=r"current/key\.pem: No such file"):
        folder.current()
    (folder.path / "1").mkdir()
    for name in ("key.pem", "cert.pem", "ca.pem"):
        (folder.path / "1" / name).write_bytes(b"x" * 70_000)
    with pytest.raises(IdentityError, match="larger than any certificate"):
        folder.current()
