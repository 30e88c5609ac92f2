"""wayside-cloud ca: certificates of devices, services and servers."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cloud.commands.configured import ConfigFile, configured
from cloud.commands.revocation import Broker, PidFile, Reach, count
from cloud.errors import IdentityError
from cloud.identity.identities import Identity, Role, identify
from cloud.settings import CloudSettings
from wayside.cli import group

if TYPE_CHECKING:
    from cloud.identity.authority import CertificateAuthority
    from cloud.identity.registry import Entry

app = group("Certificates of devices, services and servers, from a CA of our own.")

Name = Annotated[str, typer.Argument(help="id of the device, name of the service or server")]
RoleOption = Annotated[Role, typer.Option("--role", help="what the certificate is for")]


@app.command()
def init(config: ConfigFile = None) -> None:
    """Make the CA, once."""
    from cloud.identity.authority import CertificateAuthority

    settings = configured(config).identity
    authority = CertificateAuthority.create(settings)
    end = authority.certificate.not_valid_after_utc
    typer.echo(f"made the CA in {settings.folder}, valid until {end:%Y-%m-%d}")
    typer.echo(
        "Whoever holds root.key can be any device: back the folder up where nobody else reads it.\n"
        "Next: `wayside-cloud ca issue broker --role server --host HOST --out FOLDER`"
    )


@app.command()
def issue(
    name: Name,
    out: Annotated[Path, typer.Option(help="folder for key.pem, cert.pem and ca.pem")],
    role: RoleOption = Role.DEVICE,
    host: Annotated[
        list[str] | None,
        typer.Option(help="DNS name or address that a server is reached by; may be repeated"),
    ] = None,
    days: Annotated[
        int | None, typer.Option(min=1, max=36_500, help="life of it; default: the settings'")
    ] = None,
    no_register: Annotated[
        bool, typer.Option("--no-register", help="leave the fleet's database alone")
    ] = False,
    config: ConfigFile = None,
) -> None:
    """Write a new key, its certificate and the CA's into a folder; a device is registered too."""
    from cloud.identity.authority import CertificateAuthority

    identity = identify(role, name, host or ())
    settings = configured(config)
    authority = CertificateAuthority(settings.identity)
    if role is Role.DEVICE:
        authority.check_room(identity)
    if role is Role.DEVICE and not no_register:
        entry = _enrolled(settings, authority, identity, out, days)
    else:
        entry = authority.issue(identity, out, days)
    typer.echo(
        f"issued {role.value} {identity.common_name}, valid until {entry.validity.end:%Y-%m-%d}, "
        f"in {out}"
    )
    if role is Role.SERVICE:
        typer.echo(
            "Each running bridge needs one of its own. The broker knows it after `wayside-cloud "
            "broker config --out FOLDER` and a SIGHUP."
        )


@app.command()
def revoke(
    name: Name,
    role: RoleOption = Role.DEVICE,
    pid_file: PidFile = None,
    broker: Broker = None,
    config: ConfigFile = None,
) -> None:
    """Revoke all certificates of somebody; with --broker, cut the live session too."""
    from cloud.commands.revocation import revoke as carry_out

    if role is Role.SERVER:
        raise IdentityError("devices read no revocation list: issue a server's with few --days")
    identity = identify(role, name)
    reach = Reach.of(pid_file, broker)
    carry_out(_authority(config), identity, reach, again="run this again")


@app.command()
def refresh(pid_file: PidFile = None, config: ConfigFile = None) -> None:
    """Renew the revocation list; after its end the broker would take nobody."""
    from cloud.identity.eviction import reload_broker

    authority = _authority(config)
    end = authority.refresh()
    typer.echo(f"{authority.crl_file} counts until {end:%Y-%m-%d}")
    if pid_file is not None:
        reload_broker(pid_file)
        typer.echo("the broker was told to read the list again")


@app.command(name="list")
def list_certificates(config: ConfigFile = None) -> None:
    """Show every certificate: whose, what for, until when, its state."""
    from cloud.identity.authority import utc_now

    authority = _authority(config)
    for entry in authority.entries():
        typer.echo(
            f"{entry.common_name:<64} {entry.role.value:<8} {entry.validity.end:%Y-%m-%d} "
            f"{entry.state(utc_now()):<8} {entry.serial:x}"
        )
    typer.echo(
        f"{count(len(authority.entries()))}; the revocation list counts until "
        f"{authority.crl_end():%Y-%m-%d}, `wayside-cloud ca refresh` renews it"
    )


def _authority(config: Path | None) -> "CertificateAuthority":
    from cloud.identity.authority import CertificateAuthority

    return CertificateAuthority(configured(config).identity)


def _enrolled(
    settings: CloudSettings,
    authority: "CertificateAuthority",
    identity: Identity,
    out: Path,
    days: int | None,
) -> "Entry":
    """The certificate of a device that is registered now; says whether it was before."""
    from cloud.app.enrol import enrol
    from cloud.commands.actor import person_here

    enrolled = enrol(settings, authority, identity, out, days, person_here())
    name = identity.common_name
    how = f"registered {name}" if enrolled.is_new else f"{name} is registered already,"
    typer.echo(f"{how} in {enrolled.where}")
    return enrolled.entry
