"""wayside-models prepare, halve, quantise: networks made from others."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from models.commands.terminal import (
    FramesOption,
    ModelOption,
    OnnxOption,
    PointsOption,
    TruthOption,
    frames_of,
    models_extra,
    quiet_opencv,
    resolved,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from models.compile.half import Halved
    from models.compile.quantise import Quantised
    from models.detections import Image
    from models.evaluation.truth import Truth
    from models.manifest import Manifest


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
    with models_extra():
        from models.compile.prepare import prepare as run

    manifest, onnx_path = _to_change(model, out)
    some = frames_of(frames, count)
    done = run(manifest, onnx_path, out, some, free_batch=free_batch)
    typer.echo(
        f"{out}: written, and {out.with_suffix('.yaml').name} beside it; on {done.parity.frames} "
        f"frames it differs from the original by {done.parity.largest:.1g} at most"
    )
    if free_batch:
        told = f"stays 1: {done.batch_kept}" if done.batch_kept else "is free"
        typer.echo(f"the batch {told}")


def halve(
    model: ModelOption,
    frames: FramesOption,
    out: OnnxOption,
    allowed_points: PointsOption = 1.0,
    count: Annotated[int, typer.Option(min=1, max=10_000, help="frames to check on")] = 32,
    truth: TruthOption = None,
) -> None:
    """Make a network FP16, and keep it only when it still sees what it saw."""
    with models_extra():
        from models.compile.half import halve as run

    manifest, onnx_path = _to_change(model, out)
    done = run(manifest, onnx_path, out, _check(manifest, frames, count, truth), allowed_points)
    _tell_done(out, done)


def _check(
    manifest: "Manifest", frames: Path, count: int, truth: Path | None
) -> "Sequence[Image] | Truth":
    """Frames to check on, with what they show where that is known."""
    if truth is None:
        return frames_of(frames, count)
    quiet_opencv()
    from models.evaluation.truth import Truth

    return Truth(manifest, truth, frames, count)


def _tell_done(out: Path, done: "Halved | Quantised") -> None:
    verdict = done.verdict
    typer.echo(
        f"{out}: written, and {out.with_suffix('.yaml').name} beside it; {done.bytes_after:,} "
        f"bytes of {done.bytes_before:,}; {verdict.figure} {verdict.reached:.1%} of "
        f"{verdict.original:.1%}"
    )


def quantise(
    model: ModelOption,
    frames: FramesOption,
    out: OnnxOption,
    method: Annotated[str, typer.Option(help="minmax, entropy or percentile")] = "minmax",
    allowed_points: PointsOption = 5.0,
    count: Annotated[
        int, typer.Option(min=2, max=10_000, help="frames: half to calibrate on, half to check on")
    ] = 64,
    check: Annotated[
        Path | None,
        typer.Option(metavar="VIDEO", help="frames to check on; then FRAMES only calibrate"),
    ] = None,
    truth: TruthOption = None,
) -> None:
    """Make a network INT8, and keep it only when it still sees what it saw."""
    with models_extra():
        from models.compile.quantise import Gate, require_method
        from models.compile.quantise import quantise as run

    manifest, onnx_path = _to_change(model, out)
    calibration: Sequence[Image]
    checked: Sequence[Image] | Truth
    if check is None:
        if truth is not None:
            raise typer.BadParameter("name the labelled pictures by --check", param_hint="--truth")
        some = frames_of(frames, count)
        calibration, checked = some[::2], some[1::2]
    elif check.resolve() == frames.resolve():
        raise typer.BadParameter("calibrate on other frames than these", param_hint="--check")
    else:
        calibration = frames_of(frames, count // 2)
        checked = _check(manifest, check, count - count // 2, truth)
    done = run(manifest, onnx_path, out, calibration, checked, require_method(method),
               Gate(allowed_points))  # fmt: skip
    _tell_done(out, done)
    for name, loss in done.left_out.items():
        typer.echo(f"left in floating point: {name} ({loss:.0f} dB in INT8)")


def _to_change(model: str, out: Path) -> "tuple[Manifest, Path]":
    """The network that a command changes, once it is clear that it can, and `out` be written."""
    if out.suffix != ".onnx":
        raise typer.BadParameter(f"{out}: should end with .onnx", param_hint="--out")
    from models.graph.read import require_onnx

    manifest, path = resolved(model)
    require_onnx(path)
    return manifest, path
