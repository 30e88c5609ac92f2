"""wayside-cloud desired: what is typed, and what comes."""

from contextlib import closing
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from cloud.cli import app
from cloud.desired.outbox import DownlinkOutbox
from cloud.fleet.audit import Actor, Audit
from cloud.fleet.database import FleetDatabase
from cloud.fleet.devices import Devices
from cloud.registry.aliases import Aliases
from cloud.registry.catalogue import Catalogue
from cloud.registry.report import Report
from models.record.reading import read_record
from protos.v1.update_report_pb2 import UpdateReport
from tests.support.fleet import heartbeat, way_down
from tests.support.records import registered
from tests.support.signed_repository import SignedRepository
from tests.support.update_reports import update_report

BY = Actor("user:ada", "here")
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
    assert "it was not looked up: neither the registry nor repository.blobs.url" in ordered.stderr
    assert not (config.parent / "kept/repository").exists(), "a look makes no folder"
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


def test_an_order_is_looked_up_in_the_registry(config: Path) -> None:
    with closing(database(config)) as opened:
        models, aliases = Catalogue(opened, Audit(opened)), Aliases(opened, Audit(opened))
        for number, version in enumerate(("1.0", "1.1", "2.0"), 1):
            models.add("gate", version, f"{number}" * 64, BY)
            if version != "2.0":
                models.keep_report("gate", version, Report(at_ns=5, by="ada", findings=()), BY)
                models.release("gate", version, number, BY)
        aliases.set("gate", "champion", "1.1", BY)
    ordered = run(config, "desired", "model", "cam-box", "gate", "champion")
    assert ordered.stdout.startswith("cam-box shall be revision 1: gate 1.1 (champion), order-")
    assert "not looked up" not in ordered.stderr
    with closing(database(config)) as opened:
        [target] = way_down(opened, lambda: None).desired.of(["cam-box"])["cam-box"].targets
    assert (target.version, target.sha256) == ("1.1", bytes.fromhex("2" * 64))

    there_is = "released in the registry: 1.1, 1.0; aliases: champion (1.1)"
    for version, says in (
        ("1.o", "there is no version '1.o' of model 'gate' in the registry; "),
        ("2.0", "model gate 2.0 is a candidate, and was neither validated nor released"),
    ):
        refused = run(config, "desired", "model", "cam-box", "gate", version)
        [line] = refused.stderr.splitlines()
        assert (refused.exit_code, line.endswith(there_is)) == (1, True)
        assert says in line
    [line] = run(config, "desired", "model", "cam-box", "gaet", "1.1").stderr.splitlines()
    assert line.endswith("there is no model 'gaet' in the registry; there is: gate")
    assert "shall be revision 1," in run(config, "desired", "show", "cam-box").stdout


def test_who_has_only_a_signed_repository_orders_by_it(config: Path, tmp_path: Path) -> None:
    record = registered(tmp_path / "made").folder
    repository = SignedRepository(config.parent / "kept/repository")
    repository.release(record)
    [version] = [one.version for one in repository.standing.releases("gate").releases]
    ordered = run(config, "desired", "model", "cam-box", "gate", version)
    assert ordered.stdout.startswith(f"cam-box shall be revision 1: gate {version}, order-")
    with closing(database(config)) as opened:
        [target] = way_down(opened, lambda: None).desired.of(["cam-box"])["cam-box"].targets
    assert target.sha256.hex() == read_record(record).digest
    [line] = run(config, "desired", "model", "cam-box", "gate", "9").stderr.splitlines()
    assert line.endswith(
        f"there is no version '9' of model 'gate' in the signed repository; released in the "
        f"signed repository: {version}"
    )
    (config.parent / "kept/repository/metadata/1.root.json").write_text("{}")
    [line] = run(config, "desired", "model", "cam-box", "gate", version).stderr.splitlines()
    assert "1.root.json: is no metadata of root" in line


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
