"""What the command lines share: errors end in one line on stderr, never in a traceback."""

from typing import Any

import typer
from typer.core import TyperGroup

from wayside.errors import MqttSettingsError, SettingsError, WaysideError
from wayside.process import EXIT_BAD_SETTINGS

EXIT_FAILED = 1
"""The command was understood and could not be carried out."""


class ReportingGroup(TyperGroup):
    """Commands whose WaysideError becomes a line on stderr and an exit code."""

    def invoke(self, ctx: typer.Context) -> Any:  # type: ignore[override]
        """Run the command; see `exit_code` for how its errors end."""
        try:
            return super().invoke(ctx)
        except WaysideError as error:
            typer.echo(f"{ctx.info_name}: {error}", err=True)
            raise typer.Exit(exit_code(error)) from error


def exit_code(error: WaysideError) -> int:
    """2 where the user must mend a file before another try can work, 1 otherwise."""
    refused = isinstance(error, SettingsError | MqttSettingsError)
    return EXIT_BAD_SETTINGS if refused else EXIT_FAILED


def program(description: str) -> typer.Typer:
    """An empty program to add commands to; what else goes wrong shows a plain traceback."""
    return typer.Typer(
        cls=ReportingGroup,
        help=description,
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
    )
