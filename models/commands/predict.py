"""wayside-models predict."""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from models.commands.terminal import ModelOption, bar, quiet_opencv, resolved

if TYPE_CHECKING:
    from models.prediction.run import Summary


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
    engine: Annotated[
        str, typer.Option(help="what runs the network: auto, onnxruntime/CPU, openvino/CPU, ...")
    ] = "auto",
) -> None:
    """Look at pictures and videos: draw what is seen, and write it down.

    A run that broke off goes on where it was, when it is asked the same again.
    """
    quiet_opencv()
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
    manifest, path = resolved(model)
    if confidence is not None:
        manifest = manifest.with_confidence(confidence)
    threads = os.cpu_count() or 1
    network = network_class(manifest).load(manifest, path, threads, engine)
    try:
        with bar(source.name, "frames") as update:
            summary = run(network, source, Outputs(out, results or (), ffmpeg), update)
    finally:
        network.close()
    written = [str(path) for path in (out, *(results or ())) if path is not None]
    _report(summary, ", ".join(written))
    for reason in summary.unreadable:
        typer.echo(f"left out: {reason}", err=True)
    if summary.unreadable:
        raise typer.Exit(1)


def _report(summary: "Summary", out: str) -> None:
    frames = "1 frame" if summary.frames == 1 else f"{summary.frames} frames"
    if summary.shares:
        areas = ", ".join(f"{name} {share:.1%}" for name, share in summary.shares.items())
        typer.echo(f"{out}: {frames}, shares of the picture: {areas}")
        return
    seen = ", ".join(f"{count} {name}" for name, count in summary.boxes.most_common()) or "nothing"
    typer.echo(f"{out}: {frames}, seen: {seen}")
