"""The commands of deploy/README.md, run for real as far as they are wayside-cloud's own."""

import re
import shlex
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner

from cloud.cli import app

FOLDER = Path(__file__).parents[2] / "deploy"
README = (FOLDER / "README.md").read_text()
TOOLS = re.findall(r"^# tools (.*)$", README, re.MULTILINE)
SERVE = re.findall(r"exec serve wayside-cloud ([^`\n]*)", README)


def test_tools_make_every_certificate_that_compose_needs(tmp_path: Path) -> None:
    """From nothing to a broker's configuration, with the settings of compose."""
    settings = tmp_path / "cloud.yaml"
    text = (FOLDER / "config/cloud-compose.yaml").read_text()
    settings.write_text(text.replace("/wayside/", f"{tmp_path}/"))
    for command in TOOLS:
        words = [
            word.replace("/etc/wayside/cloud.yaml", str(settings)).replace(
                "/wayside/", f"{tmp_path}/"
            )
            for word in shlex.split(command)
        ]
        done = CliRunner().invoke(app, words)
        assert done.exit_code == 0, done.output
    compose = yaml.safe_load((FOLDER / "compose.yaml").read_text())
    pem = [one["file"] for one in compose["secrets"].values() if one["file"].endswith(".pem")]
    assert len(pem) > 8
    assert not [name for name in pem if not (tmp_path / name.removeprefix("./secrets/")).is_file()]
    acl = (tmp_path / "broker/acl").read_text()
    assert "user service.bridge-1\n" in acl
    assert "user service.bridge-2\n" in acl
    config = (tmp_path / "broker/mosquitto.conf").read_text()
    assert f"crlfile {tmp_path}/ca/" in config


@pytest.mark.parametrize("command", SERVE)
def test_commands_in_serve_exist(command: str) -> None:
    words = shlex.split(command.split(" -c ")[0])
    group = [word for word in words if not word.startswith("-")][:2]
    shown = CliRunner().invoke(app, [*group, "--help"], env={"COLUMNS": "200"})
    assert shown.exit_code == 0
    assert all(word in shown.output for word in words if word.startswith("--"))


def test_every_secret_is_made_and_given_to_its_user() -> None:
    compose = yaml.safe_load((FOLDER / "compose.yaml").read_text())
    others = {
        one["file"].removeprefix("./secrets/")
        for one in compose["secrets"].values()
        if not one["file"].endswith(".pem")
    }
    assert [name for name in sorted(others) if name not in README] == []
    for name, service in compose["services"].items():
        user = service["user"].split(":")[0]
        if service.get("secrets"):
            assert re.search(rf"(chown (-R )?|-o ){user}\b", README), f"{name} runs as {user}"
