"""The command line: what is refused, and in which words."""

import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from cloud.cli import app


def run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


@pytest.fixture
def config(tmp_path: Path) -> Path:
    return tmp_path / "cloud.yaml"


def test_help_tells_what_each_command_does() -> None:
    result = run("--help")
    assert result.exit_code == 0
    for command in ("up", "serve", "bridge", "pubsub", "broker", "validate"):
        assert command in result.output


def test_help_loads_none_of_the_large_libraries() -> None:
    program = (
        "import sys\nfrom cloud.cli import app\n"
        "try:\n    app(['deadletter', '--help'])\nexcept SystemExit:\n    pass\n"
        "print({'google.cloud', 'grpc', 'sqlalchemy', 'duckdb', 'fastapi'} & set(sys.modules))"
    )

    shown = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )

    assert "replay" in shown.stdout
    assert shown.stdout.splitlines()[-1] == "set()"


def test_valid_file_is_called_valid(config: Path) -> None:
    config.write_text("api: {port: 9000}\n")
    result = run("validate", "-c", config)
    assert (result.exit_code, result.output) == (0, f"{config}: valid\n")
    assert run("validate").output == "the defaults: valid\n"


@pytest.mark.parametrize(
    "command", ["validate", "up", "serve", "bridge", "pubsub run", "broker run"]
)
def test_every_mistake_of_a_file_is_told_with_its_line(config: Path, command: str) -> None:
    config.write_text("data_dir: 7\nbroker:\n  prot: 1\napi:\n  port: 0\n")
    result = run(*command.split(), "-c", config)
    assert result.exit_code == 2
    for where in (f"{config}:1: data_dir", f"{config}:3: broker.prot", f"{config}:5: api.port"):
        assert where in result.stderr
    assert "Traceback" not in result.stderr


def test_file_that_is_not_there_is_named(config: Path) -> None:
    result = run("up", "-c", config)
    assert result.exit_code == 2
    assert f"{config}: cannot be read: No such file or directory" in result.stderr


@pytest.mark.parametrize("name", ["pubsub", "broker"])
def test_server_that_is_switched_off_is_not_run(config: Path, name: str) -> None:
    config.write_text(f"{name}: null\n")
    result = run(name, "run", "-c", config)
    assert result.exit_code == 1
    assert f"`{name}: null` in the settings" in result.stderr


@pytest.mark.parametrize("command", ["serve", "bridge"])
def test_pubsub_that_is_away_ends_a_command_with_one_line(
    config: Path, tmp_path: Path, command: str
) -> None:
    config.write_text(
        "data_dir: kept\npubsub: null\napi: {port: 1}\n"
        "bus: {endpoint: '127.0.0.1:9', start_timeout_s: 0.1}\n"
    )
    result = run(command, "-c", config)
    assert result.exit_code == 1
    last = result.stderr.splitlines()[-1]
    assert "Pub/Sub at 127.0.0.1:9 did not answer within 0.1 s" in last
