"""A model into a store: its files copied, its golden inputs made, its record written."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timezone
from pathlib import Path

from pydantic import JsonValue, ValidationError

from models.detections import Image
from models.engines.loading import load_engine
from models.errors import EngineError, RecordError
from models.manifest import Manifest
from models.record.golden import DEFAULT_TOLERANCE, make_golden
from models.record.licence import read_licence
from models.record.reading import Read, bounded_bytes, read_record
from models.record.record import (
    LICENCE,
    NETWORKS,
    SCHEMA,
    Code,
    DataSet,
    Golden,
    Metric,
    Parent,
    Record,
    Tolerance,
    check_path,
)
from models.record.store import Staging, Store
from models.selection import network_class

MAX_CHARTS = 64
MAX_CHART_BYTES = 16 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Who:
    """The circumstances of a registration.

    Attributes:
        by: whose it is.
        at: when, of UTC.
        wayside: the version that registers.
        code: what the model was made with.
    """

    by: str
    at: datetime
    wayside: str
    code: Code | None = None


@dataclass(frozen=True, slots=True)
class Submission:
    """What is registered.

    Attributes:
        manifest: of the model.
        path: its network, ONNX or TensorFlow Lite.
        licence_file: the licence's text.
        data_sets: that it was trained and measured on.
        metrics: of those data sets.
        charts: PNG or SVG files.
        configuration: of training and compiling, plain values.
        pictures: candidates for golden inputs; none: no golden inputs.
        tolerance: of the golden inputs.
        parent: the folder of the record that it was made from.
    """

    manifest: Manifest
    path: Path
    licence_file: Path
    data_sets: Sequence[DataSet] = ()
    metrics: Sequence[Metric] = ()
    charts: Sequence[Path] = ()
    configuration: Mapping[str, JsonValue] = field(default_factory=dict)
    pictures: Sequence[Image] = ()
    tolerance: Tolerance = DEFAULT_TOLERANCE
    parent: Path | None = None

    @property
    def network(self) -> str:
        """The network's path within the record."""
        return NETWORKS[self.path.suffix == ".tflite"]


@dataclass(frozen=True, slots=True)
class Registered:
    """What came of it.

    Attributes:
        read: the record, and its digest.
        folder: where it lies.
        is_new: False where the same was registered before.
    """

    read: Read
    folder: Path
    is_new: bool


def register(submission: Submission, store: Store, who: Who) -> Registered:
    """Write the record of a model, whole or not at all; once more is as good as once.

    Raises:
        AssetError, ChecksumError: the network is not the manifest's.
        EngineError: it cannot be run.
        ManifestError: the manifest does not fit it.
        RecordError: something is refused, or the store has other content under this version.
    """
    manifest = submission.manifest
    parent = _parent(submission)
    charts = _charts(submission.charts)
    licence = read_licence(submission.licence_file, manifest.licence)
    network_class(manifest).load(manifest, submission.path).close()  # does it fit?
    with store.staging() as staging:
        staging.copy("network", submission.path, submission.network)
        staging.add("licence", licence, LICENCE)
        for path in charts:
            staging.copy("chart", path, f"charts/{path.name}")
        golden, engine = _golden(submission, staging)
        record = _record(submission, staging, who, golden, engine, parent)
        digest = staging.finish(record)
        there = store.publish(staging, record)
    place = store.place(manifest.name, manifest.version)
    if there is not None:
        return Registered(there, place, is_new=False)
    made = read_record(place)
    if made.digest != digest:
        raise RecordError(f"{place}: does not hold what was written; see to the disk")
    return Registered(made, place, is_new=True)


def _golden(submission: Submission, staging: Staging) -> tuple[Golden | None, str]:
    """The golden inputs, by the network as it was copied, and the engine's name."""
    manifest = submission.manifest
    try:
        engine = load_engine(manifest, staging.folder / submission.network)
    except EngineError as error:
        raise RecordError(
            f"{submission.path}: does not run without what lies beside it; save it as one "
            "file, with its weights inside"
        ) from error
    try:
        if not submission.pictures:
            return None, engine.name
        made = make_golden(manifest, engine, submission.pictures, submission.tolerance)
    finally:
        engine.close()
    roles = {path: role for role, path in made.golden.paths()}
    for path, content in made.files.items():
        staging.add(roles[path], content, path)
    return made.golden, engine.name


def _record(
    submission: Submission,
    staging: Staging,
    who: Who,
    golden: Golden | None,
    engine: str,
    parent: Parent | None,
) -> Record:
    at = who.at.astimezone(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
    try:
        return Record.model_validate({
            "schema": SCHEMA,
            "registered": {"by": who.by, "at": at, "wayside": who.wayside, "engine": engine,
                           "code": who.code},
            "manifest": submission.manifest, "artefacts": staging.artefacts,
            "data_sets": tuple(sorted(submission.data_sets, key=lambda one: one.name)),
            "configuration": dict(submission.configuration),
            "metrics": tuple(submission.metrics), "golden": golden, "parent": parent,
        })  # fmt: skip
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        told = first["msg"].removeprefix("Value error, ")
        raise RecordError(f"no record can be made: {where + ': ' if where else ''}{told}") from (
            error
        )


def _parent(submission: Submission) -> Parent | None:
    if submission.parent is None:
        return None
    read = read_record(submission.parent)
    of = read.record.manifest
    made_from = submission.manifest.parent
    if made_from is not None and made_from != of.sha256:
        raise RecordError(
            f"{submission.parent}: is of a network {of.sha256[:12]}..., and the manifest says that "
            f"it was made from {made_from[:12]}...; name that one's record as --parent"
        )
    return Parent(name=of.name, version=of.version, digest=read.digest)


def _charts(paths: Sequence[Path]) -> list[Path]:
    """The charts, looked at."""
    if len(paths) > MAX_CHARTS:
        raise RecordError(f"{len(paths)} charts; at most {MAX_CHARTS} are kept")
    names: set[str] = set()
    for path in paths:
        content = bounded_bytes(path, MAX_CHART_BYTES, may_be_link=True)
        is_png = path.suffix == ".png" and content.startswith(b"\x89PNG\r\n\x1a\n")
        is_svg = path.suffix == ".svg" and b"<svg" in content[:4096]
        if not (is_png or is_svg):
            raise RecordError(f"{path}: is no PNG and no SVG, by its name and its first bytes")
        try:
            check_path(f"charts/{path.name}")
        except ValueError as error:
            raise RecordError(f"{path}: its name {error}; rename it") from error
        if path.name.lower() in names:
            raise RecordError(f"{path}: another chart is called {path.name}; rename one")
        names.add(path.name.lower())
    return list(paths)
