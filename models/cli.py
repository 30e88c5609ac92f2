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
    from models.detections import Image
    from models.graph.inspection import Inspection
    from models.manifest import Manifest
    from models.prediction.run import Summary

app = program("Models: fetch them, look into them, try them.")

_Update = Callable[[int, int | None], None]

ModelOption = Annotated[
    str, typer.Option(help="name in the zoo, or path of a manifest with its .onnx beside it")
]
FramesOption = Annotated[
    Path, typer.Option(metavar="VIDEO", help="video or pictures of where the network will look")
]
OnnxOption = Annotated[
    Path, typer.Option(metavar="ONNX", help="file to write; its manifest lies beside it")
]
PointsOption = Annotated[
    float, typer.Option(min=0.0, max=100.0, help="of agreement that may be lost, of 100")
]


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
    source: Annotated[
        Path, typer.Argument(metavar="SOURCE", help="a picture, a video, or a folder of them")
    ],
    model: ModelOption,
    out: Annotated[
        Path | None, typer.Option(help="to draw into: a file of SOURCE's kind, or a folder")
    ] = None,
    results: Annotated[
        list[Path] | None,
        typer.Option(metavar="FILE", help="to write down: .json (COCO) or .csv; several may be"),
    ] = None,
    confidence: Annotated[
        float | None, typer.Option(min=0.0, max=1.0, help="threshold; default: the manifest's")
    ] = None,
) -> None:
    """Look at pictures and videos: draw what is seen, and write it down.

    A run that broke off goes on where it was, when it is asked the same again.
    """
    _quiet_opencv()
    from models.prediction.run import Outputs
    from models.prediction.run import predict as run
    from models.prediction.sources import items_of
    from models.selection import network_class
    from models.video_writer import find_h264_encoder

    ffmpeg = None
    if out is not None and not all(item.is_picture for item in items_of(source)):
        ffmpeg = find_h264_encoder()
        if ffmpeg is None:
            typer.echo("no ffmpeg with libx264: videos are written as MPEG-4 Part 2", err=True)
    manifest, onnx_path = _resolved(model)
    if confidence is not None:
        manifest = manifest.with_confidence(confidence)
    threads = os.cpu_count() or 1
    network = network_class(manifest).load(manifest, onnx_path, intra_threads=threads)
    try:
        with _bar(source.name, "frames") as update:
            summary = run(network, source, Outputs(out, results or (), ffmpeg), update)
    finally:
        network.close()
    written = [str(path) for path in (out, *(results or ())) if path is not None]
    _report(summary, ", ".join(written))
    for reason in summary.unreadable:
        typer.echo(f"left out: {reason}", err=True)
    if summary.unreadable:
        raise typer.Exit(1)


@app.command()
def inspect(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="an ONNX file")],
    manifest: Annotated[
        Path | None,
        typer.Option(metavar="YAML", help="write a manifest to start from; never overwrites"),
    ] = None,
) -> None:
    """Tell what an ONNX file takes, returns and costs, and which family it looks like."""
    with _models_extra():
        from models.graph.draft import draft_text
        from models.graph.inspection import inspect as look

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
            written.write(draft_text(found.manifest, found.belief.reason))
    except FileExistsError as error:
        raise ModelError(f"{manifest}: is there already, and is not overwritten") from error
    except OSError as error:
        manifest.unlink(missing_ok=True)
        raise ModelError(f"{manifest}: cannot be written: {error.strerror}") from error
    typer.echo(f"{manifest}: written; read it, then try it: wayside-models predict PICTURE "
               f"--model {manifest} --out seen.png")  # fmt: skip


@app.command()
def prepare(
    model: ModelOption,
    frames: FramesOption,
    out: OnnxOption,
    free_batch: Annotated[
        bool, typer.Option("--free-batch", help="any number of pictures at once, where it can be")
    ] = False,
    count: Annotated[int, typer.Option(min=2, max=1000, help="frames to compare on")] = 16,
) -> None:
    """Bake the pre-processing into a network, and prove that it finds the same."""
    with _models_extra():
        from models.compile.prepare import prepare as run

    manifest, onnx_path = _to_change(model, out)
    some = _frames(frames, count)
    done = run(manifest, onnx_path, out, some, free_batch=free_batch)
    typer.echo(
        f"{out}: written, and {out.with_suffix('.yaml').name} beside it; on {done.parity.frames} "
        f"frames it differs from the original by {done.parity.largest:.1g} at most"
    )
    if free_batch:
        told = f"stays 1: {done.batch_kept}" if done.batch_kept else "is free"
        typer.echo(f"the batch {told}")


