"""wayside-cloud erase: a device's or a time's personal data, everywhere."""

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from cloud.commands.archive import Device, From, To
from cloud.commands.configured import ConfigFile, configured

if TYPE_CHECKING:
    from cloud.erasure.erasing import Found
    from cloud.erasure.ranges import ErasedRange

_LATE = """\
Not here yet, and let go of when it comes, as long as `serve` uses this fleet database:
  events and pictures in the devices' own memory, and in Pub/Sub (7 days at most)
Not reached by this command:
  dead letters that somebody reads, until Pub/Sub drops them after 7 days (a replay is let go of)
  backups, and exports made by others
  InfluxDB's files, until the server has compacted them"""


def erase(
    config: ConfigFile = None, device: Device = None, since: From = None, until: To = None,
    yes: Annotated[bool, typer.Option("--yes", help="delete without asking")] = False,
) -> None:  # fmt: skip
    """Delete a device's events and their pictures for good, from store, archive and blobs.

    Without --from from the beginning, without --to until now. Without --device of all devices,
    and then both times must be named. Broken off, the same command is simply run again. A DuckDB
    file has one holder, so stop `serve` and `up` first; nothing is lost meanwhile.
    """
    from cloud.app.erase import run_erase
    from cloud.commands.actor import person_here
    from cloud.erasure.ranges import ErasedRange

    if device is None and (since is None or until is None):
        raise typer.BadParameter("name --device, or both --from and --to for all devices")
    end_ns = until if until is not None else time.time_ns()
    try:
        erased = ErasedRange.around(device or "", since or 0, end_ns)
    except ValueError as error:
        raise typer.BadParameter(f"--from, --to: {error}") from error

    def confirm(found: "Found", broken_off: "Sequence[ErasedRange]") -> bool:
        _show(erased, found, broken_off)
        if not yes:
            typer.confirm("Delete this for good?", abort=True)
        return True

    run_erase(configured(config), erased, person_here(), confirm)
    typer.echo("Erased.")
    typer.echo(_LATE)


def _show(erased: "ErasedRange", found: "Found", broken_off: "Sequence[ErasedRange]") -> None:
    typer.echo(f"Would delete of {_named(erased)}:")
    typer.echo(f"  store    {found.events} events")
    typer.echo(
        f"  archive  {found.files} files with some of them, {found.file_bytes} bytes; "
        "others' rows stay"
    )
    typer.echo(f"  blobs    {found.pictures} pictures, {found.picture_bytes} bytes")
    if found.pictures_of_unknown_time:
        typer.echo(
            f"Kept: {found.pictures_of_unknown_time} pictures whose events are neither in the "
            "store nor in the archive, so nobody knows their time; `erase --device` until now "
            "takes a device's"
        )
    if found.events_after:
        typer.echo(
            f"Kept: {found.events_after} events captured at the end of this range or later; a "
            "device whose clock is ahead has such: name a later --to, and what it sends with "
            "such times is refused from then on"
        )
    for one in broken_off:
        done = "is finished by this" if erased.holds(one) else "stays so: run it again as well"
        typer.echo(f"Broken off before: {_named(one)}; {done}")


def _named(erased: "ErasedRange") -> str:
    from cloud.api.times import format_ns

    whose = f"device {erased.device}" if erased.device else "all devices"
    return f"{whose}, {format_ns(erased.since_ns)} to {format_ns(erased.until_ns)}"
