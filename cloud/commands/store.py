"""wayside-cloud store: the database of events."""

from typing import TYPE_CHECKING, Annotated

import typer

from cloud.commands.configured import ConfigFile, configured
from wayside.cli import group

if TYPE_CHECKING:
    from rich.console import Console

    from cloud.store.retention import Retention, RetentionPlan

app = group("The database of events.")


@app.callback()
def store() -> None:
    """The database of events."""


@app.command()
def apply(
    config: ConfigFile = None,
    yes: Annotated[bool, typer.Option("--yes", help="change without asking")] = False,
) -> None:
    """Have the store keep events as long as `store.retention_days` says; say first what differs.

    An InfluxDB bucket that is missing is made. Events that are too old are deleted for good.
    """
    from rich.console import Console

    from cloud.app.retention import opened_retention

    settings = configured(config).store
    # Soft wrap: a line stays a line, for scripts and for long names.
    console = Console(soft_wrap=True, highlight=False, markup=False)
    with opened_retention(settings) as retention:
        plan = retention.plan()
        console.print(plan.store)
        for change in plan.changes:
            console.print(f"  {change}")
        for note in plan.notes:
            console.print(f"Note: {note}", style="dim")
        if not plan.changes:
            console.print("Nothing to do.")
            return
        if not yes:
            typer.confirm("Do this?", abort=True)
        _carry_out(retention, plan, console)


def _carry_out(retention: "Retention", plan: "RetentionPlan", console: "Console") -> None:
    from rich.progress import Progress

    with Progress(console=console, transient=True) as progress:
        task = progress.add_task("Applying", total=plan.steps)
        for done in retention.carry_out():
            progress.advance(task, done)
    console.print("Done.")
