"""wayside-cloud simulate: a fleet of devices that are not there."""

import json
import random
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cloud.commands.configured import ConfigFile, configured
from cloud.simulate.plan import MAX_DEVICES, Plan
from protos.codec import MAX_EVENTS
from protos.errors import InvalidIdError
from wayside.cli import EXIT_FAILED
from wayside.process import stop_on_signals

if TYPE_CHECKING:
    from cloud.simulate.fleet import Progress


def simulate(
    config: ConfigFile = None,
    devices: Annotated[int, typer.Option(min=1, max=MAX_DEVICES, help="how many")] = 10,
    rate: Annotated[float, typer.Option(min=0.01, help="batches/s, all together")] = 1.0,
    events_per_batch: Annotated[int, typer.Option(min=1, max=MAX_EVENTS)] = 10,
    heartbeat: Annotated[float, typer.Option(min=1.0, help="s between a device's")] = 30.0,
    duration: Annotated[float, typer.Option(min=0.1, help="s of making batches")] = 60.0,
    drain: Annotated[float, typer.Option(min=0.0, help="s for the last receipts")] = 60.0,
    receipt_timeout: Annotated[
        float, typer.Option(min=0.1, help="s after PUBACK until a batch goes out again")
    ] = 10.0,
    storm: Annotated[float, typer.Option(min=0.0, help="s between reconnect storms; 0: none")] = 0,
    storm_share: Annotated[float, typer.Option(min=0, max=1, help="of devices in each")] = 1.0,
    duplicates: Annotated[float, typer.Option(min=0, max=1, help="share sent twice")] = 0.0,
    reorder: Annotated[float, typer.Option(min=0, max=1, help="share held back")] = 0.0,
    seed: Annotated[int | None, typer.Option(help="of all choices; default: a new one")] = None,
    prefix: Annotated[str, typer.Option(help="of the device ids")] = "sim",
    report: Annotated[Path | None, typer.Option(help="JSON file to write at the end")] = None,
) -> None:
    """Simulate a fleet: every device a real MQTT client, its events kept until their receipts.

    Ends with exit code 1 when events are left without a receipt. The devices connect to the broker
    of the settings' `mqtt`, and share its credentials.
    """
    from cloud.simulate.fleet import run_fleet

    settings = configured(config)
    try:
        plan = Plan(
            devices=devices, rate=rate, events_per_batch=events_per_batch, heartbeat_s=heartbeat,
            duration_s=duration, drain_s=drain, receipt_timeout_s=receipt_timeout, storm_s=storm,
            storm_share=storm_share, duplicates=duplicates, reorder=reorder,
            seed=random.randrange(10**6) if seed is None else seed, prefix=prefix,
        )  # fmt: skip
    except InvalidIdError as error:
        raise typer.BadParameter(str(error), param_hint="--prefix") from error
    typer.echo(f"seed {plan.seed}")
    with _progress(duration + drain) as on_progress:
        done = run_fleet(plan, settings.mqtt, stop_on_signals(), on_progress)
    for line in done.lines():
        typer.echo(line)
    if report is not None:
        report.write_text(json.dumps(done.document(), indent=1) + "\n")
    if done.rows_left:
        raise typer.Exit(EXIT_FAILED)


@contextmanager
def _progress(total_s: float) -> Iterator["Progress"]:
    """A bar on stderr, where that is a terminal."""
    from rich import progress
    from rich.console import Console

    console = Console(stderr=True)
    columns = (
        progress.BarColumn(),
        progress.TimeElapsedColumn(),
        progress.TextColumn("{task.description}"),
    )
    with progress.Progress(*columns, console=console, disable=not console.is_terminal) as bar:
        task = bar.add_task("", total=total_s)

        def on_progress(seconds: float, rows: int) -> None:
            bar.update(task, completed=seconds, description=f"{rows} events without a receipt")

        yield on_progress
