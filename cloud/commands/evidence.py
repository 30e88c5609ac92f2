"""wayside-cloud evidence: pictures of events."""

import time

import typer

from cloud.commands.configured import ConfigFile, configured
from wayside.cli import group

app = group("Pictures of events.")


@app.command()
def apply_retention(config: ConfigFile = None) -> None:
    """Delete the pictures that evidence.retention_days does not keep, by when they came."""
    from cloud.blobs.opened import open_blobs
    from cloud.evidence.retention import apply_retention as apply
    from cloud.evidence.snapshots import Snapshots

    settings = configured(config)
    keep_days = settings.evidence.retention_days
    if keep_days is None:
        typer.echo("evidence.retention_days is null: every picture is kept")
        return
    removed = apply(Snapshots(open_blobs(settings.blobs)), keep_days, time.time_ns())
    typer.echo(f"{removed} pictures older than {keep_days} days are deleted")
