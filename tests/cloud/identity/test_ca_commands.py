"""`wayside-cloud ca` and `broker config`: the way from nothing to a broker, and what is refused."""

from contextlib import closing
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from cloud.cli import app
from cloud.fleet.audit import Audit
from cloud.fleet.database import FleetDatabase
from tests.support.processes import wait_until
from tests.support.secure_broker import Party, SecureBroker


class Commands:
    """`wayside-cloud` with a settings file of its own."""

    def __init__(self, folder: Path, ca: Path) -> None:
        self.ca = ca
        self._config = folder / "cloud.yaml"
        self._config.write_text(f"identity: {{folder: {ca}}}\nlog: {{level: warning}}\n")

    def run(self, *arguments: str | Path) -> Result:
        words = [*map(str, arguments), "-c", str(self._config)]
        return CliRunner().invoke(app, words, prog_name="wayside-cloud")

    def done(self, *arguments: str | Path) -> str:
        result = self.run(*arguments)
        assert result.exit_code == 0, result.output
        return result.output

    def refused(self, *arguments: str | Path) -> str:
        result = self.run(*arguments)
        assert result.exit_code == 1, result.output
        assert len(result.output.splitlines()) == 1
        return result.output


@pytest.fixture
def commands(tmp_path: Path) -> Commands:
    return Commands(tmp_path, tmp_path / "ca")


def test_each_step_names_the_next_one(commands: Commands, tmp_path: Path) -> None:
    out = tmp_path / "broker"
    assert "`wayside-cloud ca init`" in commands.refused("broker", "config", "--out", out)
    assert "--role server" in commands.done("ca", "init")
    said = commands.refused("broker", "config", "--out", out)
    assert f"`wayside-cloud ca issue broker --role server --host HOST --out {out}`" in said
    commands.done("ca", "issue", "broker", "--role", "server", "--host", "localhost", "--out", out)
    said = commands.done("broker", "config", "--out", out)
    assert "No bridge can connect yet" in said
    assert "--role service" in said
    said = commands.done("ca", "issue", "bridge-1", "--role", "service", "--out", tmp_path / "b")
    assert "broker config" in said
    said = commands.done("broker", "config", "--out", out)
    assert f"wrote {out}/mosquitto.conf" in said
    assert f"wrote {out}/acl, services: service.bridge-1" in said
    assert f"let mosquitto read {out}" in said
    assert "No bridge" not in said


@pytest.mark.parametrize("command", ["issue gate-cam-01 --out x", "revoke gate", "refresh", "list"])
def test_without_a_ca_every_command_says_so(commands: Commands, command: str) -> None:
    said = commands.refused("ca", *command.split())
    assert said == (
        f"wayside-cloud: there is no CA in {commands.ca}: make one with `wayside-cloud ca init`\n"
    )


def test_no_key_is_ever_shown(commands: Commands, tmp_path: Path) -> None:
    said = commands.done("ca", "init")
    said += commands.done("ca", "issue", "gate-cam-01", "--out", tmp_path / "out")
    said += commands.refused("ca", "issue", "gate-cam-01", "--out", tmp_path / "out")
    said += commands.done("ca", "revoke", "gate-cam-01")
    said += commands.done("ca", "list")
    for key in (tmp_path / "out/key.pem", commands.ca / "root.key"):
        assert key.read_text().splitlines()[1] not in said


def test_list_shows_who_what_and_until_when(commands: Commands, tmp_path: Path) -> None:
    commands.done("ca", "init")
    assert commands.done("ca", "list").startswith("0 certificates; the revocation list counts")
    commands.done("ca", "issue", "gate-cam-01", "--out", tmp_path / "one", "--days", "5")
    commands.done("ca", "issue", "gate-cam-02", "--out", tmp_path / "two")
    commands.done("ca", "revoke", "gate-cam-02")
    first, second, last = commands.done("ca", "list").splitlines()
    assert first.split()[:2] == ["gate-cam-01", "device"]
    assert first.split()[3] == "valid"
    assert second.split()[3] == "revoked"
    assert last.startswith("2 certificates; ")


def test_revocation_says_what_is_left_to_do(commands: Commands, tmp_path: Path) -> None:
    commands.done("ca", "init")
    commands.done("ca", "issue", "gate-cam-01", "--out", tmp_path / "out")
    said = commands.done("ca", "revoke", "gate-cam-01")
    assert said.startswith(f"revoked gate-cam-01, 1 certificate: {commands.ca}/crl.pem\n")
    assert "SIGHUP" in said
    assert "run this again with --broker" in said
    assert "few --days" in commands.refused("ca", "revoke", "broker", "--role", "server")