@app.command()
def halve(
    model: ModelOption,
    frames: FramesOption,
    out: OnnxOption,
    allowed_points: PointsOption = 1.0,
    count: Annotated[int, typer.Option(min=1, max=10_000, help="frames to check on")] = 32,
) -> None:
    """Make a network FP16, and keep it only when it still sees what it saw."""
    with _models_extra():
        from models.compile.half import halve as run

    manifest, onnx_path = _to_change(model, out)
    done = run(manifest, onnx_path, out, _frames(frames, count), allowed_points)
    _tell_sizes(out, done.bytes_before, done.bytes_after, done.agreement)


def _tell_sizes(out: Path, before: int, after: int, agreement: float) -> None:
    typer.echo(
        f"{out}: written, and {out.with_suffix('.yaml').name} beside it; {after:,} bytes of "
        f"{before:,}; finds {agreement:.1%} of what the original finds"
    )


@app.command()
def quantise(
    model: ModelOption,
    frames: FramesOption,
    out: OnnxOption,
    method: Annotated[str, typer.Option(help="minmax, entropy or percentile")] = "minmax",
    allowed_points: PointsOption = 5.0,
    count: Annotated[
        int, typer.Option(min=2, max=10_000, help="frames: half to calibrate on, half to check on")
    ] = 64,
) -> None:
    """Make a network INT8, and keep it only when it still sees what it saw."""
    with _models_extra():
        from models.compile.quantise import Gate, require_method
        from models.compile.quantise import quantise as run

    manifest, onnx_path = _to_change(model, out)
    some = _frames(frames, count)
    done = run(manifest, onnx_path, out, some[::2], some[1::2], require_method(method),
               Gate(allowed_points))  # fmt: skip
    _tell_sizes(out, done.bytes_before, done.bytes_after, done.agreement)
    for name, loss in done.left_out.items():
        typer.echo(f"left in floating point: {name} ({loss:.0f} dB in INT8)")


def _to_change(model: str, out: Path) -> "tuple[Manifest, Path]":
    """The network that a command changes, once it is clear that `out` can be written."""
    if out.suffix != ".onnx":
        raise typer.BadParameter(f"{out}: should end with .onnx", param_hint="--out")
    return _resolved(model)


def _resolved(model: str) -> "tuple[Manifest, Path]":
    """A network's manifest and file, fetched if need be."""
    from models import zoo

    with _bar(model, "bytes") as update:
        return zoo.resolve(model, update)


def _frames(path: Path, count: int) -> "list[Image]":
    """So many frames of a video, or of the pictures of a folder, spread over all of it."""
    _quiet_opencv()
    from models.media import VideoReader, is_picture, read_picture
    from models.prediction.sources import items_of, spread

    if path.is_dir():
        pictures = [item.path for item in items_of(path) if item.is_picture]
        return [read_picture(one) for one in spread(pictures, count, len(pictures))]
    if is_picture(path):
        return [read_picture(path)]
    with VideoReader(path) as reader:
        return spread(reader, count, reader.total_frames)


@contextmanager
def _models_extra() -> Iterator[None]:
    """For imports that need what not every board has.

    Raises:
        ModelError: it is not there; the message says how to install it.
    """
    try:
        yield
    except ModuleNotFoundError as error:
        raise ModelError(f"{error.name} is not installed: pip install 'wayside[models]'") from error


def _quiet_opencv() -> None:
    """ffmpeg inside of OpenCV prints by itself; what is wrong is said by our own message."""
    os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")
    os.environ.setdefault("OPENCV_LOG_LEVEL", "SILENT")


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
        typer.echo(
            f"{'head':11} like none that is known, or the input is no picture of a fixed size"
        )
    else:
        typer.echo(f"{'head':11} {belief.head['family']}, {belief.classes} classes")
        typer.echo(f"{'because':11} {belief.reason}")


def _report(summary: "Summary", out: str) -> None:
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
