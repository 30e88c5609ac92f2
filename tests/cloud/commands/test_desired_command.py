"""wayside-cloud desired: what is typed, and what comes."""

from contextlib import closing
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from cloud.cli import app
from cloud.desired.outbox import DownlinkOutbox
from cloud.fleet.audit import Audit
from cloud.fleet.database import FleetDatabase
from cloud.fleet.devices import Devices
from protos.v1.update_report_pb2 import UpdateReport
from tests.support.fleet import heartbeat, way_down
from tests.support.update_reports import update_report

RULES = "cameras:\n- id: door\n  zones: []\n"


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "cloud.yaml"
    path.write_text("data_dir: kept\n")
    (tmp_path / "rules.yaml").write_text(RULES)
    assert run(path, "devices", "register", "cam-box").exit_code == 0
    return path


def run(config: Path, *arguments: str) -> Result:
    return CliRunner().invoke(app, [*arguments, "-c", str(config)])


def database(config: Path) -> FleetDatabase:
    return FleetDatabase(f"sqlite:///{config.parent}/kept/fleet.sqlite")


def test_rules_and_models_from_the_command_to_their_force(config: Path) -> None:
    nothing = run(config, "desired", "show", "cam-box").stdout
    assert nothing == "cam-box shall be revision 0, says 0: nothing-said\n"
    sent = run(config, "desired", "rules", "cam-box", str(config.parent / "rules.yaml"))
    assert sent.stdout == f"cam-box shall be revision 1: {len(RULES)} bytes of rules\n"
    assert "`desired show cam-box` tells" in sent.stderr
    digest = "ab" * 32
    ordered = run(config, "desired", "model", "cam-box", "detector", "1.1.0", "--sha256", digest)
    assert ordered.stdout.startswith("cam-box shall be revision 2: detector 1.1.0, order-")
    deployment = ordered.stdout.split()[-1]

    with closing(database(config)) as opened:
        state = heartbeat()
        state.config_revision, state.refused_revision = 1, 2
        state.refusal = "\x1b[31mno"
        Devices(opened).record(state)
        down = way_down(opened, lambda: None)
        down.updates.record_all([
            (update_report(1, UpdateReport.PENDING, deployment=deployment), None),
            (update_report(2, UpdateReport.REJECTED, deployment=deployment, code="revoked"), None),
        ])  # fmt: skip
        assert len(DownlinkOutbox(opened).numbers()) == 1
    shown = run(config, "desired", "show", "cam-box").stdout.splitlines()
    assert shown[0] == "cam-box shall be revision 2, says 1: refused"
    assert shown[1] == "refusal         '\\x1b[31mno'"
    assert shown[2].startswith("changed         20")
    assert shown[3] == f"rules           {len(RULES)} bytes, of revision 1"
    told = f"model           detector 1.1.0, {deployment} of revision 2 by user:"
    assert shown[4].startswith(told)
    told = f"update          detector 1.0.0 -> 1.1.0, {deployment}: rejected (revoked) at 20"
    assert shown[5].startswith(told)
    assert shown[5].endswith("after pending, rejected")
    assert "2 refused" in run(config, "devices", "list").stdout
    assert "desired         2 refused\n" in run(config, "devices", "show", "cam-box").stdout

    withdrawn = run(config, "desired", "withdraw", "cam-box", "detector").stdout
    assert withdrawn == "cam-box shall be revision 3: no order for detector\n"
    (config.parent / "rules.yaml").write_text("cameras: []\n")
    own = run(config, "desired", "rules", "cam-box", str(config.parent / "rules.yaml")).stdout
    assert own == "cam-box shall be revision 4: the rules of its own file\n"
    with closing(database(config)) as opened:
        found = [e for e in Audit(opened).page() if e.action.startswith("desired.")]
    assert [entry.action.removeprefix("desired.") for entry in found] == [
        "rules", "model", "withdraw", "rules",
    ]  # fmt: skip
    assert {entry.actor.split(":")[0] for entry in found} == {"user"}


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["show", "no-box"], "there is no device 'no-box'"),
        (["rules", "no-box", "rules.yaml"], "there is no device 'no-box'"),
        (["rules", "cam-box", "none.yaml"], "none.yaml: cannot be read: No such file"),
        (["rules", "cam-box", "."], "cannot be read: Is a directory"),
        (["rules", "cam-box", "empty.yaml"], "empty.yaml: says nothing"),
        (["rules", "cam-box", "huge.yaml"], "huge.yaml: larger than"),
        (["rules", "cam-box", "cloud.yaml"], "data_dir: only the device's own settings say it"),
        (["model", "cam-box", "Detector", "1.0.0"], "model 'Detector' is not allowed"),
        (["model", "cam-box", "detector", "1 0"], "version: "),
        (["model", "cam-box", "detector", "1.0.0", "--sha256", "xyz"], "64 hexadecimal digits"),
        (["model", "cam-box", "detector", "1.0.0", "--sha256", "abcd"], "32 bytes, and not 2"),
        (["withdraw", "cam-box", "detector"], "has no order for model 'detector'"),
    ],
)
def test_what_cannot_be_done_is_told_in_a_line(
    config: Path, arguments: list[str], says: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(config.parent)
    Path("empty.yaml").touch()
    Path("huge.yaml").write_text("#" * 300_000)
    result = run(config, "desired", *arguments)
    assert result.exit_code in (1, 2)  # 2: a file is to be mended
    assert says in result.stderr
    assert len(result.stderr.strip().splitlines()) == 1
    assert "shall be revision 0," in run(config, "desired", "show", "cam-box").stdout