@pytest.mark.parametrize("address", ["", ":1", "broker:", "broker:0", "broker:x", "broker:65536"])
def test_address_is_checked_before_anything_is_revoked(
    commands: Commands, tmp_path: Path, address: str
) -> None:
    commands.done("ca", "init")
    commands.done("ca", "issue", "gate-cam-01", "--out", tmp_path / "out")
    said = commands.refused("ca", "revoke", "gate-cam-01", "--broker", address)
    assert "is not HOST or HOST:PORT" in said
    assert "revoked" not in commands.done("ca", "list")


def test_revocation_reaches_a_real_broker(tmp_path: Path) -> None:
    broker = SecureBroker(tmp_path)
    broker.process.start()
    commands = Commands(tmp_path, broker.settings.folder)
    try:
        with Party(broker.issue("stolen-cam"), "stolen-cam") as stolen:
            wait_until(lambda: stolen.connections, "connection")
            said = commands.done(
                "ca", "revoke", "stolen-cam", "--pid-file", broker.pid_file,
                "--broker", f"127.0.0.1:{broker.port}",
            )  # fmt: skip
            assert said.endswith("the broker refuses it, and its live session was cut\n")
            wait_until(lambda: stolen.ends, "the end of the session")
        said = commands.done("ca", "refresh", "--pid-file", broker.pid_file)
        assert said.endswith("the broker was told to read the list again\n")
    finally:
        broker.process.stop()


def audited(folder: Path) -> list[tuple[str, str, str]]:
    """Action, target and the first word of the outcome, of all that the fleet's audit holds."""
    with closing(FleetDatabase(f"sqlite:///{folder}/wayside-data/fleet.sqlite")) as database:
        entries = Audit(database).page()
    return [(one.action, one.target, one.outcome.split(":")[0]) for one in entries]


ISSUED = ("certificate.issue", "gate-cam-01", "done")


def test_a_device_is_registered_with_its_certificate(commands: Commands, tmp_path: Path) -> None:
    commands.done("ca", "init")
    where = f"in fleet database sqlite:///{tmp_path}/wayside-data/fleet.sqlite"
    said = commands.done("ca", "issue", "gate-cam-01", "--out", tmp_path / "one")
    assert said.splitlines()[0] == f"registered gate-cam-01 {where}"
    assert said.splitlines()[1].startswith("issued device gate-cam-01, valid until ")
    assert "gate-cam-01 is never-seen" in commands.done("devices", "show", "gate-cam-01")
    said = commands.done("ca", "issue", "gate-cam-01", "--out", tmp_path / "two")
    assert said.splitlines()[0] == f"gate-cam-01 is registered already, {where}"
    assert audited(tmp_path) == [
        ("device.register", "gate-cam-01", "done"), ISSUED,
        ("device.register", "gate-cam-01", "registered before"), ISSUED,
    ]  # fmt: skip


def test_only_devices_are_registered_and_only_when_wanted(
    commands: Commands, tmp_path: Path
) -> None:
    commands.done("ca", "init")
    commands.done("ca", "issue", "bridge-1", "--role", "service", "--out", tmp_path / "bridge")
    said = commands.done("ca", "issue", "gate-cam-01", "--no-register", "--out", tmp_path / "one")
    assert "registered" not in said
    assert said.startswith("issued device gate-cam-01")
    assert not (tmp_path / "wayside-data").exists()


def test_what_cannot_be_issued_is_not_registered(commands: Commands, tmp_path: Path) -> None:
    commands.done("ca", "init")
    commands.done("ca", "issue", "gate-cam-01", "--out", tmp_path / "one")
    said = commands.refused("ca", "issue", "gate-cam-02", "--out", tmp_path / "one")
    assert "is there already" in said
    assert "no device 'gate-cam-02'" in commands.refused("devices", "show", "gate-cam-02")


def test_a_certificate_that_fails_at_the_end_is_made_by_the_same_command(
    commands: Commands, tmp_path: Path
) -> None:
    commands.done("ca", "init")
    out = tmp_path / "file" / "out"
    out.parent.write_text("no folder")
    commands.refused("ca", "issue", "gate-cam-01", "--out", out)
    assert audited(tmp_path)[-1] == ("certificate.issue", "gate-cam-01", "failed")
    out.parent.unlink()
    assert "is registered already" in commands.done("ca", "issue", "gate-cam-01", "--out", out)
    assert (out / "cert.pem").is_file()


