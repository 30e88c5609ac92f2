"""wayside-models register."""

import getpass
from datetime import datetime, timezone
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from models.commands.shown import code_text, golden_text, size_text, tell
from models.commands.terminal import ModelOption, bar, frames_of, quiet_opencv, resolved
from protos.ids import check_id

if TYPE_CHECKING:
    from models.record.record import DataSet
    from models.record.register import Registered, Who


StoreOption = Annotated[
    Path, typer.Option(metavar="DIR", help="folder of records; made where there is none")
]
DataOption = Annotated[
    list[str] | None,
    typer.Option(metavar="NAME=FOLDER", help="a data set, which its dataset.yaml describes"),
]
MetricsOption = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE", help=".json or .csv: metric, value, class, condition, samples, data"
    ),
]
ChartOption = Annotated[
    list[Path] | None, typer.Option(metavar="FILE", help="a PNG or SVG; several may be")
]
LicenceOption = Annotated[
    Path | None,
    typer.Option(metavar="FILE", help="the licence's text; default: LICENSE beside the .onnx"),
]
GoldenOption = Annotated[
    Path | None,
    typer.Option(metavar="SOURCE", help="picture, video or folder to choose golden inputs from"),
]
ToleranceOption = Annotated[
    float, typer.Option(min=1e-9, max=1.0, help="of raw outputs, on other engines")
]
AgreementOption = Annotated[
    float, typer.Option(min=0.0, max=1.0, help="of finds, on other engines, at least")
]
ConfigOption = Annotated[
    Path | None,
    typer.Option(metavar="FILE", help="how it was trained and compiled: YAML or JSON"),
]
ByOption = Annotated[str | None, typer.Option(metavar="NAME", help="default: your login")]
ParentOption = Annotated[
    Path | None, typer.Option(metavar="RECORD", help="folder of what it was made from")
]


def register(
    model: ModelOption,
    store: StoreOption,
    data: DataOption = None,
    metrics: MetricsOption = None,
    chart: ChartOption = None,
    licence_file: LicenceOption = None,
    golden: GoldenOption = None,
    tolerance: ToleranceOption = 0.05,
    agreement: AgreementOption = 0.9,
    config: ConfigOption = None,
    by: ByOption = None,
    parent: ParentOption = None,
) -> None:
    """Write the record of a model: immutable, with its files, figures and golden inputs.

    The code it names is the commit of the checkout that the network lies in, or else of the one you
    are in.
    """
    from models.record.configuration import read_configuration
    from models.record.golden import CANDIDATES
    from models.record.licence import licence_beside
    from models.record.metrics import read_metrics
    from models.record.record import Tolerance
    from models.record.register import Submission
    from models.record.register import register as run
    from models.record.store import Store

    quiet_opencv()
    manifest, path = resolved(model)
    sets = [_data_set(text) for text in data or ()]
    submission = Submission(
        manifest, path,
        licence_file=licence_file or licence_beside(path, manifest.licence),
        data_sets=sets,
        metrics=read_metrics(metrics, sets) if metrics else (),
        charts=chart or (),
        configuration=read_configuration(config) if config else {},
        pictures=frames_of(golden, CANDIDATES) if golden else (),
        tolerance=Tolerance(output=tolerance, agreement=agreement),
        parent=parent,
    )  # fmt: skip
    _tell(run(submission, Store(store), _who(by, path)))


def _data_set(text: str) -> "DataSet":
    from models.record.datasets import data_set

    name, separator, folder = text.partition("=")
    try:
        check_id(name)
    except ValueError as error:
        raise typer.BadParameter(f"{text}: {error}", param_hint="--data") from error
    if not separator or not folder:
        raise typer.BadParameter(f"{text}: should be NAME=FOLDER", param_hint="--data")
    with bar(name, "files") as update:
        return data_set(name, Path(folder), update)


def _who(by: str | None, path: Path) -> "Who":
    """Who registers the network at a path, and from which code.

    That of the checkout in which the network lies; where it lies in none, of the working folder's.
    """
    from models.record.code import code_of
    from models.record.register import Who

    if by is None:
        try:
            by = getpass.getuser()
        except (OSError, KeyError) as error:  # in a container whose user has no name
            raise typer.BadParameter("say who registers it", param_hint="--by") from error
    return Who(
        by,
        datetime.now(timezone.utc),
        version("wayside"),
        code_of(path.absolute().parent, Path.cwd()),
    )


def _tell(done: "Registered") -> None:
    record, digest, _ = done.read
    size = sum(one.size for one in record.artefacts)
    what = "registered" if done.is_new else "the same was registered before"
    typer.echo(f"{done.folder}: {what}")
    tell("digest", digest)
    tell("by", f"{record.registered.by}, {record.registered.at}, {code_text(record)}")
    tell("files", f"{len(record.artefacts)}, {size_text(size)}; {record.manifest.licence}, whose "
                  "text travels with it")  # fmt: skip
    tell("data", ", ".join(f"{one.name} ({one.files:,} files)" for one in record.data_sets)
         or "none is named: nobody will know what it learnt from")  # fmt: skip
    tell("metrics", f"{len(record.metrics)}" if record.metrics else "none: nobody will know how "
                                                                    "good it was")  # fmt: skip
    tell("golden", golden_text(record) or "none: a device cannot test what it compiled; name "
                                          "--golden")  # fmt: skip
    typer.echo(f"look at it: wayside-models show {done.folder}")
