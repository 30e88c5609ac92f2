"""wayside-cloud devices claim: what is typed, and what comes."""

import re
from contextlib import closing
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from cloud.cli import app
from cloud.fleet.audit import Actor, Audit
from cloud.fleet.claims import Board, Claims
from cloud.fleet.database import FleetDatabase

BY = Actor("user:root", "here")


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "cloud.yaml"
    path.write_text("data_dir: kept\nenrolment: {enabled: true}\n")
    return path


def run(config: Path, *arguments: str) -> Result:
    words = ["devices", "claim", *arguments, "-c", str(config)]
    return CliRunner().invoke(app, words, prog_name="wayside-cloud")


def test_a_token_from_its_making_to_its_end(config: Path) -> None:
    made = run(config, "create", "gate-cam-01", "--serial", "SN-1", "--serial", "SN-2")
    assert made.exit_code == 0, made.output
    token = made.stdout.strip()
    assert re.fullmatch(r"claim_[a-z2-7]{12}_[\w-]{43}", token), "alone on standard output"
    assert f"token {token[6:18]} enrols gate-cam-01 once for serial number SN-1 or SN-2" in (
        made.stderr
    )
    assert "wayside-edge enroll --url http://127.0.0.1:8080 --token-file FILE" in made.stderr
    assert "enrols nobody" not in made.stderr

    listed = run(config, "list").stdout.splitlines()
    assert listed[0].split() == ["ID", "DEVICE", "STATE", "CREATED", "EXPIRES", "USED", "SERIALS"]
    assert listed[1].split()[:3] == [token[6:18], "gate-cam-01", "open"]
    assert listed[1].endswith("SN-1 SN-2")
    assert token[19:] not in "".join(listed)

    assert "is revoked" in run(config, "revoke", token[6:18]).stdout
    assert run(config, "list").stdout.splitlines()[1].split()[2] == "revoked"
    with closing(FleetDatabase(f"sqlite:///{config.parent}/kept/fleet.sqlite")) as database:
        told = [(entry.action, entry.target) for entry in Audit(database).page()]
        assert told == [
            ("claim.create", f"{token[6:18]} gate-cam-01"), ("claim.revoke", token[6:18]),
        ]  # fmt: skip
        used = Claims(database, Audit(database)).create("gate-cam-02", BY, 1)[0]
        Claims(database, Audit(database)).redeem(used.text, Board("", bytes(32), "here"))
    states = {line.split()[1]: line.split()[2] for line in run(config, "list").stdout.splitlines()}
    assert states == {"DEVICE": "STATE", "gate-cam-01": "revoked", "gate-cam-02": "used"}


def test_a_server_that_enrols_nobody_is_told(tmp_path: Path) -> None:
    config = tmp_path / "cloud.yaml"
    config.write_text("data_dir: kept\n")
    assert "set enrolment.enabled" in run(config, "create", "gate-cam-01").stderr


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["create", "Gate"], "device 'Gate' is not allowed"),
        (["create", "gate-cam-01", "--hours", "0"], "hours must be 1 to 2160, not 0"),
        (["create", "gate-cam-01", "--serial", "a b"], "serial number 'a b' is not allowed"),
        (["revoke", "nothing"], "there is no claim token with the id 'nothing'"),
    ],
)
def test_mistakes_are_told(config: Path, arguments: list[str], says: str) -> None:
    result = run(config, *arguments)
    assert (result.exit_code, result.stdout) == (1, "")
    assert len(result.stderr.splitlines()) == 1
    assert says in result.stderr