def test_without_the_fleets_database_nothing_is_issued(commands: Commands, tmp_path: Path) -> None:
    commands.done("ca", "init")
    (tmp_path / "wayside-data").mkdir()
    (tmp_path / "wayside-data/fleet.sqlite").write_text("none of ours" * 100)
    said = commands.refused("ca", "issue", "gate-cam-01", "--out", tmp_path / "one")
    assert "--no-register issues without it" in said
    assert commands.done("ca", "list").startswith("0 certificates")
    assert not (tmp_path / "one").exists()
    commands.done("ca", "issue", "gate-cam-01", "--no-register", "--out", tmp_path / "one")


def test_a_decommissioned_device_gets_no_certificate(commands: Commands, tmp_path: Path) -> None:
    commands.done("ca", "init")
    commands.done("ca", "issue", "gate-cam-01", "--out", tmp_path / "one")
    said = commands.done("devices", "decommission", "gate-cam-01")
    assert "the broker takes its certificate still; run `wayside-cloud ca revoke" in said
    said = commands.refused("ca", "issue", "gate-cam-01", "--out", tmp_path / "two")
    assert "recommission it first" in said
    assert not (tmp_path / "two").exists()


@pytest.mark.parametrize("act", ["replace", "decommission"])
def test_a_device_goes_together_with_its_certificates(
    commands: Commands, tmp_path: Path, act: str
) -> None:
    commands.done("ca", "init")
    commands.done("ca", "issue", "gate-cam-01", "--out", tmp_path / "one")
    said = commands.done("devices", act, "gate-cam-01", "--revoke")
    assert f"revoked gate-cam-01, 1 certificate: {commands.ca}/crl.pem" in said
    assert "until you run `wayside-cloud ca revoke gate-cam-01` with --broker HOST:PORT" in said
    assert "revoked" in commands.done("ca", "list").splitlines()[0]
    assert audited(tmp_path)[-2:] == [
        (f"device.{act}", "gate-cam-01", "done"),
        ("certificate.revoke", "gate-cam-01", "done"),
    ]
    assert "Not revoked" not in commands.done("devices", act, "gate-cam-01")


def test_new_hardware_ends_the_certificates_of_the_old_unless_it_keeps_them(
    commands: Commands, tmp_path: Path
) -> None:
    commands.done("ca", "init")
    commands.done("ca", "issue", "gate-cam-01", "--out", tmp_path / "one")
    said = commands.done("devices", "replace", "gate-cam-01", "--keep-certificates")
    assert "Not revoked" in said
    assert "valid" in commands.done("ca", "list").splitlines()[0]
    said = commands.done("devices", "replace", "gate-cam-01")
    assert "revoked gate-cam-01, 1 certificate" in said
    assert "`wayside-cloud devices claim create gate-cam-01`" in said


def test_a_fourth_certificate_of_a_device_is_refused(commands: Commands, tmp_path: Path) -> None:
    commands.done("ca", "init")
    for number in range(3):
        commands.done("ca", "issue", "gate-cam-01", "--out", tmp_path / str(number))
    for option in ([], ["--no-register"]):
        said = commands.refused("ca", "issue", "gate-cam-01", "--out", tmp_path / "4", *option)
        assert "'gate-cam-01' holds 3 valid certificates already: revoke them" in said
    assert not (tmp_path / "4").exists()
    commands.done("ca", "revoke", "gate-cam-01")
    commands.done("ca", "issue", "gate-cam-01", "--out", tmp_path / "4")


def test_a_device_that_is_not_known_keeps_its_certificate(
    commands: Commands, tmp_path: Path
) -> None:
    commands.done("ca", "init")
    commands.done("ca", "issue", "gate-cam-01", "--no-register", "--out", tmp_path / "one")
    said = commands.refused("devices", "decommission", "gate-cam-01", "--revoke")
    assert "there is no device" in said
    assert "revoked" not in commands.done("ca", "list").splitlines()[0]
    for keeping in (["decommission"], ["replace", "--keep-certificates"]):
        assert commands.run("devices", *keeping, "x-cam", "--broker", "here").exit_code == 2


def test_revocation_needs_a_ca_before_anything_is_changed(commands: Commands) -> None:
    commands.done("devices", "register", "gate-cam-01")
    said = commands.refused("devices", "decommission", "gate-cam-01", "--revoke")
    assert "there is no CA" in said
    assert "never-seen" in commands.done("devices", "list")
    said = commands.done("devices", "decommission", "gate-cam-01")
    assert "the broker takes its certificate still" in said
