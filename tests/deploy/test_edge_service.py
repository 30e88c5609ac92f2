"""The agent's unit file, as systemd reads it."""

import configparser
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from typer.testing import CliRunner

from edge.cli import app
from wayside.process import EXIT_BAD_SETTINGS

FILE = Path(__file__).parents[2] / "deploy/systemd/wayside-edge.service"


@pytest.fixture
def unit() -> configparser.ConfigParser:
    parser = configparser.ConfigParser(interpolation=None, delimiters=("=",), strict=False)
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    parser.read(FILE)
    return parser


def verified(folder: Path, text: str) -> subprocess.CompletedProcess[str]:
    """What systemd says to a unit whose program is there."""
    analyze = shutil.which("systemd-analyze")
    if analyze is None:
        pytest.skip("systemd-analyze is not installed")
    program = shutil.which("true")
    assert program is not None
    unit = folder / FILE.name
    unit.write_text(text.replace("/opt/wayside/bin/wayside-edge", program))
    return subprocess.run([analyze, "verify", str(unit)], capture_output=True, text=True)


def test_systemd_takes_it(tmp_path: Path) -> None:
    done = verified(tmp_path, FILE.read_text())
    assert (done.returncode, done.stderr) == (0, "")


def test_systemd_would_tell_a_mistake(tmp_path: Path) -> None:
    done = verified(tmp_path, FILE.read_text().replace("ProtectHome=yes", "ProtectHose=yes"))
    assert "ProtectHose" in done.stderr


def test_commands_are_those_of_the_agent(unit: configparser.ConfigParser) -> None:
    for key in ("ExecStartPre", "ExecStart"):
        _, command, option, _ = unit["Service"][key].split()
        shown = CliRunner().invoke(app, [command, "--help"], env={"COLUMNS": "200"})
        assert shown.exit_code == 0
        assert re.search(rf"{option}\b", shown.output)


def test_a_reload_is_refused_to_whoever_asks_where_the_settings_are_wrong() -> None:
    """systemd runs these in turn until one fails: who reloads sees what is wrong."""
    lines = FILE.read_text().splitlines()
    start = next(line for line in lines if line.startswith("ExecStartPre="))
    reload = [line for line in lines if line.startswith("ExecReload=")]
    assert [line.partition("=")[2] for line in reload] == [
        start.partition("=")[2], "/bin/kill -HUP $MAINPID",
    ]  # fmt: skip


def test_crash_is_started_again_and_bad_settings_are_not(unit: configparser.ConfigParser) -> None:
    service = unit["Service"]
    assert service["Restart"] == "on-failure"
    assert service["RestartPreventExitStatus"] == str(EXIT_BAD_SETTINGS)
    assert float(service["RestartSec"].removesuffix("s")) < 5
    assert unit["Unit"]["StartLimitIntervalSec"] == "0"
    assert service["Type"] == "notify", "the agent says when it works"
    # It says so twice a second, and the watchdog within it has `infer.stuck_after_s`, 30 s.
    assert float(service["WatchdogSec"].removesuffix("s")) > 30


def test_a_build_without_memory_ends_alone(unit: configparser.ConfigParser) -> None:
    """By default systemd ends every process of a unit when the kernel ended one of them."""
    assert unit["Service"]["OOMPolicy"] == "continue"
