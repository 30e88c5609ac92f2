"""wayside-cloud fleet: the database of devices and keys."""

import typer

from cloud.commands.configured import ConfigFile, configured
from wayside.cli import group

app = group("The fleet's database: devices, API keys, audit.")


@app.callback()
def _more_than_one() -> None:
    """Keep `migrate` a command of its own: typer would make a lone one the group itself."""


@app.command()
def migrate(config: ConfigFile = None) -> None:
    """Bring the database to the schema that this version needs."""
    from cloud.fleet.database import upgrade

    done = upgrade(configured(config).fleet.url)
    if done.before == done.after:
        typer.echo(f"{done.where}: has schema {done.after} already")
    else:
        typer.echo(f"{done.where}: schema {done.before or 'none'} -> {done.after}")
