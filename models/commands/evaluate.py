"""wayside-models evaluate."""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from models.commands.terminal import ModelOption, bar, quiet_opencv, resolved
from protos.ids import check_id

if TYPE_CHECKING:
    from models.evaluation.metrics import Metrics


def evaluate(
    pictures: Annotated[
        Path, typer.Argument(metavar="PICTURES", help="a folder, picture or video with labels")
    ],
    truth: Annotated[Path, typer.Option(metavar="JSON", help="what they show, as COCO JSON")],
    model: ModelOption,
    results: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="figures to write down: .json or .csv, for `register`"),
    ] = None,
    data: Annotated[
        str, typer.Option(metavar="NAME", help="of the data set, in the figures written down")
    ] = "validation",
    confidence: Annotated[
        float | None, typer.Option(min=0.0, max=1.0, help="threshold; default: the manifest's")
    ] = None,
    count: Annotated[
        int | None, typer.Option(min=1, help="pictures at most; default: all of them")
    ] = None,
) -> None:
    """Tell how much of what labelled pictures show a network finds, as a whole and by class."""
    quiet_opencv()
    from models.evaluation.figures import require_figures, write_figures
    from models.evaluation.metrics import evaluate as run
    from models.evaluation.truth import Truth
    from models.selection import network_class

    check_id(data, "--data")
    if results is not None:
        require_figures(results)
    manifest, path = resolved(model)
    if confidence is not None:
        manifest = manifest.with_confidence(confidence)
    labelled = Truth(manifest, truth, pictures, count)
    network = network_class(manifest).load(manifest, path, intra_threads=os.cpu_count() or 1)
    try:
        with bar(manifest.name, "pictures") as update:
            metrics = run(network, labelled, update)
    finally:
        network.close()
    _tell(metrics)
    if labelled.unknown:
        typer.echo(f"labelled, and no class of the network: {', '.join(labelled.unknown)}")
    if results is not None:
        write_figures(results, metrics, data)
        typer.echo(f"{results}: written")


def _tell(metrics: "Metrics") -> None:
    from rich import box
    from rich.console import Console
    from rich.table import Table

    names = list(dict.fromkeys(name for one in metrics.by_class.values() for name in one.figures))
    table = Table("class", "labelled", *names, box=box.SIMPLE_HEAD, pad_edge=False)
    for column in table.columns[1:]:
        column.justify = "right"
    for name, of_class in metrics.by_class.items():
        figures = (f"{of_class.figures.get(one, 0):.1%}" for one in names)
        table.add_row(name, str(of_class.labelled), *figures)
    if metrics.by_class:
        Console().print(table)
    told = ", ".join(f"{name} {value:.1%}" for name, value in metrics.figures.items())
    pictures = "1 picture" if metrics.pictures == 1 else f"{metrics.pictures} pictures"
    typer.echo(f"{pictures}: {told or 'nothing is labelled, and nothing was found'}")
