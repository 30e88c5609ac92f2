"""wayside-cloud: the cloud's processes."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from cloud.errors import StartError
from wayside import logging
from wayside.cli import program

if sys.hexversion < 0x030B0000:  # not version_info: a type checker for 3.10 would stop reading
    raise SystemExit("wayside-cloud needs Python 3.11 or newer")

from cloud import settings as cloud_settings
from cloud.settings import CloudSettings
from wayside.process import crash_on_thread_errors, stop_on_signals

app = program("Wayside in the cloud, or on one server: broker, Pub/Sub, bridge, store and API.")

ConfigFile = Annotated[
    Path | None, typer.Option("--config", "-c", help="settings file; default: one machine's")
]


def _configured(config: Path | None) -> CloudSettings:
    settings = cloud_settings.load(config)
    logging.configure(settings.log.level, settings.log.style)
    crash_on_thread_errors()
    return settings


@app.command()
def up(config: ConfigFile = None) -> None:
    """Run everything on this machine until Ctrl-C."""
    from cloud.app.up import run_up

    settings = _configured(config)

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

    settings = _configured(config)
    run_bridge(settings, stop_on_signals(), ready_file)


@app.command()
def serve(config: ConfigFile = None) -> None:
    """Run store, ingest and API: the one process that holds the database file."""
    from cloud.app.serve import run_serve

    settings = _configured(config)
    run_serve(settings, stop_on_signals())


@app.command()
def pubsub(config: ConfigFile = None) -> None:
    """Run the embedded Pub/Sub server."""
    from cloud.embedded.pubsub.server import run

    settings = _configured(config)
    if settings.pubsub is None:
        raise StartError("`pubsub: null` in the settings: there is no embedded server to run")
    run(settings.pubsub)


@app.command()
def broker(config: ConfigFile = None) -> None:
    """Run amqtt as the broker, where Mosquitto is not to be had."""
    from cloud.embedded.broker.amqtt import run_amqtt

    settings = _configured(config)
    if settings.broker is None:
        raise StartError("`broker: null` in the settings: there is no broker to run")
    run_amqtt(settings.broker)


@app.command()
def validate(config: ConfigFile = None) -> None:
    """Check a settings file and say what is wrong, line by line."""
    cloud_settings.load(config)
    typer.echo(f"{config or 'the defaults'}: valid")


if __name__ == "__main__":
    app(prog_name="wayside-cloud")
