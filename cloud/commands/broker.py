"""wayside-cloud broker: the MQTT broker."""

from pathlib import Path
from typing import Annotated

import typer

from cloud.commands.configured import ConfigFile, configured
from cloud.errors import StartError
from wayside.cli import group

app = group("The MQTT broker.")


@app.command()
def run(config: ConfigFile = None) -> None:
    """Run amqtt as the broker, where Mosquitto is not to be had."""
    from cloud.embedded.broker.amqtt import run_amqtt

    settings = configured(config)
    if settings.broker is None:
        raise StartError("`broker: null` in the settings: there is no broker to run")
    run_amqtt(settings.broker)


@app.command(name="config")
def write_config(
    out: Annotated[Path, typer.Option(help="folder of the broker's certificate")],
    config: ConfigFile = None,
) -> None:
    """Write a Mosquitto's configuration and access list, for devices anywhere."""
    from cloud.identity.authority import CertificateAuthority
    from cloud.identity.mosquitto import write_broker_config

    settings = configured(config).identity
    authority = CertificateAuthority(settings)
    written = write_broker_config(settings.listener, authority, out)
    services = ", ".join(written.services) or "none"
    typer.echo(f"wrote {written.config}")
    typer.echo(f"wrote {written.acl}, services: {services}")
    if not written.services:
        typer.echo(
            "No bridge can connect yet: `wayside-cloud ca issue bridge-1 --role service --out "
            "FOLDER`, then this again."
        )
    user = settings.listener.user
    typer.echo(
        f"Next: let {user} read {out} and {authority.crl_file}, then `mosquitto -c "
        f"{written.config}`; SIGHUP where it runs already.\n"
        "Each device: `wayside-cloud devices claim create DEVICE`, or `ca issue DEVICE`.\n"
        f"The revocation list counts until {authority.crl_end():%Y-%m-%d}: let a timer run "
        "`wayside-cloud ca refresh --pid-file FILE` each week."
    )
