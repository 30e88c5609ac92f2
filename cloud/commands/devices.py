"""wayside-cloud devices: which there are, whether they are there, and what people do to them."""

from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import datetime, timezone
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cloud.commands import claim
from cloud.commands.configured import ConfigFile, configured
from cloud.commands.revocation import Broker, Certificates, PidFile
from protos.ids import boot_text
from wayside.cli import group

if TYPE_CHECKING:
    from cloud.desired.writer import DesiredStates
    from cloud.fleet.audit import Actor, Audit
    from cloud.fleet.device import Device
    from cloud.fleet.devices import Devices
    from cloud.fleet.lifecycle import Lifecycle

app = group("Devices: which there are, and whether they are there.")
app.add_typer(claim.app, name="claim")

_PAGE = 500
_ROW = "{:<24}  {:<10}  {:<17}  {:<17}  {:<10}  {:<20}  {}"

DeviceId = Annotated[str, typer.Argument(metavar="DEVICE", help="its id, as in `cam-box`")]

Revoke = Annotated[bool, typer.Option("--revoke", help="revoke all its certificates as well")]


class PresenceName(str, Enum):
    """The presences by their names, for the help."""

    ONLINE = "online"
    LATE = "late"
    OFFLINE = "offline"
    NEVER_SEEN = "never-seen"


@dataclass(frozen=True, slots=True)
class _Fleet:
    """The table of devices, what they shall be, how they are changed, and who hears of it."""

    devices: "Devices"
    desired: "DesiredStates"
    lifecycle: "Lifecycle"
    audit: "Audit"


@app.command()
def register(device: DeviceId, config: ConfigFile = None) -> None:
    """Expect a device: it is never-seen until it reports."""
    with _fleet(config) as fleet:
        fleet.lifecycle.register(device, _actor())
        _print_standing(fleet.devices.get(device))


@app.command("list")
def list_devices(
    presence: Annotated[PresenceName | None, typer.Option(help="only those")] = None,
    everything: Annotated[
        bool, typer.Option("--all", help="also those that are decommissioned")
    ] = False,
    config: ConfigFile = None,
) -> None:
    """List devices with their presence, and count them."""
    from cloud.fleet.presence import Presence

    wanted = Presence(presence.value) if presence is not None else None
    with _fleet(config) as fleet:
        typer.echo(
            _ROW.format("DEVICE", "PRESENCE", "SINCE", "LAST SEEN", "AGENT", "DESIRED", "NOTE")
        )

        def page(after: str) -> "list[Device]":
            return list(fleet.devices.page(after, _PAGE, wanted, decommissioned=everything))

        for devices in _pages(page):
            desired = fleet.desired.of([device.device_id for device in devices])
            for device in devices:
                typer.echo(_line(device, desired[device.device_id].revision))
        tally = fleet.devices.tally()
    counts = ", ".join(f"{count} {one.value}" for one, count in tally.by_presence.items())
    typer.echo(f"in service: {counts}; decommissioned: {tally.decommissioned}")


@app.command()
def show(device: DeviceId, config: ConfigFile = None) -> None:
    """Show all that is known of a device."""
    with _fleet(config) as fleet:
        found = fleet.devices.get(device)
        revision = fleet.desired.of([device])[device].revision
    _print_standing(found)
    typer.echo(f"{'desired':<15} {_desired(found, revision)}")
    for what, time_ns in (
        ("registered", found.registered_ns), ("first seen", found.first_seen_ns),
        ("last seen", found.last_seen_ns), ("replaced", found.replaced_ns),
        ("decommissioned", found.decommissioned_ns),
    ):  # fmt: skip
        typer.echo(f"{what:<15} {_date(time_ns)}")
    if found.heard is not None:
        typer.echo(f"{'status':<15} {found.heard.status}")
        typer.echo(f"{'boot':<15} {boot_text(found.heard.boot)}")
        # repr: a device's own words may hold anything, also what a terminal obeys
        typer.echo(f"{'agent':<15} {found.heard.state.agent_version!r}")
        for camera in found.heard.state.cameras:
            typer.echo(f"{'camera':<15} {camera.camera!r} {camera.state!r} {camera.fps:.1f} fps")
        for error in found.heard.state.last_errors:
            typer.echo(f"{'error':<15} {error!r}")


