"""wayside-cloud models: what is typed, and what comes."""

from contextlib import closing
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from cloud.blobs.folder import FolderBlobs
from cloud.cli import app
from cloud.commands.actor import person_here
from cloud.fleet.audit import Audit
from cloud.fleet.database import FleetDatabase
from cloud.registry.registry import Registry
from models.record.reading import read_record
from tests.support import strange_networks
from tests.support.model_records import BY, record, with_network


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "cloud.yaml"
    path.write_text("data_dir: kept\n")
    return path


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return record(tmp_path / "made")


def run(config: Path, *arguments: object) -> Result:
    return CliRunner().invoke(app, ["models", *map(str, arguments), "-c", str(config)])


def release(config: Path, version: str, number: int) -> None:
    """As the signed repository does."""
    with closing(FleetDatabase(f"sqlite:///{config.parent}/kept/fleet.sqlite")) as database:
        blobs = FolderBlobs(config.parent / "kept/blobs")
        Registry(database, Audit(database), blobs).released("gate", version, number, BY)


def test_the_life_of_a_model(config: Path, folder: Path) -> None:
    digest = read_record(folder).digest
    added = run(config, "add", folder, "--digest", digest)
    assert added.stdout == f"gate 1 is candidate\ndigest {digest}\n"
    assert run(config, "add", folder).stdout.startswith("gate 1 is candidate, as it was before\n")

    validated = run(config, "validate", "gate", "1")
    assert validated.exit_code == 0, validated.output
    assert validated.stdout.startswith("gate 1 is validated since 20")
    assert "nothing speaks against it" in validated.stdout
    assert "3 pictures on onnxruntime/CPU, raw values off by 0, finds agree to 100.0%" in (
        validated.stdout
    )
    assert "4 operators of opset 17" in validated.stdout

    release(config, "1", 1)
    assert run(config, "alias", "set", "gate", "champion", "1").stdout == (
        "champion of gate: none -> 1\n"
    )
    refused = run(config, "deprecate", "gate", "1")
    assert (refused.exit_code, "is the champion of its name" in refused.stderr) == (1, True)
    assert run(config, "alias", "remove", "gate", "champion").stdout == "gate has no champion\n"
    assert run(config, "deprecate", "gate", "1").stdout.startswith("gate 1 is deprecated since")
    assert run(config, "restore", "gate", "1").stdout.startswith("gate 1 is released since")
    stopped = CliRunner().invoke(
        app, ["models", "revoke", "gate", "1", "--registry-alone", "-c", str(config)], input="n\n"
    )
    assert stopped.exit_code == 1
    refused = run(config, "revoke", "gate", "1", "--yes")
    assert (refused.exit_code, "is release 1, which devices run" in refused.stderr) == (1, True)
    revoked = run(config, "revoke", "gate", "1", "--yes", "--registry-alone")
    assert revoked.stdout.startswith("gate 1 is revoked since")
    assert "devices run release 1 still: `wayside-cloud repository revoke gate 1`" in (
        revoked.stdout
    )
    with closing(FleetDatabase(f"sqlite:///{config.parent}/kept/fleet.sqlite")) as database:
        entries = Audit(database).page()
    assert {one.actor for one in entries} == {person_here().name, BY.name}
    assert [one.action for one in entries] == [
        "model.add", "model.add", "model.validate", "model.release", "model.alias",
        "model.deprecate", "model.alias", "model.deprecate", "model.restore", "model.revoke",
    ]  # fmt: skip


def test_a_model_that_is_refused_says_why_and_stays_a_candidate(config: Path, folder: Path) -> None:
    onnx = strange_networks.elsewhere("/etc/passwd").SerializeToString()
    run(config, "add", with_network(folder, onnx))
    refused = run(config, "validate", "gate", "1")
    assert refused.exit_code == 1
    assert refused.stdout.startswith("gate 1 is candidate since 20")
    [finding] = [line for line in refused.stdout.splitlines() if "finding " in line]
    assert "'answer' in '/etc/passwd'" in finding
    assert finding in run(config, "show", "gate", "1").stdout


