"""wayside-cloud fleet: the database of devices and keys."""

from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import Annotated

import typer

from cloud.commands.configured import ConfigFile, configured
from wayside.cli import group

app = group("The fleet's database: devices, API keys, models, audit.")


@app.command()
def migrate(config: ConfigFile = None) -> None:
    """Bring the database to the schema that this version needs."""
    from cloud.fleet.database import upgrade

    done = upgrade(configured(config).fleet.url)
    if done.before == done.after:
        typer.echo(f"{done.where}: has schema {done.after} already")
    else:
        typer.echo(f"{done.where}: schema {done.before or 'none'} -> {done.after}")


@app.command()
def backup(
    file: Annotated[Path, typer.Argument(help="written anew, readable by you alone")],
    config: ConfigFile = None,
) -> None:
    """Write the whole database into a file, also while it is in use.

    The file is the same for SQLite and PostgreSQL, so that it also takes one to the other. It
    holds the digests of API keys, no key, and what is known of models, none of their files.
    """
    from cloud.fleet.backup import back_up
    from cloud.fleet.database import FleetDatabase

    with closing(FleetDatabase(configured(config).fleet.url)) as database:
        counts = back_up(database, file)
    typer.echo(f"{file}: {_counted(counts)}")


@app.command()
def restore(
    file: Annotated[Path, typer.Argument(help="written by `fleet backup`")],
    replace: Annotated[
        bool, typer.Option("--replace", help="give up what is in the database now")
    ] = False,
    config: ConfigFile = None,
) -> None:
    """Take a backup back into the database: all of it, or nothing.

    API keys are as they were then: those revoked since open again. What was erased since stays
    erased, models that were revoked stay revoked. Files of models are in the blobs, not in here:
    `models check` tells whether they are all there.
    """
    from cloud.commands.actor import person_here
    from cloud.fleet.backup import restore as restore_database
    from cloud.fleet.database import FleetDatabase

    with closing(FleetDatabase(configured(config).fleet.url)) as database:
        restored = restore_database(database, file, person_here(), replace=replace)
        where = database.where
    typer.echo(f"{where}: as of {restored.made_at}: {_counted(restored.counts)}")
    if restored.counts["api_keys"]:
        typer.echo("keys revoked since then open again: look at `wayside-cloud keys list`")


def _counted(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{count} {table}" for table, count in counts.items())
