"""wayside-cloud: the cloud's processes and tools."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from wayside.cli import program

if sys.hexversion < 0x030B0000:  # not version_info: a type checker for 3.10 would stop reading
    raise SystemExit("wayside-cloud needs Python 3.11 or newer")

from cloud import settings as cloud_settings
from cloud.commands import (
    archive,
    broker,
    ca,
    deadletter,
    devices,
    erase,
    evidence,
    fleet,
    keys,
    pubsub,
    repository,
    simulate,
    store,
)
from cloud.commands.configured import ConfigFile, configured
from wayside.process import stop_on_signals

app = program("Wayside in the cloud, or on one server: broker, Pub/Sub, bridge, store and API.")


@app.command()
def up(config: ConfigFile = None) -> None:
    """Run everything on this machine until Ctrl-C."""
    from cloud.app.up import run_up

    settings = configured(config)

    def on_ready(url: str) -> None:
        typer.echo(f"wayside-cloud is up: {url}/docs, data in {settings.data_dir}")

    run_up(settings, stop_on_signals(), on_ready)


@app.command()
def bridge(
    config: ConfigFile = None,
    ready_file: Annotated[
        Path | None, typer.Option(help="made once the broker and Pub/Sub have answered")
    ] = None,
) -> None:
    """Run a bridge between MQTT and Pub/Sub."""
    from cloud.app.bridge import run_bridge

    settings = configured(config)
    run_bridge(settings, stop_on_signals(), ready_file)


@app.command()
def serve(config: ConfigFile = None) -> None:
    """Run store, ingest and API: the one process that holds the database file."""
    from cloud.app.serve import run_serve

    settings = configured(config)
    run_serve(settings, stop_on_signals())


@app.command("ingest-push")
def ingest_push(config: ConfigFile = None) -> None:
    """Run ingest as an endpoint that Pub/Sub pushes to, for Cloud Run."""
    from cloud.app.push import run_push

    settings = configured(config)
    run_push(settings, stop_on_signals())


@app.command()
def validate(config: ConfigFile = None) -> None:
    """Check a settings file and say what is wrong, line by line."""
    cloud_settings.load(config)
    typer.echo(f"{config or 'the defaults'}: valid")


app.add_typer(pubsub.app, name="pubsub")
app.add_typer(deadletter.app, name="deadletter")
app.add_typer(broker.app, name="broker")
app.add_typer(store.app, name="store")
app.add_typer(ca.app, name="ca")
app.add_typer(fleet.app, name="fleet")
app.add_typer(devices.app, name="devices")
app.add_typer(keys.app, name="keys")
app.add_typer(repository.app, name="repository")
app.add_typer(archive.app, name="archive")
app.add_typer(evidence.app, name="evidence")
app.command()(simulate.simulate)
app.command()(erase.erase)


if __name__ == "__main__":
    app(prog_name="wayside-cloud")
