"""wayside-models: networks fetched, looked into, and tried on a picture or a video."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from models.errors import ModelError
from wayside.cli import program

if TYPE_CHECKING:
    from models.graph.inspection import Inspection
    from models.predict import Summary

app = program("Models: fetch them, look into them, try them.")

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
    from models.media import is_picture
    from models.predict import predict as run
    from models.selection import network_class
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
    threads = os.cpu_count() or 1
    network = network_class(manifest).load(manifest, onnx_path, intra_threads=threads)
    try:
        with _bar(source.name, "frames") as update:
            summary = run(network, source, out, ffmpeg, update)
    finally:
        network.close()
    _report(summary, out)


@app.command()
def inspect(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="an ONNX file")],
    manifest: Annotated[
        Path | None,
        typer.Option(metavar="YAML", help="write a manifest to start from; never overwrites"),
    ] = None,
) -> None:
    """Tell what an ONNX file takes, returns and costs, and which family it looks like."""
    try:
        from models.graph.draft import text_of
        from models.graph.inspection import inspect as look
    except ModuleNotFoundError as error:
        raise ModelError(f"{error.name} is not installed: pip install 'wayside[models]'") from error

    found = look(file)
    _tell(found)
    if manifest is None:
        return
    if found.belief is None or found.manifest is None:
        raise ModelError(f"{file}: no manifest can be drafted; write one by hand")
    if manifest.with_suffix(".onnx").resolve() != file.resolve():
        raise ModelError(
            f"{manifest}: should lie beside {file.name} and be called {file.stem}.yaml, as "
            "whoever runs it looks for the one beside the other"
        )
    try:
        with manifest.open("x", encoding="utf-8") as written:
            written.write(text_of(found.manifest, found.belief.reason))
    except FileExistsError as error:
        raise ModelError(f"{manifest}: is there already, and is not overwritten") from error
    except OSError as error:
        raise ModelError(f"{manifest}: cannot be written: {error.strerror}") from error
    typer.echo(f"{manifest}: written; read it, then try it: wayside-models predict PICTURE "
               f"--model {manifest} --out seen.png")  # fmt: skip


def _tell(found: "Inspection") -> None:
    cost, belief = found.cost, found.belief
    for kind, tensors in (("input", found.inputs), ("output", found.outputs)):
        for tensor in tensors:
            typer.echo(f"{kind:11} {tensor}")
    typer.echo(f"{'made by':11} {found.producer or 'nobody says'}, opset {found.opset}")
    unknown = f", and {cost.unknown} operators of unknown size" if cost.unknown else ""
    typer.echo(f"{'operations':11} {cost.flops / 1e9:.3g} GFLOP a picture{unknown}")
    typer.echo(
        f"{'parameters':11} {cost.parameters / 1e6:.3g} M, {cost.weight_bytes / 2**20:.3g} MiB"
    )
    typer.echo(f"{'memory':11} {cost.peak_bytes / 2**20:.3g} MiB between operators, at most")
    shown = sorted(cost.operators.items(), key=lambda one: (-one[1], one[0]))
    typer.echo(f"{'operators':11} {', '.join(f'{count} {name}' for name, count in shown)}")
    if belief is None:
        typer.echo(f"{'head':11} like none that is known")
    else:
        typer.echo(f"{'head':11} {belief.head['family']}, {belief.classes} classes")
        typer.echo(f"{'because':11} {belief.reason}")


def _report(summary: "Summary", out: Path) -> None:
    frames = "1 frame" if summary.frames == 1 else f"{summary.frames} frames"
    if summary.shares:
        areas = ", ".join(f"{name} {share:.1%}" for name, share in summary.shares.items())
        typer.echo(f"{out}: {frames}, shares of the picture: {areas}")
        return
    seen = ", ".join(f"{count} {name}" for name, count in summary.boxes.most_common()) or "nothing"
    typer.echo(f"{out}: {frames}, seen: {seen}")


def _list() -> None:
    from rich.console import Console
    from rich.table import Table

    from models import zoo
    from models.assets import Places

    contents, places = zoo.contents(), Places.of_user()
    table = Table("name", "what", "licence", "here")
    for network in contents.networks:
        spec = network.manifest.input
        what = f"{network.manifest.head.task}, {spec.width}x{spec.height}"
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
