"""wayside-cloud devices, fleet backup and fleet restore: what is typed, and what comes."""

import stat
from contextlib import closing
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from cloud.cli import app
from cloud.fleet.audit import Audit
from cloud.fleet.database import FleetDatabase
from cloud.fleet.devices import Devices
from tests.support.fleet import heartbeat


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "cloud.yaml"
    path.write_text("data_dir: kept\n")
    return path


def run(config: Path, *arguments: str) -> Result:
    return CliRunner().invoke(app, [*arguments, "-c", str(config)])


def database(config: Path) -> FleetDatabase:
    return FleetDatabase(f"sqlite:///{config.parent}/kept/fleet.sqlite")


def report(config: Path, device: str, agent_version: str = "1.2") -> None:
    state = heartbeat(device)
    state.agent_version = agent_version
    state.last_errors.append("door: \x1b[31mno frames")
    with closing(database(config)) as opened:
        Devices(opened).record(state)


def test_the_life_of_a_device(config: Path) -> None:
    registered = run(config, "devices", "register", "cam-box")
    assert registered.stdout.startswith("cam-box is never-seen since 20")
    again = run(config, "devices", "register", "cam-box")
    assert (again.exit_code, "is registered already" in again.stderr) == (1, True)

    report(config, "cam-box")
    shown = run(config, "devices", "show", "cam-box").stdout
    assert shown.startswith("cam-box is online since 20")
    assert "replaced        -\n" in shown
    assert "boot            ffffffffffffffff\n" in shown
    assert "camera          'door' 'live' 9.5 fps\n" in shown
    assert "\x1b" not in shown

    assert "never-seen" in run(config, "devices", "replace", "cam-box").stdout
    assert "boot" not in run(config, "devices", "show", "cam-box").stdout
    gone = run(config, "devices", "decommission", "cam-box")
    assert "`devices recommission cam-box` takes it back" in gone.stdout
    assert "cam-box" not in run(config, "devices", "list").stdout
    assert "decommissioned" in run(config, "devices", "list", "--all").stdout.splitlines()[1]
    assert run(config, "devices", "recommission", "cam-box").exit_code == 0
    with closing(database(config)) as opened:
        actions = [entry.action.removeprefix("device.") for entry in Audit(opened).page()]
    assert actions == ["register", "register", "replace", "decommission", "recommission"]


def test_devices_are_listed_with_their_presence(config: Path) -> None:
    run(config, "devices", "register", "new-box")
    report(config, "on-box", "1.2\x1b[31m")
    lines = run(config, "devices", "list").stdout.splitlines()
    assert lines[0].split() == ["DEVICE", "PRESENCE", "SINCE", "LAST", "SEEN", "AGENT", "NOTE"]
    assert [line.split()[:2] for line in lines[1:-1]] == [
        ["new-box", "never-seen"], ["on-box", "online"],
    ]  # fmt: skip
    assert lines[2].split()[4] == "1.2[31m"
    assert lines[-1] == ("in service: 1 online, 0 late, 0 offline, 1 never-seen; decommissioned: 0")
    only = run(config, "devices", "list", "--presence", "never-seen").stdout
    assert "new-box" in only
    assert "on-box" not in only


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (["devices", "register", "Cam Box"], 1, "device 'Cam Box' is not allowed"),
        (["devices", "show", "no-box"], 1, "there is no device 'no-box'"),
        (["devices", "replace", "no-box"], 1, "there is no device 'no-box'"),
        (["devices", "list", "--presence", "asleep"], 2, "asleep"),
        (["fleet", "restore", "none.backup"], 1, "none.backup: cannot be read"),
    ],
)
def test_mistakes_are_told(config: Path, arguments: list[str], code: int, says: str) -> None:
    result = run(config, *arguments)
    assert result.exit_code == code
    assert says in result.stderr


def test_backup_and_restore(config: Path) -> None:
    file = config.parent / "fleet.backup"
    run(config, "devices", "register", "cam-box")
    run(config, "keys", "create", "grafana", "--role", "viewer")
    made = run(config, "fleet", "backup", str(file))
    assert made.stdout == (
        f"{file}: 1 api_keys, 2 audit, 1 devices, 0 erasures, 0 model_aliases, 0 model_engines, "
        "0 models\n"
    )
    assert stat.S_IMODE(file.stat().st_mode) == 0o600

    run(config, "devices", "register", "later-box")
    refused = run(config, "fleet", "restore", str(file))
    assert (refused.exit_code, "--replace" in refused.stderr) == (1, True)
    restored = run(config, "fleet", "restore", str(file), "--replace")
    assert "1 api_keys, 2 audit, 1 devices, 0 erasures" in restored.stdout
    assert "keys revoked since then open again" in restored.stdout
    assert "later-box" not in run(config, "devices", "list").stdout