def test_models_are_listed_and_shown(config: Path, tmp_path: Path) -> None:
    for version in ("1", "2"):
        run(config, "add", record(tmp_path / version, version=version))
    run(config, "validate", "gate", "2")
    release(config, "2", 7)
    run(config, "alias", "set", "gate", "challenger", "2")
    engine = tmp_path / "orin.engine"
    engine.write_bytes(b"an engine")
    place = ("gate", "2", "--gpu", "SM87", "--tensorrt", "10.3", "--jetpack", "6.2", engine)
    listed = run(config, "engine", "add", *place)
    assert listed.stdout.startswith("gate 2 for SM87, TensorRT 10.3, JetPack 6.2: ")
    assert "as it was before" in run(config, "engine", "add", *place).stdout

    lines = run(config, "list").stdout.splitlines()
    assert lines[0].split() == ["NAME", "VERSION", "STATE", "RELEASE", "ADDED", "DIGEST", "ALIASES"]
    assert [line.split()[:4] for line in lines[1:]] == [
        ["gate", "1", "candidate", "-"], ["gate", "2", "released", "7"],
    ]  # fmt: skip
    assert lines[2].endswith("challenger")
    [only] = run(config, "list", "--state", "candidate").stdout.splitlines()[1:]
    assert only.split()[1] == "1"
    assert run(config, "list", "yard").stdout.splitlines()[1:] == []
    shown = run(config, "show", "gate", "2").stdout
    assert "release      7\n" in shown
    assert "aliases      challenger\n" in shown
    assert "SM87, TensorRT 10.3, JetPack 6.2: " in shown
    assert "validated    never" in run(config, "show", "gate", "1").stdout


def test_what_is_missing_or_of_no_model_is_named(config: Path, folder: Path) -> None:
    run(config, "add", folder)
    good = run(config, "check")
    assert (good.exit_code, good.stdout.count("\n")) == (0, 1)
    assert good.stdout.startswith("1 models, ")
    assert good.stdout.endswith(": all there\n")

    files = config.parent / "kept/blobs/models/blobs"
    (files / ("e" * 64)).write_bytes(b"left")
    orphan = run(config, "check")
    assert orphan.exit_code == 0
    assert f"models/blobs/{'e' * 64}: is of no model, 4 bytes\n1 orphans: " in orphan.stdout

    network = read_record(folder).record.manifest.sha256
    (files / network).unlink()
    bad = run(config, "check")
    assert bad.exit_code == 1
    assert f"gate 1: a file: models/blobs/{network}: is not in the blobs" in bad.stderr
    assert bad.stdout.endswith(": 1 problems\n")
    (files / read_record(folder).digest).unlink()
    worse = run(config, "check").stdout
    assert "cannot be told while a record cannot be read" in worse
    assert "is of no model, " not in worse


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (["add", "nowhere"], 1, "record.json: cannot be read: No such file or directory; nothing"),
        (["show", "gate", "1"], 1, "there is no model 'gate' of version '1'"),
        (["validate", "gate", "1"], 1, "there is no model 'gate' of version '1'"),
        (["revoke", "Gate", "1", "--yes"], 1, "model 'Gate' is not allowed"),
        (["deprecate", "gate", "../1"], 1, "version '../1' is not allowed"),
        (["alias", "set", "gate", "champion", "1"], 1, "there is no model 'gate'"),
        (["alias", "remove", "gate", "champion"], 1, "there is no alias 'champion'"),
        (["engine", "add", "gate", "1", "x", "--gpu", "Orin", "--tensorrt", "10.3"], 1,
         "gpu 'Orin' is not like SM87"),
        (["list", "--state", "asleep"], 2, "asleep"),
    ],
)  # fmt: skip
def test_mistakes_are_told(config: Path, arguments: list[str], code: int, says: str) -> None:
    result = run(config, *arguments)
    assert result.exit_code == code
    assert says in result.stderr
    assert "Traceback" not in result.stderr


def test_who_saw_something_older_is_told(config: Path, folder: Path) -> None:
    run(config, "add", folder)
    refused = run(config, "revoke", "gate", "1", "--yes", "--seen", "2")
    assert (refused.exit_code, "changed meanwhile" in refused.stderr) == (1, True)
    assert run(config, "revoke", "gate", "1", "--yes", "--seen", "1").exit_code == 0
