"""wayside-cloud keys: who may ask the API."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import datetime, timezone
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cloud.commands.configured import ConfigFile, configured
from wayside.cli import group

if TYPE_CHECKING:
    from cloud.fleet.audit import Actor
    from cloud.fleet.keys import ApiKey, Keys

app = group("API keys: who may ask the API, and for what.")

_PAGE = 500


class RoleName(str, Enum):
    """The roles by their names, for the help."""

    VIEWER = "viewer"
    OPERATOR = "operator"
    FLEET_MANAGER = "fleet-manager"
    ADMIN = "admin"


@app.command()
def create(
    label: Annotated[str, typer.Argument(help="what people call it, as in `grafana`")],
    role: Annotated[RoleName, typer.Option(help="may all that the roles before it may")],
    days: Annotated[int, typer.Option(help="until it expires, 1 to 3650")] = 90,
    config: ConfigFile = None,
) -> None:
    """Create a key and print it, this once; only its digest is kept."""
    from cloud.fleet.api_key import Role

    with _keys(config) as keys:
        new, key = keys.create(label, Role.from_slug(role.value), _actor(), days)
    typer.echo(new.text)
    typer.echo(
        f"key {key.key_id} ({key.role.slug}, {key.label}) opens the API until "
        f"{_date(key.expires_ns)}; it is not shown again",
        err=True,
    )


@app.command("list")
def list_keys(config: ConfigFile = None) -> None:
    """List all keys, also those that open nothing any more."""
    row = "{:<12}  {:<13}  {:<16}  {:<16}  {:<16}  {:<16}  {}"
    typer.echo(row.format("ID", "ROLE", "CREATED", "EXPIRES", "REVOKED", "LAST USED", "LABEL"))
    with _keys(config) as keys:
        for key in _all(keys):
            typer.echo(
                row.format(
                    key.key_id, key.role.slug, _date(key.created_ns), _date(key.expires_ns),
                    _date(key.revoked_ns), _date(key.last_used_ns), key.label,
                )
            )  # fmt: skip


@app.command()
def revoke(
    key_id: Annotated[str, typer.Argument(help="as `keys list` shows it")],
    config: ConfigFile = None,
) -> None:
    """Revoke a key: it opens nothing from now on."""
    with _keys(config) as keys:
        key = keys.revoke(key_id, _actor())
    typer.echo(f"key {key.key_id} ({key.label}) is revoked since {_date(key.revoked_ns)}")


@contextmanager
def _keys(config: Path | None) -> Iterator["Keys"]:
    from cloud.fleet.audit import Audit
    from cloud.fleet.database import FleetDatabase
    from cloud.fleet.keys import Keys

    with closing(FleetDatabase(configured(config).fleet.url)) as database:
        yield Keys(database, Audit(database))


def _all(keys: "Keys") -> Iterator["ApiKey"]:
    after = ""
    while page := keys.page(after, _PAGE):
        yield from page
        after = page[-1].key_id


def _actor() -> "Actor":
    from cloud.commands.actor import person_here

    return person_here()


def _date(time_ns: int | None) -> str:
    """UTC, to the minute; `-` for what has not happened."""
    if time_ns is None:
        return "-"
    return f"{datetime.fromtimestamp(time_ns // 10**9, timezone.utc):%Y-%m-%dT%H:%MZ}"
