"""The trust half put together; tests/edge/ota/test_attacks.py uses it whole."""

import threading
from pathlib import Path

import pytest

from edge.ota.settings import OtaSettings
from edge.ota.trust import open_trust
from tests.support.small_repository import SmallRepository, new_key
from tests.support.trusting_device import refused

URL = "http://127.0.0.1:9"


def begin(settings: OtaSettings, folder: Path) -> None:
    with open_trust(settings, folder, threading.Event()):
        pass


def test_without_a_repository_nothing_is_opened(tmp_path: Path) -> None:
    with refused("not-readable", "url and root_file are not set"):
        begin(OtaSettings(), tmp_path / "data")
    assert not (tmp_path / "data").exists()


def test_a_root_that_cannot_be_read_is_said_by_its_key(tmp_path: Path) -> None:
    with refused("not-readable", "ota.root_file", "root.json", "No such file"):
        begin(OtaSettings(url=URL, root_file=tmp_path / "root.json"), tmp_path / "data")


@pytest.mark.parametrize(
    ("content", "code"),
    [(b"", "not-readable"), (b"{}", "not-readable"), (b" " * 600_000, "endless")],
)
def test_a_root_that_is_none_is_refused(tmp_path: Path, content: bytes, code: str) -> None:
    (tmp_path / "root.json").write_bytes(content)
    with refused(code, "root"):
        begin(OtaSettings(url=URL, root_file=tmp_path / "root.json"), tmp_path / "data")


def test_a_root_that_strangers_signed_is_refused(tmp_path: Path) -> None:
    made = SmallRepository()
    (tmp_path / "root.json").write_bytes(made.sign(made.root, [new_key()]))
    with refused("wrong-key", "root"):
        begin(OtaSettings(url=URL, root_file=tmp_path / "root.json"), tmp_path / "data")


def test_one_agent_at_a_time_and_nobody_is_asked_at_the_start(tmp_path: Path) -> None:
    (tmp_path / "root.json").write_bytes(SmallRepository().first_root)
    settings = OtaSettings(url=URL, root_file=tmp_path / "root.json")
    with open_trust(settings, tmp_path / "data", threading.Event()) as opened:
        assert opened.trust.floor("gate") == 0
        with refused("read-only", "only one agent may run in a data_dir"):
            begin(settings, tmp_path / "data")
    begin(settings, tmp_path / "data")
