"""wayside-cloud devices claim: tokens with which boards become devices."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Annotated

import typer

from cloud.commands.configured import ConfigFile, configured
from cloud.settings import CloudSettings
from wayside.cli import group
from wayside.net import host_port

if TYPE_CHECKING:
    from cloud.fleet.audit import Actor
    from cloud.fleet.claims import Claim, Claims

app = group("Claim tokens: each makes one board into one device, once.")

_PAGE = 500


@app.command()
def create(
    device: Annotated[str, typer.Argument(metavar="DEVICE", help="id that the board gets")],
    serial: Annotated[
        list[str] | None,
        typer.Option(help="serial number of a board that may use it; may be repeated"),
    ] = None,
    hours: Annotated[int, typer.Option(help="until it expires, 1 to 2160")] = 24,
    config: ConfigFile = None,
) -> None:
    """Create a token and print it, this once; only its digest is kept."""
    settings = configured(config)
    with _claims(settings) as claims:
        new, claim = claims.create(device, _actor(), hours, serial or ())
    typer.echo(new.text)
    boards = f" for serial number {' or '.join(claim.serials)}" if claim.serials else ""
    typer.echo(
        f"token {claim.token_id} enrols {claim.device_id} once{boards}, until "
        f"{_date(claim.expires_ns)}; it is not shown again. In a file on the device:\n"
        f"  wayside-edge enroll --url {_url(settings)} --token-file FILE --out FOLDER",
        err=True,
    )
    if not settings.enrolment.enabled:
        typer.echo("The API enrols nobody with these settings: set enrolment.enabled", err=True)


@app.command("list")
def list_claims(config: ConfigFile = None) -> None:
    """List all tokens, also those that enrol nobody any more."""
    row = "{:<12}  {:<24}  {:<8}  {:<17}  {:<17}  {:<17}  {}"
    typer.echo(row.format("ID", "DEVICE", "STATE", "CREATED", "EXPIRES", "USED", "SERIALS"))
    now_ns = int(datetime.now(timezone.utc).timestamp() * 10**9)
    with _claims(configured(config)) as claims:
        for claim in _all(claims):
            typer.echo(
                row.format(
                    claim.token_id, claim.device_id, _state(claim, now_ns),
                    _date(claim.created_ns), _date(claim.expires_ns), _date(claim.used_ns),
                    " ".join(claim.serials) or "-",
                )
            )  # fmt: skip


@app.command()
def revoke(
    token: Annotated[str, typer.Argument(metavar="ID", help="as `devices claim list` shows it")],
    config: ConfigFile = None,
) -> None:
    """Revoke a token: it enrols nobody from now on. Who was enrolled stays so."""
    with _claims(configured(config)) as claims:
        claim = claims.revoke(token, _actor())
    typer.echo(f"token {claim.token_id} of {claim.device_id} is revoked")


@contextmanager
def _claims(settings: CloudSettings) -> Iterator["Claims"]:
    from cloud.fleet.audit import Audit
    from cloud.fleet.claims import Claims
    from cloud.fleet.database import FleetDatabase

    with closing(FleetDatabase(settings.fleet.url)) as database:
        yield Claims(database, Audit(database))


def _all(claims: "Claims") -> Iterator["Claim"]:
    after = ""
    while page := claims.page(after, _PAGE):
        yield from page
        after = page[-1].token_id


def _state(claim: "Claim", now_ns: int) -> str:
    if claim.used_ns is not None:
        return "used"
    if claim.revoked_ns is not None:
        return "revoked"
    return "expired" if now_ns >= claim.expires_ns else "open"


def _url(settings: CloudSettings) -> str:
    """Where the API listens, which may not be how a device reaches it."""
    return f"{settings.api.scheme}://{host_port(settings.api.host, settings.api.port)}"


def _actor() -> "Actor":
    from cloud.commands.actor import person_here

    return person_here()


def _date(time_ns: int | None) -> str:
    """UTC, to the minute; `-` for what has not happened."""
    if time_ns is None:
        return "-"
    return f"{datetime.fromtimestamp(time_ns // 10**9, timezone.utc):%Y-%m-%dT%H:%MZ}"
