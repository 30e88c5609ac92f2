"""What the commands share: their options, networks and frames that are named, bars of progress."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from models.errors import ModelError

if TYPE_CHECKING:
    from models.detections import Image
    from models.manifest import Manifest
    from models.progress import Progress

ModelOption = Annotated[
    str,
    typer.Option(
        help="name in the zoo, a manifest with its .onnx or .tflite beside it, or a record's folder"
    ),
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
TruthOption = Annotated[
    Path | None,
    typer.Option(
        metavar="JSON",
        help="what the frames to check on show, as COCO JSON; without it, what the original finds",
    ),
]


def resolved(model: str) -> "tuple[Manifest, Path]":
    """A network's manifest and file, fetched if need be."""
    from models import zoo

    with bar(model, "bytes") as update:
        return zoo.resolve(model, update)


def frames_of(path: Path, count: int) -> "list[Image]":
    """So many frames of a video, or of the pictures of a folder, spread over all of it."""
    quiet_opencv()
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
def models_extra() -> Iterator[None]:
    """For imports that need what not every board has.

    Raises:
        ModelError: it is not there; the message says how to install it.
    """
    try:
        yield
    except ModuleNotFoundError as error:
        raise ModelError(f"{error.name} is not installed: pip install 'wayside[models]'") from error


def quiet_opencv() -> None:
    """ffmpeg inside of OpenCV prints by itself; what is wrong is said by our own message."""
    os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")
    os.environ.setdefault("OPENCV_LOG_LEVEL", "SILENT")


@contextmanager
def bar(title: str, unit: str) -> Iterator["Progress"]:
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
