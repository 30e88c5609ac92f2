"""wayside-cloud pubsub: topics and subscriptions, and the server for them."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Annotated

import typer

from cloud.commands.configured import ConfigFile, configured
from cloud.errors import BusError, StartError
from wayside.cli import group
from wayside.process import EXIT_BAD_SETTINGS

if TYPE_CHECKING:
    from rich.console import Console

    from cloud.bus.admin import Admin
    from cloud.bus.plan import Action

app = group("Pub/Sub: its topics, and the embedded server.")

_DIFFERS = 1


@app.command()
def run(config: ConfigFile = None) -> None:
    """Run the embedded Pub/Sub server."""
    from cloud.embedded.pubsub import server

    settings = configured(config)
    if settings.pubsub is None:
        raise StartError("`pubsub: null` in the settings: there is no embedded server to run")
    server.run(settings.pubsub)


@app.command()
def apply(
    config: ConfigFile = None,
    yes: Annotated[bool, typer.Option("--yes", help="change without asking")] = False,
    check: Annotated[
        bool, typer.Option("--check", help="change nothing; exit code 1 when something differs")
    ] = False,
) -> None:
    """Make Pub/Sub's topics, subscriptions and schemas what they should be; say first what differs.

    What Wayside does not know is left alone. Exit code 0: all is as it should be.
    """
    from rich.console import Console

    from cloud.bus.admin import Admin
    from cloud.bus.plan import desired, plan
    from cloud.commands.topology_report import plan_lines, remarks

    if yes and check:
        typer.echo("--yes and --check contradict each other: give one of them", err=True)
        raise typer.Exit(EXIT_BAD_SETTINGS)
    settings = configured(config).bus
    # Soft wrap: a line stays a line, for scripts and for long names.
    console = Console(soft_wrap=True, highlight=False)
    with Admin(settings) as admin:
        takes_schemas = admin.takes_schemas()
        wanted = desired(takes_schemas)
        found = plan(wanted, admin.state())
        console.print(f"Pub/Sub of {settings.endpoint or 'Google'}, project {settings.project}")
        for line in plan_lines(found):
            console.print(line)
        for remark in remarks(settings.endpoint is None, takes_schemas):
            console.print(f"Note: {remark}", style="dim", markup=False)
        if check:
            raise typer.Exit(_DIFFERS if found.differs else 0)
        if found.actions:
            if not yes:
                typer.confirm("Do this?", abort=True)
            _carry_out(admin, found.actions, console)
    if found.stuck:
        raise typer.Exit(_DIFFERS)


def _carry_out(admin: "Admin", actions: "Iterable[Action]", console: "Console") -> None:
    """Do all that can be done, then say what could not.

    Raises:
        BusError: some of it could not be done; each with its reason.
    """
    from rich.progress import track

    steps = track(
        list(actions), "Applying", console=console, transient=True, disable=not console.is_terminal
    )
    outcomes = [_attempt(admin, action) for action in steps]
    failures = [reason for reason in outcomes if reason]
    console.print(f"{len(outcomes) - len(failures)} of {len(outcomes)} done.")
    if failures:
        raise BusError("\n  ".join(["not done:", *failures]))


def _attempt(admin: "Admin", action: "Action") -> str:
    """Why it could not be done; empty where it was."""
    try:
        admin.carry_out(action)
    except BusError as error:
        return str(error)
    return ""
