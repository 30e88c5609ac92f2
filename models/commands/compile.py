"""wayside-models compile: a network made into a TensorRT engine, and the engines that are kept."""

import threading
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from models.commands.terminal import bar, resolved
from models.compile.tensorrt.options import BUILD_TIMEOUT_S
from models.errors import EngineError

if TYPE_CHECKING:
    from models.compile.tensorrt.cache import EngineCache
    from models.compile.tensorrt.compiler import Compiled
    from models.compile.tensorrt.options import Options
    from models.compile.tensorrt.record import EngineRecord

_LOCK_TIMEOUT_S = 10.0


def compile_engine(
    model: Annotated[
        str | None,
        typer.Option(help="name in the zoo, or path of a manifest with its .onnx beside it"),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(metavar="ENGINE", help="file to write besides; default: into the cache only"),
    ] = None,
    precision: Annotated[
        str, typer.Option(help="onnx: of the file; TensorRT 8.6 to 10 also: fp16, int8")
    ] = "onnx",
    batch: Annotated[
        str | None, typer.Option(metavar="MIN:OPT:MAX", help="pictures at once; default: one")
    ] = None,
    workspace_mb: Annotated[
        int | None, typer.Option(min=1, help="MiB of GPU memory a layer may use; default: all")
    ] = None,
    dla: Annotated[
        int | None, typer.Option(min=0, metavar="CORE", help="DLA core; the GPU takes the rest")
    ] = None,
    compute_capability: Annotated[
        str | None,
        typer.Option(metavar="X.Y", help="TensorRT-RTX: of the GPU; default: all from 8.0 on"),
    ] = None,
    cache: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="of engines; an agent's is `engines` in its data_dir"),
    ] = None,
    timeout_s: Annotated[
        float, typer.Option(min=1, help="s after which it is given up")
    ] = BUILD_TIMEOUT_S,
    show: Annotated[bool, typer.Option("--list", help="show the engines that are kept")] = False,
    sweep: Annotated[bool, typer.Option("--sweep", help="remove broken engines")] = False,
) -> None:
    """Compile a network to a TensorRT engine; one that is kept already is taken from there."""
    from models.compile.tensorrt.cache import EngineCache
    from models.compile.tensorrt.options import Batch, Options
    from models.engines.loading import engines_folder

    kept = EngineCache(cache or engines_folder())
    if sweep:
        _sweep(kept)
    if show:
        _list(kept)
    if model is None:
        if not (show or sweep):
            raise typer.BadParameter("name one, or ask with --list", param_hint="--model")
        return
    pictures = None if batch is None else Batch.parse(batch)
    options = Options(precision, pictures, workspace_mb, dla, compute_capability)  # type: ignore[arg-type]
    _compile(model, out, options, kept, timeout_s)


def _compile(
    model: str, out: Path | None, options: "Options", kept: "EngineCache", timeout_s: float
) -> None:
    from models.compile.tensorrt.compiler import Compiler

    if out is not None:
        _require_new(out)
    manifest, onnx_path = resolved(model)
    compiler = Compiler.of_machine(kept, timeout_s)
    with bar(f"{manifest.name}: {compiler.library}", "%") as update:
        made = compiler.compile(
            manifest.name, onnx_path, options, lambda share: update(int(share * 100), 100),
            threading.Event(),
        )  # fmt: skip
    if out is not None:
        _write(made, out)
    took = "was kept" if made.was_kept else f"built in {made.record.build_s:.1f} s"
    typer.echo(f"{out or made.path}: {made.record.size_bytes:,} bytes, {took}, {compiler.library}")


def _require_new(out: Path) -> None:
    if out.suffix != ".engine":
        raise typer.BadParameter(f"{out}: should end with .engine", param_hint="--out")
    if not out.parent.is_dir():
        raise EngineError(f"{out}: there is no folder {out.parent}")
    for path in (out, out.with_suffix(".json")):
        if path.exists():
            raise EngineError(f"{path}: is there already, and is not overwritten")


def _write(made: "Compiled", out: Path) -> None:
    """The engine and its record, both or neither."""
    from models.whole import whole

    try:
        with whole(out, out.with_suffix(".json")) as (engine, record):
            engine.write_bytes(made.engine)
            record.write_text(made.record.text(), encoding="utf-8")
    except OSError as error:
        raise EngineError(f"{out}: cannot be written: {error.strerror}") from error


def _sweep(kept: "EngineCache") -> None:
    if not kept.folder.is_dir():
        return
    with kept.building(threading.Event(), _LOCK_TIMEOUT_S):
        gone = kept.sweep(check_bytes=True)
    for path in gone:
        typer.echo(f"removed: {path}")


def _list(kept: "EngineCache") -> None:
    from rich import box
    from rich.console import Console
    from rich.table import Table

    entries = kept.entries()
    if not entries:
        typer.echo(f"{kept.folder}: no engines")
        return
    table = Table("model", "key", "by", "for", "as", "batch", box=box.SIMPLE_HEAD, pad_edge=False)
    for right in ("MB", "s"):
        table.add_column(right, justify="right")
    for entry in entries:
        table.add_row(*_row(entry.record))
    typer.echo(kept.folder)
    Console().print(table)


def _row(record: "EngineRecord") -> tuple[str, ...]:
    parts = record.parts
    target = parts.compute_capability or parts.gpu or "8.0 on"
    return (
        record.model, parts.key[:8], f"{parts.library} {parts.library_version}", target,
        parts.precision if parts.dla_core is None else f"{parts.precision}, DLA {parts.dla_core}",
        parts.batch or "1", f"{record.size_bytes / 1e6:.1f}", f"{record.build_s:.1f}",
    )  # fmt: skip
