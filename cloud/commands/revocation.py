"""Certificates revoked by a command, and what its user has left to do."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cloud.errors import IdentityError
from cloud.identity.identities import Identity, Role, identify
from cloud.identity.settings import IdentitySettings

if TYPE_CHECKING:
    from cloud.fleet.audit import Actor, Audit
    from cloud.identity.authority import CertificateAuthority

_DEFAULT_PORT = 8883

PidFile = Annotated[
    Path | None,
    typer.Option(help="process id of a Mosquitto on this machine, told to read the list again"),
]
Broker = Annotated[
    str | None, typer.Option(metavar="HOST[:PORT]", help="cut the live session there")
]


@dataclass(frozen=True, slots=True)
class Reach:
    """The broker that hears of a revocation at once.

    Attributes:
        pid_file: of one on this machine; None: somebody else tells it.
        address: host and TLS port where the live session is cut; None: it goes on.
    """

    pid_file: Path | None
    address: tuple[str, int] | None

    @classmethod
    def of(cls, pid_file: Path | None, broker: str | None) -> "Reach":
        """What the options say.

        Raises:
            IdentityError: the broker is no HOST[:PORT].
        """
        return cls(pid_file, None if broker is None else _address(broker))


@dataclass(frozen=True, slots=True)
class Certificates:
    """What becomes of the certificates of a device that goes.

    Attributes:
        identity: whose they are.
        authority: the CA on this machine; None: there is none.
        reach: told of a revocation; None: nothing is revoked.
    """

    identity: Identity
    authority: "CertificateAuthority | None"
    reach: Reach | None

    @classmethod
    def of(
        cls, settings: IdentitySettings, device: str, is_revoked: bool, pid_file: Path | None,
        broker: str | None,
    ) -> "Certificates":  # fmt: skip
        """What the options say; what cannot be done is found out before anything is changed.

        Raises:
            IdentityError: there is no CA to revoke with, or the broker is no HOST[:PORT].
        """
        from cloud.identity.authority import CertificateAuthority

        if not is_revoked and (pid_file is not None or broker is not None):
            raise typer.BadParameter("--pid-file and --broker go with --revoke")
        is_here = is_revoked or settings.folder.exists()
        return cls(
            identify(Role.DEVICE, device),
            CertificateAuthority(settings) if is_here else None,
            Reach.of(pid_file, broker) if is_revoked else None,
        )

    def settle(self, audit: "Audit", by: "Actor") -> None:
        """Revoke them, or say that they still open the broker and how that ends.

        Raises:
            IdentityError: the revocation list cannot be written, or the broker is not reached;
                what came before it is done, and the command named in what is said does the rest.
        """
        from cloud.identity.authority import utc_now

        name = self.identity.common_name
        again = f"run `wayside-cloud ca revoke {name}`"
        issued = self.authority.entries_of(self.identity) if self.authority is not None else None
        if self.reach is None or self.authority is None:
            if issued is None or any(one.state(utc_now()) == "valid" for one in issued):
                typer.echo(f"Not revoked: the broker takes its certificate still; {again}.")
            return
        if not issued:
            typer.echo(f"{name} has no certificate of this CA: nothing to revoke")
            return
        number = audit.begin(by, "certificate.revoke", name)
        try:
            revoke(self.authority, self.identity, self.reach, again)
        except IdentityError as error:
            audit.close(number, f"failed: {error}")
            raise
        audit.close(number, "done")


def revoke(authority: "CertificateAuthority", identity: Identity, reach: Reach, again: str) -> None:
    """Revoke all certificates of somebody, and say what was done and what is left.

    Args:
        authority: the CA.
        identity: whose certificates.
        reach: the broker, as far as it is told.
        again: how people name the command that cuts the session later: `run this again`.

    Raises:
        IdentityError: it never had one, or the broker is not reached as it should be.
    """
    from cloud.identity.eviction import evict, reload_broker

    revoked = authority.revoke(identity)
    typer.echo(f"revoked {identity.common_name}, {count(len(revoked))}: {authority.crl_file}")
    if reach.pid_file is not None:
        reload_broker(reach.pid_file)
        typer.echo("the broker was told to read the list again")
    if reach.address is not None:
        evict(authority, identity, *reach.address)
        typer.echo("the broker refuses it, and its live session was cut")
        return
    if reach.pid_file is None:
        typer.echo(f"Next: give {authority.crl_file} and SIGHUP to the broker, if it has not both.")
    typer.echo(f"A live session goes on until you {again} with --broker HOST:PORT.")


def count(certificates: int) -> str:
    """`1 certificate`, `2 certificates`."""
    return f"{certificates} certificate{'' if certificates == 1 else 's'}"


def _address(text: str) -> tuple[str, int]:
    """Host and port of `HOST`, `HOST:PORT` or `[IPV6]:PORT`."""
    host, colon, port = text.rpartition(":")
    if not colon or text.endswith("]"):
        host, port = text, str(_DEFAULT_PORT)
    if not host or not port.isdecimal() or not 1 <= int(port) <= 65_535:
        raise IdentityError(f"--broker {text!r} is not HOST or HOST:PORT")
    return host.strip("[]"), int(port)
