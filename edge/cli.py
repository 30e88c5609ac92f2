"""wayside-edge: the agent on a device."""

import json
from pathlib import Path
from typing import Annotated

import typer

from edge import settings as edge_settings
from wayside import logging
from wayside.cli import program
from wayside.malloc import keep_one_heap
from wayside.process import (
    crash_on_thread_errors,
    exit_on_sigterm,
    on_hangup,
    stop_on_signals,
)

app = program("Wayside on a device: cameras in, events out, nothing lost.")

ConfigFile = Annotated[Path, typer.Option("--config", "-c", help="settings file")]


def _configured(config: Path) -> edge_settings.EdgeSettings:
    return _begun(edge_settings.load(config))


def _begun(settings: edge_settings.EdgeSettings) -> edge_settings.EdgeSettings:
    logging.configure(settings.log.level, settings.log.style)
    crash_on_thread_errors()
    return settings


@app.command()
def run(config: ConfigFile) -> None:
    """Run the agent: every camera, until it is told to stop. SIGHUP: read the file again."""
    keep_one_heap()
    from edge.app import Changeable, run_agent
    from edge.desired import load_with_desired
    from edge.ota.assembly import origin_of

    settings, desired = load_with_desired(config)
    _begun(settings)
    stop = stop_on_signals()
    with origin_of(settings, stop) as origin:
        is_well = run_agent(settings, stop, Changeable(config, desired, on_hangup), origin)
    if not is_well:
        raise typer.Exit(1)


@app.command()
def drain(config: ConfigFile) -> None:
    """Send what waits on disk until the cloud has it all, without reading a camera."""
    from edge.app import run_drain

    settings = _configured(config)
    left = run_drain(settings, stop_on_signals())
    typer.echo(f"{left} events wait on disk" if left else "the cloud has every event")
    if left:
        raise typer.Exit(1)


@app.command()
def validate(config: ConfigFile) -> None:
    """Check a settings file and say what is wrong, line by line."""
    settings = edge_settings.load(config)
    cameras = len(settings.cameras)
    typer.echo(f"{config}: valid, {cameras} camera{'s' if cameras != 1 else ''}")


@app.command()
def enroll(
    url: Annotated[str, typer.Option(help="of the cloud's API: https://cloud.example.org:8443")],
    out: Annotated[Path, typer.Option(help="folder for the credentials; overwrites none")],
    token: Annotated[
        str | None,
        typer.Option(
            envvar="WAYSIDE_CLAIM_TOKEN",
            help="claim token; everybody here can read it in `ps`, unlike the variable's or a file",
        ),
    ] = None,
    token_file: Annotated[
        Path | None, typer.Option(help="file whose first line is the token; -: standard input")
    ] = None,
    device: Annotated[str | None, typer.Option(help="id that it must be for")] = None,
    serial: Annotated[
        str | None, typer.Option(help="serial number of the board; default: its firmware's")
    ] = None,
    ca_file: Annotated[
        Path | None, typer.Option(help="CA of the API's server; default: the system's")
    ] = None,
) -> None:
    """Make this board a device: key made here, certificate by a claim token. Once cut off: again.

    Run it as the user that the agent runs as.
    """
    from edge.identity.assembly import enrolled
    from edge.identity.token import given_token

    logging.configure("warning", "console")
    typer.echo(enrolled(url, given_token(token, token_file), serial, device, out, ca_file))


@app.command()
def doctor(config: ConfigFile) -> None:
    """Look at settings, machine, disk, network, broker and cameras; say how to mend each."""
    from edge.doctor.examine import examine

    logging.configure("critical", "console")  # what is wrong is said once, here
    problems = 0
    for finding in examine(config):
        typer.echo(f"{finding.state:8} {finding.subject}: {finding.seen}")
        if finding.remedy:
            typer.echo(f"{'':8} -> {finding.remedy}")
        problems += finding.state == "wrong"
    if problems:
        raise typer.Exit(1)


@app.command()
def replay(
    recording: Annotated[
        Path, typer.Argument(metavar="FILE", help="a video, or a folder of pictures")
    ],
    epoch: Annotated[
        str,
        typer.Option(metavar="T", help="time of its first moment, such as 2026-05-01T12:00:00Z"),
    ],
    config: Annotated[
        Path | None,
        typer.Option("--config", "-c", help="settings file; without: objects only, by yolox-nano"),
    ] = None,
    camera: Annotated[
        str | None, typer.Option(metavar="ID", help="whose rules; needed where there are several")
    ] = None,
    out: Annotated[
        Path | None, typer.Option(metavar="FILE", help="written whole; without: standard output")
    ] = None,
) -> None:
    """Tell the events of a recording as JSON Lines: every frame, the same bytes each time."""
    from edge.replay.output import progress_bar, written
    from edge.replay.run import parse_epoch, plain_settings, replay

    settings = edge_settings.load(config) if config else plain_settings(recording)
    logging.configure("warning", "console")
    exit_on_sigterm()
    with written(out, [recording, config]) as write, progress_bar(out) as progress:
        for line in replay(settings, recording, parse_epoch(epoch), camera, progress):
            write(line)


@app.command()
def bench(
    config: ConfigFile,
    as_json: Annotated[bool, typer.Option("--json", help="for programs")] = False,
) -> None:
    """Measure each stage on this board with this configuration: do its cameras fit?"""
    from edge.bench.run import bench as measure
    from edge.bench.table import table

    settings = edge_settings.load(config)
    logging.configure("critical", "console")  # what is wrong stands in the report
    exit_on_sigterm()
    report = measure(settings, lambda doing: typer.echo(f"... {doing}", err=True))
    if as_json:
        typer.echo(json.dumps(report.as_json(), indent=2))
    else:
        typer.echo("\n".join(table(report)))
    if not report.is_whole:
        raise typer.Exit(1)


@app.command(name="config")
def show_config(
    config: ConfigFile,
    all_values: Annotated[
        bool, typer.Option("--effective", help="those too that nobody has set, with their defaults")
    ] = False,
) -> None:
    """Show what the agent would run with, and where each value comes from."""
    from edge.effective import DEFAULT, effective

    for value in effective(config):
        if all_values or value.origin != DEFAULT:
            typer.echo(f"{value.key}: {value.text}  # {value.origin}")


@app.command()
def clips(
    config: ConfigFile,
    camera: Annotated[str, typer.Option(help="id of one camera; without: all")] = "",
) -> None:
    """List the clips on this device: camera, begin, length, size, why, file."""
    from edge.evidence.assembly import clips_folder
    from edge.evidence.listing import listed

    settings = edge_settings.load(config)
    folder = clips_folder(settings)
    known = [one.id for one in settings.cameras]
    if camera and camera not in known:
        raise typer.BadParameter(f"no camera {camera!r}; known: {', '.join(known)}")
    there = list(listed(folder, camera))
    for clip in there:
        typer.echo(str(clip))
    if not there:
        typer.echo(f"no clips in {folder}")


@app.command()
def schema() -> None:
    """Print the JSON Schema of a settings file, for editors that check while one types."""
    typer.echo(json.dumps(edge_settings.EdgeSettings.model_json_schema(), indent=2))


if __name__ == "__main__":
    app(prog_name="wayside-edge")
