"""wayside-models inspect."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from models.commands.terminal import models_extra
from models.errors import ModelError

if TYPE_CHECKING:
    from models.graph.inspection import Inspection


def inspect(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="an ONNX file")],
    manifest: Annotated[
        Path | None,
        typer.Option(metavar="YAML", help="write a manifest to start from; never overwrites"),
    ] = None,
) -> None:
    """Tell what an ONNX file takes, returns and costs, and which family it looks like."""
    with models_extra():
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
