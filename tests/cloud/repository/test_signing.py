"""Keys in files: whole or not there, for their holder only, and never in an error."""

import json
import stat
from pathlib import Path

import pytest
from tuf.api.metadata import Metadata, Root

from cloud.errors import SigningKeyError
from cloud.repository.roles import ROOT, SNAPSHOT, TIMESTAMP
from cloud.repository.signing import (
    PrivateKey,
    create_key,
    holder_of,
    is_sound,
    key_text,
    read_online,
    read_online_public,
    read_private,
    read_public,
)

PASSPHRASE = b"correct horse battery"


def never(path: Path) -> bytes:
    raise AssertionError("nobody is asked")


def test_what_is_made_signs_and_its_half_proves_it(tmp_path: Path) -> None:
    made = create_key(tmp_path / "ada.pem", ROOT, " Ada Lovelace ", PASSPHRASE)
    public = read_public(tmp_path / "ada.pub")
    assert public == made
    assert public.role == ROOT
    assert holder_of(public.key) == "Ada Lovelace"
    assert key_text(public.key) == f"Ada Lovelace ({public.key.keyid[:8]})"

    private = read_private(tmp_path / "ada.pem", lambda path: PASSPHRASE)
    metadata = Metadata(Root())
    private.sign(metadata)
    public.key.verify_signature(metadata.signatures[public.key.keyid], metadata.signed_bytes)


def test_files_are_for_whom_they_are(tmp_path: Path) -> None:
    create_key(tmp_path / "deep/ada.pem", ROOT, "Ada", PASSPHRASE)
    assert stat.S_IMODE((tmp_path / "deep/ada.pem").stat().st_mode) == 0o600
    assert stat.S_IMODE((tmp_path / "deep/ada.pub").stat().st_mode) == 0o644
    pem = (tmp_path / "deep/ada.pem").read_text()
    assert pem.startswith("-----BEGIN ENCRYPTED PRIVATE KEY-----\n")
    create_key(tmp_path / "timestamp.pem", TIMESTAMP, "server", None)
    pem = (tmp_path / "timestamp.pem").read_text()
    assert pem.startswith("-----BEGIN PRIVATE KEY-----\n")
    assert stat.S_IMODE((tmp_path / "timestamp.pem").stat().st_mode) == 0o600


@pytest.mark.parametrize("there", ["ada.pem", "ada.pub"])
def test_no_key_is_overwritten_and_no_half_stays(tmp_path: Path, there: str) -> None:
    (tmp_path / there).write_bytes(b"mine")
    with pytest.raises(SigningKeyError, match=f"{there} is there already, and no key is ever over"):
        create_key(tmp_path / "ada.pem", ROOT, "Ada", PASSPHRASE)
    assert [(path.name, path.read_bytes()) for path in tmp_path.iterdir()] == [(there, b"mine")]


@pytest.mark.parametrize(
    ("name", "holder", "passphrase", "message"),
    [
        ("ada.pem", "Ada", None, "key of root needs 12 characters or more"),
        ("ada.pem", "Ada", b"short", "key of root needs 12 characters or more"),
        ("ada.key", "Ada", PASSPHRASE, r"ends in \.pem"),
        ("ada.pem", " ", PASSPHRASE, "holder is a name"),
        ("ada.pem", "Ada\nEve", PASSPHRASE, "holder is a name"),
        ("ada.pem", "A" * 101, PASSPHRASE, "holder is a name"),
    ],
)
def test_what_cannot_be_made_leaves_nothing(
    tmp_path: Path, name: str, holder: str, passphrase: bytes | None, message: str
) -> None:
    with pytest.raises(SigningKeyError, match=message) as caught:
        create_key(tmp_path / name, ROOT, holder, passphrase)
    assert not list(tmp_path.iterdir())
    assert "short" not in str(caught.value)


def test_a_wrong_passphrase_is_a_line_without_it(tmp_path: Path) -> None:
    create_key(tmp_path / "ada.pem", ROOT, "Ada", PASSPHRASE)
    with pytest.raises(SigningKeyError, match=r"ada\.pem: the passphrase is wrong$") as caught:
        read_private(tmp_path / "ada.pem", lambda path: b"a wrong passphrase")
    assert "a wrong" not in str(caught.value)


