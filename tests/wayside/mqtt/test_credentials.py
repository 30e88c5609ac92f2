"""Credentials that are exchanged while a session lives."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from cloud.identity.authority import CertificateAuthority
from cloud.identity.identities import Role, identify
from cloud.identity.settings import IdentitySettings
from wayside.mqtt.credentials import FreshTls
from wayside.mqtt.settings import MqttSettings


@pytest.fixture
def issue(tmp_path: Path) -> Callable[[str], Path]:
    authority = CertificateAuthority.create(IdentitySettings(folder=tmp_path / "ca"))

    def make(name: str) -> Path:
        authority.issue(identify(Role.DEVICE, "gate-cam-01"), tmp_path / name)
        return tmp_path / name

    return make


def settings_of(folder: Path) -> MqttSettings:
    files = {"ca_file": "ca.pem", "cert_file": "cert.pem", "key_file": "key.pem"}
    return MqttSettings.model_validate(
        {"tls": {key: str(folder / name) for key, name in files.items()}}
    )


def test_without_tls_there_is_no_context() -> None:
    assert FreshTls(MqttSettings()).context() is None


def test_files_that_stay_are_read_once(issue: Callable[[str], Path]) -> None:
    fresh = FreshTls(settings_of(issue("one")))
    assert fresh.context() is fresh.context()


def test_exchanged_files_are_used(issue: Callable[[str], Path], tmp_path: Path) -> None:
    issue("one"), issue("two")
    current = tmp_path / "current"
    current.symlink_to("one")
    fresh = FreshTls(settings_of(current))
    before = fresh.context()
    (tmp_path / "draft").symlink_to("two")
    (tmp_path / "draft").replace(current)
    after = fresh.context()
    assert after is not before
    assert fresh.context() is after


def test_while_new_files_are_no_good_the_old_ones_serve(
    issue: Callable[[str], Path], tmp_path: Path
) -> None:
    one, two = issue("one"), issue("two")
    fresh = FreshTls(settings_of(one))
    before = fresh.context()
    shutil.copy(two / "cert.pem", one / "cert.pem")  # of another key than the one beside it
    with capture_logs() as logs:
        assert fresh.context() is before
    assert [log["event"] for log in logs] == ["changed credentials cannot be used"]
    assert "mqtt.tls.cert_file" in logs[0]["reason"]
    (one / "key.pem").unlink()
    assert fresh.context() is before
    shutil.copy(two / "key.pem", one / "key.pem")
    assert fresh.context() is not before
