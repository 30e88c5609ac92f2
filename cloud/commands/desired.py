"""wayside-cloud desired: what a device shall be, and what it says of that."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cloud.commands.configured import ConfigFile, configured
from wayside.cli import group
from wayside.errors import Problem, SettingsError

if TYPE_CHECKING:
    from cloud.desired.orders import Orders
    from cloud.desired.state import Desired
    from cloud.desired.updates import Update, Updates
    from cloud.desired.writer import DesiredStates
    from cloud.fleet.audit import Actor
    from cloud.fleet.devices import Devices

app = group("What a device shall be: rules for its cameras, versions of its models.")

_ROW = "{:<15} {}"

DeviceId = Annotated[str, typer.Argument(metavar="DEVICE", help="its id, as in `cam-box`")]
Model = Annotated[str, typer.Argument(metavar="NAME", help="the model's name, as in `detector`")]


@dataclass(frozen=True, slots=True)
class _Fleet:
    """What is known of devices, what they shall be, and how their updates went."""

    devices: "Devices"
    desired: "DesiredStates"
    orders: "Orders"
    updates: "Updates"


@app.command()
def show(device: DeviceId, config: ConfigFile = None) -> None:
    """Show what a device shall be, and what it says of that."""
    from cloud.desired.standing import standing_of

    with _fleet(config) as fleet:
        heard = fleet.devices.get(device).heard
        desired = fleet.desired.of([device])[device]
        updates = fleet.updates.with_steps(device)
    state = heard.state if heard is not None else None
    reported = state.config_revision if state is not None else 0
    standing = standing_of(desired.revision, state)
    typer.echo(f"{device} shall be revision {desired.revision}, says {reported}: {standing.value}")
    if state is not None and state.refusal:
        # repr: a device's own words may hold anything, also what a terminal obeys
        typer.echo(_ROW.format("refusal", repr(state.refusal)))
    for line in _lines(desired):
        typer.echo(line)
    for update in updates:
        typer.echo(_ROW.format("update", _told(update)))


@app.command()
def rules(
    device: DeviceId,
    file: Annotated[
        Path,
        typer.Argument(
            metavar="FILE.yaml",
            help="cameras by id with their zones, lines, ground, rules and objects; "
            "`cameras: []` gives the rules back to the device's own file",
        ),
    ],
    config: ConfigFile = None,
) -> None:
    """Send rules to a device's cameras, in the place of those that were sent before."""
    from cloud.desired.rules import checked_rules

    content = checked_rules(_content(file), str(file))
    with _fleet(config) as fleet:
        desired = fleet.desired.set_rules(device, content, _actor())
    what = f"{len(content)} bytes of rules" if content else "the rules of its own file"
    _print_sent(desired, what)


@app.command()
def model(
    device: DeviceId,
    name: Model,
    version: Annotated[
        str,
        typer.Argument(
            metavar="VERSION", help="that is released, as in `1.1.0`, or an alias, as in `champion`"
        ),
    ],
    sha256: Annotated[str, typer.Option(help="of the model's record; default: as listed")] = "",
    config: ConfigFile = None,
) -> None:
    """Order a device to run a version of a model that is released.

    It is looked up in the registry, then in the signed repository. An order is no authority: the
    device takes what is signed, or says why it does not.
    """
    with _fleet(config) as fleet:
        ordered = fleet.orders.give(device, name, version, _digest(sha256), _actor())
    [target] = [target for target in ordered.desired.targets if target.family == name]
    alias = f" ({version})" if target.version != version else ""
    _print_sent(ordered.desired, f"{name} {target.version}{alias}, {target.deployment}")
    if not ordered.choice.is_listed:
        typer.echo(
            "it was not looked up: neither the registry nor repository.blobs.url of these settings "
            "lists any model, so the device alone decides",
            err=True,
        )


@app.command()
def withdraw(device: DeviceId, name: Model, config: ConfigFile = None) -> None:
    """Take the order for a model back; what the device runs, it goes on running."""
    with _fleet(config) as fleet:
        desired = fleet.desired.withdraw(device, name, _actor())
    _print_sent(desired, f"no order for {name}")


@contextmanager
def _fleet(config: Path | None) -> Iterator[_Fleet]:
    from cloud.app.listings import listings
    from cloud.desired.orders import Orders
    from cloud.desired.outbox import DownlinkOutbox
    from cloud.desired.updates import Updates
    from cloud.desired.writer import DesiredStates
    from cloud.fleet.audit import Audit
    from cloud.fleet.database import FleetDatabase
    from cloud.fleet.devices import Devices

    settings = configured(config)
    with closing(FleetDatabase(settings.fleet.url)) as database:
        audit = Audit(database)
        desired = DesiredStates(database, audit, DownlinkOutbox(database))
        orders = Orders(desired, listings(settings, database, audit))
        devices = Devices(database, settings=settings.fleet.presence)
        yield _Fleet(devices, desired, orders, Updates(database))


def _actor() -> "Actor":
    from cloud.commands.actor import person_here

    return person_here()


def _content(file: Path) -> bytes:
    """What a file holds, and of one that is too large only that it is.

    Raises:
        SettingsError: it cannot be read.
    """
    from cloud.desired.rules import MAX_RULES_BYTES

    try:
        with file.open("rb") as opened:
            return opened.read(MAX_RULES_BYTES + 1)
    except OSError as error:
        told = f"cannot be read: {error.strerror}; check the path and who may read it"
        raise SettingsError([Problem(str(file), 0, "", told)]) from error


def _digest(text: str) -> bytes:
    from cloud.errors import DeviceError

    try:
        return bytes.fromhex(text)
    except ValueError as error:
        raise DeviceError(f"--sha256 {text!r} is none: 64 hexadecimal digits") from error


def _print_sent(desired: "Desired", what: str) -> None:
    typer.echo(f"{desired.device} shall be revision {desired.revision}: {what}")
    typer.echo(
        f"`serve` sends it; `desired show {desired.device}` tells what becomes of it", err=True
    )


def _lines(desired: "Desired") -> Iterator[str]:
    if desired.revision:
        changed = f"{_date(desired.changed_ns)} by {desired.changed_by}"
        yield _ROW.format("changed", changed)
        rules = f"{len(desired.rules)} bytes" if desired.rules else "of its own file"
        since = f", of revision {desired.rules_revision}" if desired.rules_revision else ""
        yield _ROW.format("rules", rules + since)
    for target in desired.targets:
        told = (
            f"{target.family} {target.version}, {target.deployment} of revision "
            f"{target.revision} by {target.ordered_by}"
        )
        yield _ROW.format("model", told)


def _told(update: "Update") -> str:
    """An update in a line; a device's own words are shown, not obeyed."""
    from cloud.desired.report import state_slug

    last = update.last
    versions = f"{update.from_version or 'none'} -> {update.to_version or 'none'}"
    why = f" ({last.code})" if last.code else ""
    detail = f" {last.detail!r}" if last.detail else ""
    steps = ", ".join(state_slug(step.state) for step in update.steps)
    return (
        f"{update.family} {versions}, {update.deployment}: {state_slug(last.state)}{why}{detail} "
        f"at {_date(last.arrived_ns)}, after {steps}"
    )


def _date(time_ns: int) -> str:
    """UTC, to the minute."""
    return f"{datetime.fromtimestamp(time_ns // 10**9, timezone.utc):%Y-%m-%dT%H:%MZ}"