@pytest.mark.parametrize(
    "content",
    [b"", b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n", b"\0" * 20_000],
)
def test_what_is_no_key(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "ada.pem"
    path.write_bytes(content)
    with pytest.raises(SigningKeyError, match=r"ada\.pem: "):
        read_private(path, never)
    with pytest.raises(SigningKeyError, match=r"ada\.pem: "):
        read_public(path)
    with pytest.raises(SigningKeyError, match=r"none\.pem: cannot be read: No such file"):
        read_private(tmp_path / "none.pem", never)


def test_a_public_half_that_was_changed(tmp_path: Path) -> None:
    create_key(tmp_path / "ada.pem", ROOT, "Ada", PASSPHRASE)
    create_key(tmp_path / "eve.pem", ROOT, "Eve", PASSPHRASE)
    ada, eve = (json.loads((tmp_path / f"{who}.pub").read_text()) for who in ("ada", "eve"))
    path = tmp_path / "ada.pub"
    changes: list[object] = [
        {**ada, "keyid": eve["keyid"]},
        {**ada, "key": eve["key"]},
        {**ada, "role": "nobody"},
        {**ada, "key": {**ada["key"], "x-more": 1}},
        {**ada, "key": {**ada["key"], "x-holder": 5}},
        {**ada, "key": {**ada["key"], "keytype": "rsa"}},
        [],
    ]
    for changed in changes:
        path.write_text(json.dumps(changed))
        with pytest.raises(SigningKeyError, match=r"ada\.pub: is no public half"):
            read_public(path)


def test_keys_of_the_server_are_its_own(tmp_path: Path) -> None:
    for name in ("timestamp", "timestamp-2"):
        create_key(tmp_path / f"{name}.pem", TIMESTAMP, "server", None)
    found = read_online(tmp_path)
    assert set(found) == {read_public(path).key.keyid for path in tmp_path.glob("*.pub")}

    (tmp_path / "timestamp.pem").chmod(0o640)
    with pytest.raises(SigningKeyError, match=r"timestamp\.pem: others may read it: chmod 600"):
        read_online(tmp_path)
    (tmp_path / "timestamp.pem").chmod(0o600)
    create_key(tmp_path / "ada.pem", ROOT, "Ada", PASSPHRASE)
    with pytest.raises(SigningKeyError, match="is under a passphrase; only online keys belong in"):
        read_online(tmp_path)
    assert read_online(tmp_path / "none") == {}


def test_who_signs_with_a_key_without_a_passphrase_keeps_it_from_others(tmp_path: Path) -> None:
    create_key(tmp_path / "timestamp.pem", TIMESTAMP, "server", None)
    (tmp_path / "timestamp.pem").chmod(0o604)
    with pytest.raises(SigningKeyError, match=r"timestamp\.pem: others may read it: chmod 600"):
        read_private(tmp_path / "timestamp.pem", never)


def test_public_halves_of_the_server_are_those_of_its_keys(tmp_path: Path) -> None:
    made = [create_key(tmp_path / f"{role}.pem", role, "server", None)
            for role in (SNAPSHOT, TIMESTAMP)]  # fmt: skip
    assert read_online_public(tmp_path) == made
    assert read_online_public(tmp_path / "none") == []
    create_key(tmp_path / "other/snapshot.pem", SNAPSHOT, "Eve", None)
    (tmp_path / "other/snapshot.pub").replace(tmp_path / "snapshot.pub")
    with pytest.raises(SigningKeyError, match=r"Eve \([0-9a-f]{8}\) has no private key here"):
        read_online_public(tmp_path)
    (tmp_path / "snapshot.pub").unlink()
    with pytest.raises(SigningKeyError, match=r"snapshot\.pub: cannot be read: No such file"):
        read_online_public(tmp_path)


def test_a_key_without_a_holder_is_not_sound() -> None:
    key = PrivateKey.generate().public("Ada")
    assert is_sound(key)
    key.unrecognized_fields.clear()
    assert not is_sound(key)