@app.command()
def replace(
    device: DeviceId,
    revoke: Annotated[
        bool | None,
        typer.Option(
            "--revoke/--keep-certificates",
            help="revoke the old hardware's certificates; default: where the CA is here",
        ),
    ] = None,
    pid_file: PidFile = None,
    broker: Broker = None,
    config: ConfigFile = None,
) -> None:
    """Expect new hardware under an id; what the old one still reports of itself is ignored.

    Events of both are kept. All certificates and claim tokens of the id count no more, so give
    the new hardware its own afterwards.
    """
    settings = configured(config).identity
    revokes = settings.folder.exists() if revoke is None else revoke
    certificates = Certificates.of(settings, device, revokes, pid_file, broker)
    with _fleet(config) as fleet:
        fleet.lifecycle.replace(device, _actor())
        _print_standing(fleet.devices.get(device))
        certificates.settle(fleet.audit, _actor())
    typer.echo(f"The new hardware enrols by `wayside-cloud devices claim create {device}`.")


@app.command()
def decommission(
    device: DeviceId, revoke: Revoke = False, pid_file: PidFile = None, broker: Broker = None,
    config: ConfigFile = None,
) -> None:  # fmt: skip
    """Take a device out of service: hidden, its states ignored, its events still stored.

    With --revoke the broker takes it no more: what it has not delivered by then stays on it.
    """
    certificates = Certificates.of(configured(config).identity, device, revoke, pid_file, broker)
    with _fleet(config) as fleet:
        fleet.lifecycle.decommission(device, _actor())
        typer.echo(f"{device} is decommissioned; `devices recommission {device}` takes it back")
        certificates.settle(fleet.audit, _actor())


@app.command()
def recommission(device: DeviceId, config: ConfigFile = None) -> None:
    """Take a device back into service: its next state counts again."""
    with _fleet(config) as fleet:
        fleet.lifecycle.recommission(device, _actor())
        _print_standing(fleet.devices.get(device))


@contextmanager
def _fleet(config: Path | None) -> Iterator[_Fleet]:
    from cloud.desired.outbox import DownlinkOutbox
    from cloud.desired.writer import DesiredStates
    from cloud.fleet.audit import Audit
    from cloud.fleet.database import FleetDatabase
    from cloud.fleet.devices import Devices
    from cloud.fleet.lifecycle import Lifecycle

    settings = configured(config).fleet
    with closing(FleetDatabase(settings.url)) as database:
        audit = Audit(database)
        devices = Devices(database, settings=settings.presence)
        desired = DesiredStates(database, audit, DownlinkOutbox(database))
        yield _Fleet(devices, desired, Lifecycle(database, audit), audit)


def _actor() -> "Actor":
    from cloud.commands.actor import person_here

    return person_here()


def _pages(page: "Callable[[str], list[Device]]") -> "Iterator[list[Device]]":
    after = ""
    while found := page(after):
        yield found
        after = found[-1].device_id


def _line(device: "Device", revision: int) -> str:
    agent = device.heard.state.agent_version if device.heard is not None else ""
    note = "decommissioned" if device.decommissioned_ns is not None else ""
    visible = "".join(char for char in agent if char.isprintable())[:10]
    return _ROW.format(
        device.device_id, device.presence.value, _date(device.since_ns),
        _date(device.last_seen_ns), visible or "-", _desired(device, revision), note,
    ).rstrip()  # fmt: skip


def _desired(device: "Device", revision: int) -> str:
    """The revision that a device shall be, and whether it is: `6 waiting`."""
    from cloud.desired.standing import Standing, standing_of

    standing = standing_of(revision, device.heard.state if device.heard is not None else None)
    return "-" if standing is Standing.NOTHING_SAID else f"{revision} {standing.value}"


def _print_standing(device: "Device") -> None:
    typer.echo(f"{device.device_id} is {device.presence.value} since {_date(device.since_ns)}")


def _date(time_ns: int | None) -> str:
    """UTC, to the minute; `-` for what has not happened."""
    if time_ns is None:
        return "-"
    return f"{datetime.fromtimestamp(time_ns // 10**9, timezone.utc):%Y-%m-%dT%H:%MZ}"
