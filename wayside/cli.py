"""What the command lines share: errors end in plain lines on stderr, never in a traceback."""

from importlib.metadata import version
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from wayside.errors import MqttSettingsError, SettingsError, WaysideError
from wayside.process import EXIT_BAD_SETTINGS

EXIT_FAILED = 1
"""The command was understood and could not be carried out."""


class ReportingGroup(TyperGroup):
    """Commands whose WaysideError becomes lines on stderr and an exit code."""

    def invoke(self, ctx: typer.Context) -> Any:  # type: ignore[override]
        """Run the command; see `exit_code` for how its errors end."""
        try:
            return super().invoke(ctx)
        except WaysideError as error:
            typer.echo(report(str(ctx.info_name), error), err=True)
            raise typer.Exit(exit_code(error)) from error

    def get_params(self, ctx: typer.Context) -> list[Any]:  # type: ignore[override]
        """The program's own options."""
        return _without_flag_types(super().get_params(ctx))

    def get_command(self, ctx: typer.Context, cmd_name: str) -> Any:  # type: ignore[override]
        """A command of the program."""
        command = super().get_command(ctx, cmd_name)
        if command is not None:
            _without_flag_types(command.get_params(ctx))
        return command


def _without_flag_types(options: list[Any]) -> list[Any]:
    """The options; the help says `--help`, not `--help <bool>`, for none takes a value."""
    for option in options:
        if getattr(option, "is_flag", False):
            option.metavar = ""
    return options


def report(program_name: str, error: WaysideError) -> str:
    """What a user is told: one line, or one for each of several problems below a headline."""
    if not isinstance(error, SettingsError) or len(error.problems) == 1:
        return f"{program_name}: {error}"
    headline = f"{program_name}: settings refused, {len(error.problems)} problems:"
    return "\n  ".join([headline, *map(str, error.problems)])


def exit_code(error: WaysideError) -> int:
    """2 where the user must mend a file before another try can work, 1 otherwise."""
    refused = isinstance(error, SettingsError | MqttSettingsError)
    return EXIT_BAD_SETTINGS if refused else EXIT_FAILED


def _show_version(ctx: typer.Context, asked: bool) -> None:
    if asked:
        typer.echo(f"{ctx.info_name} {version('wayside')}")
        raise typer.Exit


def _options(
    version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_show_version, is_eager=True, help="Show the version and exit."
        ),
    ] = False,
) -> None:
    """What every program knows."""


def program(description: str) -> typer.Typer:
    """An empty program to add commands to; what else goes wrong shows a plain traceback."""
    return typer.Typer(
        cls=ReportingGroup,
        help=description,
        callback=_options,
        context_settings={"help_option_names": ["-h", "--help"]},
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
    )


def group(description: str) -> typer.Typer:
    """A group of commands within a program, empty."""
    return typer.Typer(
        help=description,
        context_settings={"help_option_names": ["-h", "--help"]},
        no_args_is_help=True,
    )
