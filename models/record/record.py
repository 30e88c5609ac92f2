"""What a record holds: a model with everything that is to be known of it, a year later too.

A record may come from a stranger: ids, paths, sizes and counts are bounded, and what is unknown
is refused.
"""

import re
from collections.abc import Iterable
from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    FailFast,
    Field,
    JsonValue,
    model_validator,
)

from models.manifest import Id, Manifest, Sha256, Share, Spdx, Version

SCHEMA = 1
MAX_ARTEFACTS = 256
MAX_SIDE = 1280
"""Of a golden picture, px: `register` shrinks larger ones, and nobody is made to unfold more."""
MAX_ARTEFACT_BYTES = 4 * 1024**3

_PART = r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}"
_PATH = re.compile(rf"{_PART}(/{_PART}){{0,3}}")
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")

NETWORKS, LICENCE = ("network.onnx", "network.tflite"), "LICENSE"
"""Paths of what a record has one of; of the networks, either."""


def check_path(text: str) -> str:
    """The path of an artefact.

    Raises:
        ValueError: it could lead out of the folder, or is no plain name everywhere.
    """
    if not _PATH.fullmatch(text):
        raise ValueError(
            "must be a relative path of letters, digits, '.', '_' and '-', none of its parts "
            f"beginning with '.', not {text[:100]!r}"
        )
    return text


def _check_line(text: str) -> str:
    if not text.isprintable() or text != text.strip():
        raise ValueError("must be one line of printable characters, without space around it")
    return text


def _check_time(text: str) -> str:
    if not _TIME.fullmatch(text):
        raise ValueError(f"must be a time of UTC, as 2026-01-31T12:00:00Z, not {text[:40]!r}")
    datetime.fromisoformat(text.removesuffix("Z"))
    return text


ArtefactPath = Annotated[str, AfterValidator(check_path)]
Line = Annotated[str, Field(min_length=1, max_length=500), AfterValidator(_check_line)]
Time = Annotated[str, AfterValidator(_check_time)]
Role = Literal["network", "licence", "chart", "golden-picture", "golden-expected"]
Count = Annotated[int, Field(ge=0, lt=2**53)]


class Frozen(BaseModel):
    """What cannot be changed, and holds nothing that is unknown."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class Artefact(Frozen):
    """A file that lies in the record's folder."""

    role: Role
    path: ArtefactPath = Field(description="within the folder")
    sha256: Sha256
    size: int = Field(ge=1, le=MAX_ARTEFACT_BYTES, description="bytes")


class Code(Frozen):
    """The state of the code that the model was registered from."""

    commit: Annotated[str, Field(pattern=r"^([0-9a-f]{40}|[0-9a-f]{64})$")]
    is_dirty: bool = Field(description="something was changed or added that is in no commit")
    repository: Line | None = Field(None, description="its origin, without a password")


class Registration(Frozen):
    """Who wrote the record, when, and with what; it is no part of what was registered."""

    by: Line
    at: Time
    wayside: Line = Field(description="its version")
    engine: Line = Field(description="that made the golden outputs")
    code: Code | None = None


class DataSet(Frozen):
    """A folder of data at one moment; `datasets.py` says what its digest is of."""

    name: Id
    split: Id = Field(description="train, val, test or the like")
    sha256: Sha256
    files: Annotated[int, Field(ge=1, lt=2**53)]
    size: Count = Field(description="bytes of all files")
    licence: Spdx
    source: Line


class Metric(Frozen):
    """A figure, of what it was measured on."""

    name: Id = Field(description="map50, recall or the like")
    value: float = Field(allow_inf_nan=False)
    class_name: Id | None = Field(None, description="None: of all classes")
    condition: Id | None = Field(None, description="night, rain or the like; None: of all")
    samples: Annotated[int, Field(ge=1, lt=2**53)]
    data_set: Sha256 = Field(description="one of the record's")


class Parent(Frozen):
    """The record of the model that this one was made from."""

    name: Id
    version: Version
    digest: Sha256


class GoldenOutput(Frozen):
    """A raw output whose values are kept at some positions."""

    name: Line
    shape: Annotated[tuple[Annotated[int, Field(ge=1, lt=2**31)], ...], FailFast()] = Field(
        max_length=8
    )
    samples: int = Field(ge=1, le=65_536)


class GoldenCase(Frozen):
    """A picture and what the network made of it."""

    picture: ArtefactPath
    width: Annotated[int, Field(ge=1, le=MAX_SIDE)]
    height: Annotated[int, Field(ge=1, le=MAX_SIDE)]
    finds: ArtefactPath = Field(description="rows of plain values, JSON")
    values: ArtefactPath | None = Field(None, description="of the outputs in a row, float32 LE")


class Tolerance(Frozen):
    """How far another engine may be off."""

    output: float = Field(gt=0, le=1, description="root mean square, as a share of the values'")
    agreement: Share = Field(description="of the finds, at least")


