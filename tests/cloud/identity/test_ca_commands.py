"""`wayside-cloud ca` and `broker config`: the way from nothing to a broker, and what is refused."""

from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from cloud.cli import app
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
