"""How a program tells its user what went wrong."""

from importlib.metadata import version

import pytest
import typer
from typer.testing import CliRunner

from wayside.cli import program
from wayside.errors import (
    MqttSettingsError,
    NotConnectedError,
    Problem,
    SettingsError,
    WaysideError,
)


def failing(error: Exception) -> typer.Typer:
    app = program("A program.")

    @app.command()
    def fail() -> None:
        """Fail."""
        raise error

    @app.command()
    def work() -> None:
        """Work."""
        typer.echo("done")

    return app


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (WaysideError("the disk is full"), 1),
        (NotConnectedError("no broker"), 1),
        (SettingsError([Problem("edge.yaml", 3, "mqtt", "is missing")]), 2),
        (MqttSettingsError("another protocol"), 2),
    ],
)
def test_an_error_is_its_message_and_an_exit_code(error: WaysideError, code: int) -> None:
    result = CliRunner().invoke(failing(error), ["fail"])

    assert result.exit_code == code
    assert result.stdout == ""
    assert result.stderr.strip().endswith(str(error))
    assert "Traceback" not in result.stderr


def test_several_problems_stand_below_a_headline() -> None:
    problems = [Problem("edge.yaml", 3, "mqtt", "is missing"), Problem("edge.yaml", 4, "", "odd")]

    result = CliRunner().invoke(failing(SettingsError(problems)), ["fail"], prog_name="wayside-x")

    assert result.exit_code == 2
    assert result.stderr.splitlines() == [
        "wayside-x: settings refused, 2 problems:",
        "  edge.yaml:3: mqtt: is missing",
        "  edge.yaml:4: odd",
    ]


@pytest.mark.parametrize("arguments", [["-h"], ["--help"], ["fail", "-h"], ["fail", "--help"]])
def test_help_can_be_asked_for_and_its_flags_take_no_value(arguments: list[str]) -> None:
    result = CliRunner().invoke(failing(WaysideError("")), arguments)

    assert result.exit_code == 0
    assert "Show this message" in result.stdout
    assert "bool" not in result.stdout


def test_a_program_tells_its_version() -> None:
    result = CliRunner().invoke(failing(WaysideError("")), ["--version"], prog_name="wayside-x")

    assert (result.exit_code, result.stdout) == (0, f"wayside-x {version('wayside')}\n")


def test_an_error_of_the_programs_own_is_not_hidden() -> None:
    result = CliRunner().invoke(failing(ZeroDivisionError("a bug")), ["fail"])

    assert isinstance(result.exception, ZeroDivisionError)


def test_what_works_ends_with_zero() -> None:
    result = CliRunner().invoke(failing(WaysideError("")), ["work"])

    assert (result.exit_code, result.stdout) == (0, "done\n")