class Golden(Frozen):
    """Inputs and what is expected of them; `golden.py` makes it, `selftest.py` compares."""

    seed: Count = Field(description="by which the positions were drawn")
    margin: Share = Field(description="of confidence: finds so near the threshold don't count")
    tolerance: Tolerance
    positions: ArtefactPath | None = Field(None, description="of the outputs in a row, uint32 LE")
    outputs: Annotated[tuple[GoldenOutput, ...], FailFast()] = Field(max_length=32)
    cases: Annotated[tuple[GoldenCase, ...], FailFast()] = Field(min_length=1, max_length=16)

    @model_validator(mode="after")
    def _check(self) -> "Golden":
        has_values = bool(self.outputs)
        paths = [self.positions, *(case.values for case in self.cases)]
        if any((path is not None) != has_values for path in paths):
            raise ValueError("positions and each case's values go with outputs")
        return self

    def paths(self) -> Iterable[tuple[Role, str]]:
        """The files that it names, each with its role."""
        if self.positions is not None:
            yield "golden-expected", self.positions
        for case in self.cases:
            yield "golden-picture", case.picture
            yield "golden-expected", case.finds
            if case.values is not None:
                yield "golden-expected", case.values


class Record(Frozen):
    """A model that was registered. The digest of its bytes is its name."""

    schema_version: Literal[1] = Field(alias="schema")
    registered: Registration
    manifest: Annotated[Manifest, Field(strict=False)]
    # Of each row that is wrong an error is made: of a hundred thousand rows, gigabytes of them.
    artefacts: Annotated[tuple[Artefact, ...], FailFast()] = Field(
        min_length=1, max_length=MAX_ARTEFACTS
    )
    data_sets: Annotated[tuple[DataSet, ...], FailFast()] = Field((), max_length=64)
    configuration: dict[str, JsonValue] = Field({}, description="of training and compiling")
    metrics: Annotated[tuple[Metric, ...], FailFast()] = Field((), max_length=4096)
    golden: Golden | None = None
    parent: Parent | None = None

    @model_validator(mode="after")
    def _check(self) -> "Record":
        _refuse_twice("artefacts", [one.path.lower() for one in self.artefacts])
        _refuse_twice("data_sets", [one.name for one in self.data_sets])
        _refuse_twice("metrics", [_slice(one) for one in self.metrics])
        self._check_artefacts()
        self._check_metrics()
        return self

    def _check_artefacts(self) -> None:
        roles = {one.path: one.role for one in self.artefacts}
        if roles.get(LICENCE) != "licence":
            raise ValueError(f"artefacts: {LICENCE} of role 'licence' is missing")
        networks = [one for one in self.artefacts if one.role == "network"]
        if len(networks) != 1 or networks[0].path not in NETWORKS:
            raise ValueError(
                f"artefacts: there is not one {' or '.join(NETWORKS)} of role 'network'"
            )
        if networks[0].sha256 != self.manifest.sha256:
            raise ValueError(
                f"artefacts: {networks[0].path} is not the network of the manifest's sha256"
            )
        if {"record.json", "record.sha256"} & {path.lower() for path in roles}:
            raise ValueError("artefacts: a record is none of its own artefacts")
        named = list(self.golden.paths()) if self.golden else []
        for golden_role, path in named:
            if roles.get(path) != golden_role:
                raise ValueError(f"golden: {path} is no artefact of role {golden_role!r}")
        threshold = self.manifest.thresholds.confidence
        margin = self.golden.margin if self.golden else 0.0
        if not margin <= min(threshold, 1 - threshold):
            raise ValueError(f"golden: margin {margin:g} leads beyond 0 or 1 from {threshold:g}")

    def _check_metrics(self) -> None:
        known = {one.sha256 for one in self.data_sets}
        for metric in self.metrics:
            if metric.data_set not in known:
                raise ValueError(f"metrics: {metric.name} is of no data set of the record")
            if metric.class_name is not None and metric.class_name not in self.manifest.classes:
                raise ValueError(
                    f"metrics: {metric.name} is of class {metric.class_name!r}, which the model "
                    "does not have"
                )

    @property
    def network(self) -> str:
        """Path of the network, one of NETWORKS."""
        return next(one.path for one in self.artefacts if one.role == "network")

    def document(self) -> dict[str, Any]:
        """As plain values, for the canonical form."""
        return self.model_dump(mode="json", by_alias=True)

    def registers_the_same_as(self, other: "Record") -> bool:
        """True where only who, when and what follows from the rest differ.

        Golden outputs follow from the network and the pictures, and may differ in the last digits
        by machine.
        """
        return self._subject() == other._subject()

    def _subject(self) -> dict[str, Any]:
        document = self.document()
        del document["registered"]
        artefacts = document["artefacts"]
        document["artefacts"] = [one for one in artefacts if one["role"] != "golden-expected"]
        return document


def _slice(metric: Metric) -> str:
    of = (metric.name, metric.class_name or "", metric.condition or "", metric.data_set)
    return " ".join(filter(None, of))


def _refuse_twice(what: str, names: list[str]) -> None:
    seen: set[str] = set()
    for name in names:
        if name in seen:
            raise ValueError(f"{what}: {name} stands twice")
        seen.add(name)
