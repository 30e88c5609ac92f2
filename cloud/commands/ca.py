"""wayside-cloud ca: certificates of devices, services and servers."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cloud.commands.configured import ConfigFile, configured
from cloud.errors import IdentityError
from cloud.identity.identities import Role, identify
from wayside.cli import group

if TYPE_CHECKING:
    from cloud.identity.authority import CertificateAuthority

_DEFAULT_PORT = 8883

app = group("Certificates of devices, services and servers, from a CA of our own.")

Name = Annotated[str, typer.Argument(help="id of the device, name of the service or server")]
RoleOption = Annotated[Role, typer.Option("--role", help="what the certificate is for")]
PidFile = Annotated[
    Path | None,
    typer.Option(help="process id of a Mosquitto on this machine, told to read the list again"),
]


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
    config: ConfigFile = None,
) -> None:
    """Write a new key, its certificate and the CA's into a folder."""
    identity = identify(role, name, host or ())
    authority = _authority(config)
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
    broker: Annotated[
        str | None, typer.Option(metavar="HOST[:PORT]", help="cut the live session there")
    ] = None,
    config: ConfigFile = None,
) -> None:
    """Revoke all certificates of somebody; with --broker, cut the live session too."""
    from cloud.identity.eviction import evict, reload_broker

    if role is Role.SERVER:
        raise IdentityError("devices read no revocation list: issue a server's with few --days")
    identity = identify(role, name)
    address = None if broker is None else _address(broker)
    authority = _authority(config)
    revoked = authority.revoke(identity)
    typer.echo(f"revoked {identity.common_name}, {_count(len(revoked))}: {authority.crl_file}")
    if pid_file is not None:
        reload_broker(pid_file)
        typer.echo("the broker was told to read the list again")
    if address is not None:
        evict(authority, identity, *address)
        typer.echo("the broker refuses it, and its live session was cut")
        return
    _say_what_is_left(authority, pid_file is not None)


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
        f"{_count(len(authority.entries()))}; the revocation list counts until "
        f"{authority.crl_end():%Y-%m-%d}, `wayside-cloud ca refresh` renews it"
    )


def _authority(config: Path | None) -> "CertificateAuthority":
    from cloud.identity.authority import CertificateAuthority

    return CertificateAuthority(configured(config).identity)


def _address(text: str) -> tuple[str, int]:
    """Host and port of `HOST`, `HOST:PORT` or `[IPV6]:PORT`."""
    host, colon, port = text.rpartition(":")
    if not colon or text.endswith("]"):
        host, port = text, str(_DEFAULT_PORT)
    if not host or not port.isdecimal() or not 1 <= int(port) <= 65_535:
        raise IdentityError(f"--broker {text!r} is not HOST or HOST:PORT")
    return host.strip("[]"), int(port)


def _count(certificates: int) -> str:
    return f"{certificates} certificate{'' if certificates == 1 else 's'}"


def _say_what_is_left(authority: "CertificateAuthority", reloaded: bool) -> None:
    if not reloaded:
        typer.echo(f"Next: give {authority.crl_file} and SIGHUP to the broker, if it has not both.")
    typer.echo("A live session goes on until you run this again with --broker HOST:PORT.")
