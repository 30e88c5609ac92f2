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
    from cloud.settings import CloudSettings

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
    and then both times must be named. Broken off, the same command is simply run again. Where a
    running `serve` holds the DuckDB file, it carries this out, and this waits for it.
    """
    from cloud.app.erase import run_erase, serve_answers
    from cloud.commands.actor import person_here
    from cloud.erasure.ranges import ErasedRange
    from cloud.errors import StoreHeldError

    if device is None and (since is None or until is None):
        raise typer.BadParameter("name --device, or both --from and --to for all devices")
    asked_ns = time.time_ns()
    end_ns = until if until is not None else asked_ns
    try:
        erased = ErasedRange.around(device or "", since or 0, end_ns)
    except ValueError as error:
        raise typer.BadParameter(f"--from, --to: {error}") from error

    def confirm(found: "Found", broken_off: "Sequence[ErasedRange]") -> bool:
        _show(erased, found, broken_off)
        if not yes:
            typer.confirm("Delete this for good?", abort=True)
        return True

    settings = configured(config)
    try:
        run_erase(settings, erased, person_here(), asked_ns, confirm)
    except StoreHeldError:
        if not serve_answers(settings):
            raise
        _let_serve_erase(settings, erased, asked_ns, yes)
    typer.echo("Erased.")
    typer.echo(_LATE)


def _let_serve_erase(
    settings: "CloudSettings", erased: "ErasedRange", asked_ns: int, yes: bool
) -> None:
    """Have it done by the `serve` that holds the store; ends with 1 where its try failed."""
    from cloud.app.erase import ask_serve
    from cloud.commands.actor import person_here
    from cloud.fleet.erasures import Erasure, ErasureState

    typer.echo(
        f"`serve` runs and holds the store, so it deletes {_named(erased)}; what that is cannot "
        "be counted before."
    )
    if not yes:
        typer.confirm("Delete this for good?", abort=True)

    def tell(erasure: Erasure) -> None:
        if erasure.state is ErasureState.ACCEPTED:
            typer.echo(f"Erasure {erasure.number} is on record; it goes on without this command.")
        elif erasure.state is ErasureState.RUNNING:
            typer.echo(f"Erasure {erasure.number} has begun.")
        else:
            typer.echo(f"Erasure {erasure.number}: {erasure.outcome}")

    if ask_serve(settings, erased, person_here(), asked_ns, tell).state is ErasureState.FAILED:
        typer.echo("`serve` tries again by itself; `GET /v1/erasures` tells.", err=True)
        raise typer.Exit(1)


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
    from wayside.times import format_ns

    whose = f"device {erased.device}" if erased.device else "all devices"
    return f"{whose}, {format_ns(erased.since_ns)} to {format_ns(erased.until_ns)}"
