"""wayside-cloud archive: every batch, in Parquet files by day and share of the devices."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Annotated

import typer

from cloud.commands.configured import ConfigFile, configured
from cloud.errors import StoreError
from cloud.settings import CloudSettings
from wayside.cli import group

if TYPE_CHECKING:
    from cloud.archive.archive import Archive
    from cloud.erasure.ranges import ReadErased

app = group("The archive: every batch, in Parquet files by day and share of the devices.")


def _time_ns(text: str) -> int:
    from cloud.store.records import MAX_CAPTURED_NS
    from wayside.times import parse_ns

    try:
        time_ns = parse_ns(f"{text}T00:00:00Z" if len(text) == 10 and "-" in text else text)
    except ValueError:
        time_ns = -1
    if not 0 <= time_ns <= MAX_CAPTURED_NS:
        raise typer.BadParameter(
            "must be like 2026-05-01 (UTC), 2026-05-01T12:00:00Z or Unix nanoseconds, 1970 to 2262"
        )
    return time_ns


def _device(text: str) -> str:
    from protos.errors import InvalidIdError
    from protos.ids import check_id

    try:
        return check_id(text, "device")
    except InvalidIdError as error:
        raise typer.BadParameter(str(error)) from error


From = Annotated[
    int | None,
    typer.Option("--from", parser=_time_ns, metavar="TIME", help="captured at or after"),
]
To = Annotated[
    int | None, typer.Option("--to", parser=_time_ns, metavar="TIME", help="captured before")
]
Device = Annotated[
    str | None, typer.Option(parser=_device, metavar="ID", help="of this device only")
]


@app.command("list")
def list_files(
    config: ConfigFile = None, since: From = None, until: To = None, device: Device = None
) -> None:
    """Show what is archived, by day and share of the devices.

    With --device, files that hold some of its events, and how many; that opens each.
    """
    from cloud.archive.archive import FOREVER_NS
    from cloud.archive.listing import listed

    last_ns = FOREVER_NS if until is None else until
    with _archive(configured(config)) as archive:
        typer.echo(f"{'day':10}  {'devices':32}  {'files':>6}  {'events':>10}  {'bytes':>12}")
        for row in listed(archive, since or 0, last_ns, device or ""):
            typer.echo(
                f"{row.day}  {row.devices:32}  {row.files:6}  {row.events:10}  {row.bytes:12}"
            )


@app.command()
def replay(
    config: ConfigFile = None, since: From = None, until: To = None, device: Device = None
) -> None:
    """Write archived events into the store, which keeps what it has.

    A replay that was broken off is begun again. A DuckDB file has one holder, so stop `serve`
    and `up` first; InfluxDB takes both.
    """
    from cloud.app.store import open_store
    from cloud.archive.archive import FOREVER_NS
    from cloud.archive.replay import replay

    settings = configured(config)
    with ExitStack() as ends:
        archive = ends.enter_context(_archive(settings))
        store = open_store(settings)
        ends.callback(store.close)
        on_file = ends.enter_context(_bar())
        last_ns = FOREVER_NS if until is None else until
        read_erased = ends.enter_context(_erased(settings))
        done = replay(archive, store, since or 0, last_ns, device or "", on_file, read_erased)
    stored = done.events - done.erased
    typer.echo(f"{stored} events of {done.files} files are in the store")
    if done.erased:
        typer.echo(f"{done.erased} were left out, as `wayside-cloud erase` erased their range")
    if done.refused:
        raise StoreError(f"the store refused {done.refused} of them; the log names them")


@app.command()
def compact(
    config: ConfigFile = None,
    before: Annotated[
        int | None,
        typer.Option(parser=_time_ns, metavar="TIME", help="days before this one; default: today"),
    ] = None,
) -> None:
    """Join the small files of each past day."""
    from cloud.archive import upkeep
    from cloud.archive.keys import day_of, today

    settings = configured(config)
    with _archive(settings) as archive, _erased(settings) as read_erased:
        last = today() if before is None else day_of(before)
        done = upkeep.compact(archive, last, read_erased=read_erased)
    typer.echo(f"{done.removed} files became {done.made}")


@app.command()
def apply_retention(config: ConfigFile = None) -> None:
    """Delete the days that archive.retention_days does not keep."""
    from cloud.archive import upkeep
    from cloud.archive.keys import today

    settings = configured(config)
    keep_days = settings.archive.retention_days
    if keep_days is None:
        typer.echo("archive.retention_days is null: every day is kept")
        return
    with _archive(settings) as archive:
        done = upkeep.apply_retention(archive, keep_days, today())
    typer.echo(f"{done.removed} files older than {keep_days} days are deleted")


@contextmanager
def _archive(settings: CloudSettings) -> "Iterator[Archive]":
    from cloud.archive.archive import Archive
    from cloud.blobs.opened import open_blobs

    archive = Archive(open_blobs(settings.blobs))
    try:
        yield archive
    finally:
        archive.close()


@contextmanager
def _erased(settings: CloudSettings) -> "Iterator[ReadErased]":
    """What must come back neither into the store nor into a new file."""
    from contextlib import closing

    from cloud.fleet.audit import Audit
    from cloud.fleet.database import FleetDatabase
    from cloud.fleet.erasures import Erasures

    with closing(FleetDatabase(settings.fleet.url)) as database:
        yield Erasures(database, Audit(database)).ranges


@contextmanager
def _bar() -> Iterator[Callable[[int, int], None]]:
    """A progress bar on stderr, on a terminal only."""
    from rich import progress
    from rich.console import Console

    console = Console(stderr=True)
    bar = progress.Progress(
        progress.TextColumn("{task.description}"),
        progress.BarColumn(),
        progress.DownloadColumn(),
        progress.TimeRemainingColumn(),
        console=console,
        transient=True,
        disable=not console.is_terminal,
    )
    with bar:
        task = bar.add_task("replay", total=None)

        def update(done: int, total: int) -> None:
            bar.update(task, completed=done, total=total)

        yield update
