"""`wayside-edge enroll` as it is typed, and what the settings say of renewals."""

import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from cloud.enrolment.settings import EnrolmentSettings
from edge import settings as edge_settings
from edge.identity.assembly import renewing
from edge.identity.settings import IdentitySettings
from tests.support.api_server import ApiServer, api_server
from tests.support.edge_command import call
from tests.support.enrolment import DEVICE, Desk, enrolment_desk
from tests.support.small_agent import small_agent
from wayside.errors import SettingsError

TOLD = EnrolmentSettings(
    broker_host="mqtt.example.org", repository_url="https://models.example.org/fleet"
)


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    with enrolment_desk(tmp_path / "cloud", settings=TOLD) as made:
        yield made


@pytest.fixture
def server(desk: Desk) -> Iterator[ApiServer]:
    with api_server(desk.folder, enrolment=desk.enrolment) as made:
        yield made


def enroll(server: ApiServer, out: Path, *options: str | Path) -> Any:
    return call("enroll", "--url", str(server.client.base_url), "--out", out, *options)


def test_a_board_is_enrolled_by_a_file(server: ApiServer, desk: Desk, tmp_path: Path) -> None:
    file, out = tmp_path / "token", tmp_path / "credentials"
    file.write_text(desk.token(DEVICE, "SN-1") + "\n")
    done = enroll(server, out, "--token-file", file, "--serial", "SN-1", "--device", DEVICE)
    assert done.exit_code == 0, done.output
    assert done.stdout.startswith(f"enrolled as {DEVICE}, valid until 20")
    assert stat.S_IMODE((out / "key.pem").stat().st_mode) == 0o600
    written = tmp_path / "agent.yaml"
    written.write_text(
        "model: {name: yolox-nano}\ncameras: [{id: gate, source: '0'}]\n"
        + done.stdout.partition("\n")[2]
    )
    settings = edge_settings.load(written)
    assert (settings.device, settings.mqtt.host, settings.mqtt.port) == (
        DEVICE, "mqtt.example.org", 8883,
    )  # fmt: skip
    assert settings.identity.folder == out
    told = done.stdout.splitlines()[-1]
    assert told == '# ota: {url: "https://models.example.org/fleet", root_file: 1.root.json}'
    (tmp_path / "1.root.json").write_text("{}")
    written.write_text(written.read_text().replace(told, told.removeprefix("# ")))
    ota = edge_settings.load(written).ota
    assert (ota.url, ota.root_file) == (TOLD.repository_url, tmp_path / "1.root.json")
    assert settings.mqtt.tls is not None
    settings.mqtt.tls.context()


def test_a_token_comes_by_the_environment_too(
    server: ApiServer, desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WAYSIDE_CLAIM_TOKEN", desk.token())
    assert enroll(server, tmp_path / "out").exit_code == 0


def test_each_mistake_is_one_line(server: ApiServer, desk: Desk, tmp_path: Path) -> None:
    token, out = desk.token(DEVICE, "SN-1"), tmp_path / "out"
    for options, says in (
        ((), "no token: give it by --token-file FILE, or by WAYSIDE_CLAIM_TOKEN"),
        (("--token", "guess"), "the token is not valid"),
        (("--token", token, "--serial", "SN-2"), "not for serial number 'SN-2'"),
        (("--token", token, "--ca-file", tmp_path / "none"), "none cannot be used as the CA"),
    ):
        refused = enroll(server, out, *options)
        assert (refused.exit_code, refused.stdout) == (1, "")
        *logged, said = refused.stderr.splitlines()
        assert all("[warning" in line for line in logged), "of the server, which is in this process"
        assert says in said
        assert token not in refused.stderr
    first = enroll(server, out, "--token", token, "--serial", "SN-1")
    assert first.exit_code == 0
    again = enroll(server, tmp_path / "other", "--token", token, "--serial", "SN-1")
    assert "the token was used before" in again.stderr
    there = enroll(server, out, "--token", desk.token())
    assert "holds credentials, which are never overwritten" in there.stderr
    away = call("enroll", "--url", "http://127.0.0.1:1", "--out", tmp_path / "x", "--token", token)
    assert "http://127.0.0.1:1 is not reached" in away.stderr
    desk.world.passes(hours=25)
    late = enroll(server, tmp_path / "late", "--token", desk.token(hours=1))
    assert late.exit_code == 1


def test_credentials_that_the_broker_never_sees_are_a_mistake(tmp_path: Path) -> None:
    for tls in (None, {"ca_file": "credentials/ca.pem"}, {"cert_file": "other/cert.pem"}):
        mqtt = {"port": 1, "tls": tls} if tls else {"port": 1}
        file = small_agent(tmp_path, identity={"folder": "credentials"}, mqtt=mqtt)
        with pytest.raises(SettingsError, match=r"identity\.folder: mqtt\.tls does not use it"):
            edge_settings.load(file)
    used = {"cert_file": "credentials/cert.pem", "key_file": "credentials/key.pem"}
    file = small_agent(tmp_path, identity={"folder": "credentials"}, mqtt={"port": 1, "tls": used})
    assert edge_settings.load(file).identity.folder == tmp_path / "credentials"


def test_without_a_folder_nothing_is_renewed() -> None:
    errors: list[str] = []
    with renewing(IdentitySettings(), errors.append, errors.append):
        assert errors == []
