"""wayside-models verify, show: what a record's folder holds."""

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from models.commands.shown import (
    code_text,
    golden_text,
    made_text,
    plain,
    size_text,
    tell,
)
from models.commands.terminal import quiet_opencv

if TYPE_CHECKING:
    from rich.table import Table

    from models.record.record import Record
    from models.record.verify import Report

RecordArgument = Annotated[
    Path, typer.Argument(metavar="RECORD", help="a record's folder, STORE/NAME/VERSION")
]
_CLASSES_SHOWN = 12


def verify(
    folder: RecordArgument,
    digest: Annotated[
        str | None,
        typer.Option(metavar="SHA256", help="that it should have, from whoever you trust"),
    ] = None,
    engine: Annotated[
        str, typer.Option(metavar="NAME", help="that runs the golden inputs, as of `predict`")
    ] = "auto",
) -> None:
    """See that a record's files are as registered, and that its network still does the same."""
    quiet_opencv()
    from models.engines.choice import require_known
    from models.engines.loading import load_engine
    from models.record.verify import verify as run

    require_known(engine)
    report = run(folder, digest, partial(load_engine, engine=engine))
    if report.read is not None:
        _tell_report(folder, report)
    for problem in report.problems:
        typer.echo(f"wayside-models: {plain(problem)}", err=True)
    if report.problems:
        raise typer.Exit(1)


def _tell_report(folder: Path, report: "Report") -> None:
    assert report.read is not None
    record, digest, _ = report.read
    count = len(report.problems)
    verdict = "as it was registered" if not count else f"{count} problem{'s' * (count > 1)}"
    typer.echo(f"{folder}: {verdict}")
    tell("model", f"{record.manifest.name} {record.manifest.version}")
    tell("digest", digest)
    tell("files", f"{len(record.artefacts)} looked at")
    if report.outcome is not None:
        outcome = report.outcome
        off = outcome.difference
        raw = "" if off is None else f"raw values off by {off:.1g}, "
        where = f"{outcome.cases} pictures on {report.engine}"
        tell("golden", f"{where}, {raw}finds agree to {outcome.agreement:.1%}")
    elif record.golden is None:
        tell("golden", "none: what the network does was not looked at")
    else:
        tell("golden", "not compared: the network or the files it needs are not as recorded")
    tell("parent", report.parent)


def show(folder: RecordArgument) -> None:
    """Print what a record says; its files are not looked at (`verify` does)."""
    from models.record.reading import read_record

    record, digest, _ = read_record(folder)
    manifest = record.manifest
    typer.echo(f"{manifest.name} {manifest.version}")
    tell("digest", digest)
    tell("registered", f"{record.registered.at} by {record.registered.by}")
    tell("code", code_text(record))
    tell("with", f"wayside {record.registered.wayside}, {record.registered.engine}")
    tell("licence", manifest.licence)
    tell("source", manifest.source)
    spec = manifest.input
    tell("network", f"{manifest.head.task}, head {manifest.head.family}, input "
                    f"{spec.width}x{spec.height}")  # fmt: skip
    tell("classes", _classes(manifest.classes))
    if record.parent is not None:
        parent = record.parent
        tell("parent", f"{parent.name} {parent.version}, {parent.digest}")
    if manifest.made is not None:
        tell("made", made_text(record))
    tell("golden", golden_text(record) or "none")
    _print_tables(record)


def _classes(names: tuple[str, ...]) -> str:
    rest = len(names) - _CLASSES_SHOWN
    shown = ", ".join(names[:_CLASSES_SHOWN])
    return f"{len(names)}: {shown}" + (f" and {rest} more" if rest > 0 else "")


def _print_tables(record: "Record") -> None:
    from rich.console import Console

    console = Console(markup=False, highlight=False, emoji=False)
    for table in (_metrics(record), _data_sets(record), _artefacts(record)):
        if table.row_count:
            console.print()
            console.print(table)
    if record.configuration:
        import yaml

        console.print("\nconfiguration")
        text = yaml.safe_dump(record.configuration, sort_keys=True, width=100)
        for line in text.splitlines():
            console.print(f"  {plain(line)}", soft_wrap=True)


def _table(title: str, *columns: str, right: tuple[str, ...] = ()) -> "Table":
    from rich import box
    from rich.table import Table

    made = Table(title=title, title_justify="left", title_style="bold", box=box.SIMPLE_HEAD,
                 show_edge=False, pad_edge=False)  # fmt: skip
    for column in columns:
        made.add_column(column, justify="right" if column in right else "left", overflow="fold")
    return made


def _metrics(record: "Record") -> "Table":
    table = _table("metrics", "metric", "value", "class", "condition", "samples", "data",
                   right=("value", "samples"))  # fmt: skip
    names = {one.sha256: one.name for one in record.data_sets}
    for one in record.metrics:
        table.add_row(one.name, f"{one.value:.4g}", one.class_name or "all",
                      one.condition or "all", f"{one.samples:,}", names[one.data_set])  # fmt: skip
    return table


def _data_sets(record: "Record") -> "Table":
    table = _table("data sets", "name", "split", "files", "size", "licence", "sha256", "source",
                   right=("files", "size"))  # fmt: skip
    for one in record.data_sets:
        table.add_row(one.name, one.split, f"{one.files:,}", size_text(one.size), one.licence,
                      one.sha256[:12], one.source)  # fmt: skip
    return table


def _artefacts(record: "Record") -> "Table":
    table = _table("files", "path", "role", "size", "sha256", right=("size",))
    for one in record.artefacts:
        table.add_row(one.path, one.role, size_text(one.size), one.sha256[:12])
    return table
