"""wayside-models: networks and sample videos fetched, and tried on a picture or a video."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from wayside.cli import program

if TYPE_CHECKING:
    from models.predict import Summary

app = program("Models: fetch them, try them.")

_Update = Callable[[int, int | None], None]


@app.command()
def pull(
    names: Annotated[
        list[str] | None, typer.Argument(metavar="NAME", help="networks and videos of the zoo")
    ] = None,
    show: Annotated[bool, typer.Option("--list", help="show what there is, and fetch nothing")] = (
        False
    ),
) -> None:
    """Fetch networks and sample videos; a download that broke off goes on."""
    from models import zoo
    from models.assets import fetch

    if show:
        _list()
        return
    if not names:
        raise typer.BadParameter("name at least one, or ask with --list", param_hint="NAME")
    for asset in [zoo.asset(name) for name in names]:
        with _bar(asset.name, "bytes") as update:
            path = fetch(asset, update)
        typer.echo(f"{asset.name}  {path}")


@app.command()
def predict(
    source: Annotated[Path, typer.Argument(metavar="SOURCE", help="a picture or a video file")],
    model: Annotated[
        str, typer.Option(help="name in the zoo, or path of a manifest with its .onnx beside it")
    ],
    out: Annotated[Path, typer.Option(help="file to write, of the same kind as SOURCE")],
    confidence: Annotated[
        float | None, typer.Option(min=0.0, max=1.0, help="threshold; default: the manifest's")
    ] = None,
) -> None:
    """Draw what a network sees in a picture or a video."""
    # ffmpeg inside of OpenCV prints by itself; what is wrong is said by our own message.
    os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")
    os.environ.setdefault("OPENCV_LOG_LEVEL", "SILENT")
    from models import zoo
    from models.detector import Detector
    from models.media import is_picture
    from models.predict import predict as run
    from models.video_writer import find_h264_encoder

    ffmpeg = None
    if not is_picture(source):
        ffmpeg = find_h264_encoder()
        if ffmpeg is None:
            typer.echo("no ffmpeg with libx264: the video is written as MPEG-4 Part 2", err=True)
    with _bar(model, "bytes") as update:
        manifest, onnx_path = zoo.resolve(model, update)
    if confidence is not None:
        manifest = manifest.with_confidence(confidence)
    detector = Detector.load(manifest, onnx_path, intra_threads=os.cpu_count() or 1)
    try:
        with _bar(source.name, "frames") as update:
            summary = run(detector, source, out, ffmpeg, update)
    finally:
        detector.close()
    _report(summary, out)


def _report(summary: "Summary", out: Path) -> None:
    seen = ", ".join(f"{count} {name}" for name, count in summary.boxes.most_common()) or "nothing"
    frames = "1 frame" if summary.frames == 1 else f"{summary.frames} frames"
    typer.echo(f"{out}: {frames}, boxes: {seen}")


def _list() -> None:
    from rich.console import Console
    from rich.table import Table

    from models import zoo
    from models.assets import Places

    contents, places = zoo.contents(), Places.of_user()
    table = Table("name", "what", "licence", "here")
    for network in contents.networks:
        spec = network.manifest.input
        what = f"{network.manifest.task}, {spec.width}x{spec.height}"
        table.add_row(network.manifest.name, what, network.manifest.licence,
                      "yes" if places.holds(network.asset) else "")  # fmt: skip
    for video in contents.videos:
        here = "yes" if places.holds(video.asset) else ""
        table.add_row(video.name, f"video: {video.title}", video.licence, here)
    Console().print(table)


@contextmanager
def _bar(title: str, unit: str) -> Iterator[_Update]:
    """A progress bar on stderr; it shows up with the first step, on a terminal only."""
    from rich import progress
    from rich.console import Console

    console = Console(stderr=True)
    counts: list[progress.ProgressColumn] = (
        [progress.DownloadColumn(), progress.TransferSpeedColumn()]
        if unit == "bytes"
        else [progress.MofNCompleteColumn(), progress.TextColumn(unit)]
    )
    columns = [progress.TextColumn("{task.description}"), progress.BarColumn(), *counts]
    bar = progress.Progress(
        *columns,
        progress.TimeRemainingColumn(),
        console=console,
        transient=True,
        disable=not console.is_terminal,
    )
    with bar:
        task = bar.add_task(title, total=None, visible=False)

        def update(done: int, total: int | None) -> None:
            bar.update(task, completed=done, total=total, visible=True)

        yield update
