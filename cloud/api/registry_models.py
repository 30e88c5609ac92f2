"""The shapes of answers about models."""

from collections.abc import Sequence
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from cloud.registry.model import MAX_RELEASE, VERSION_PATTERN, Alias, Engine, Family, Model
from cloud.registry.report import Report
from cloud.registry.states import ModelState
from wayside.times import format_ns

StateSlug = Literal["candidate", "validated", "released", "deprecated", "revoked"]


class FamilyAnswer(BaseModel):
    """All versions of a name."""

    name: str = Field(examples=["yard-people"])
    versions: int
    newest_release: int | None = Field(description="null: none was signed")
    aliases: dict[str, str] = Field(examples=[{"champion": "1.2.0"}])

    @classmethod
    def of(cls, family: Family) -> "FamilyAnswer":
        """The answer for a family."""
        return cls(
            name=family.name,
            versions=family.versions,
            newest_release=family.newest_release,
            aliases=dict(family.aliases),
        )


class FamiliesAnswer(BaseModel):
    """A page of names, in their order."""

    models: list[FamilyAnswer]
    cursor: str = Field(description="of the next page")
    more: bool


class AliasAnswer(BaseModel):
    """What a name within a family stands for."""

    alias: str = Field(examples=["champion", "challenger"])
    version: str
    revision: int = Field(description="to be said by who changes it")
    set_by: str
    set_at: str

    @classmethod
    def of(cls, alias: Alias) -> "AliasAnswer":
        """The answer for an alias."""
        return cls(
            alias=alias.alias,
            version=alias.version,
            revision=alias.revision,
            set_by=alias.set_by,
            set_at=format_ns(alias.set_ns),
        )


class FactsAnswer(BaseModel):
    """What was measured when the golden pictures were run."""

    engine: str = Field(examples=["onnxruntime/CPU"])
    opset: int
    nodes: int
    weight_bytes: int
    cases: int = Field(description="golden pictures")
    difference: float | None = Field(description="of raw outputs, as a share")
    agreement: float = Field(description="of what was found, 0 to 1")


class ReportAnswer(BaseModel):
    """What a validation found."""

    at: str
    by: str
    good: bool
    findings: list[str]
    facts: FactsAnswer | None = Field(description="null: it did not come that far")

    @classmethod
    def of(cls, report: Report) -> "ReportAnswer":
        """The answer for a report."""
        facts = report.facts
        return cls(
            at=format_ns(report.at_ns),
            by=report.by,
            good=report.is_good,
            findings=list(report.findings),
            facts=FactsAnswer(**facts.model_dump()) if facts is not None else None,
        )


class ModelAnswer(BaseModel):
    """A version of a name."""

    name: str
    version: str
    digest: str = Field(description="sha256 of its record's bytes")
    state: StateSlug
    release: int | None = Field(description="number that was signed; null: none was")
    revision: int = Field(description="to be said by who changes it")
    added_by: str
    added_at: str
    changed_at: str
    aliases: list[str]
    report: ReportAnswer | None = Field(description="of the last validation")

    @classmethod
    def of(cls, model: Model, aliases: Sequence[Alias]) -> "ModelAnswer":
        """The answer for a model, of whose name these are the aliases."""
        return cls(**_values(model, aliases))


class ChangedAnswer(ModelAnswer):
    """A version that somebody changed."""

    left_to_do: str | None = Field(
        description="what the holder of the family's key has to do yet; null: nothing"
    )

    @classmethod
    def changed(cls, model: Model, aliases: Sequence[Alias]) -> "ChangedAnswer":
        """The answer for a model that was changed just now."""
        return cls(**_values(model, aliases), left_to_do=_left_to_do(model))


class ModelsAnswer(BaseModel):
    """A page of the versions of a name, in their order as texts."""

    name: str
    aliases: list[AliasAnswer]
    models: list[ModelAnswer]
    cursor: str = Field(description="of the next page")
    more: bool


class EngineAnswer(BaseModel):
    """A file that a board compiled; no device takes it without a signature."""

    gpu: str = Field(examples=["SM87"])
    tensorrt: str = Field(examples=["10.3"])
    jetpack: str | None = Field(examples=["6.2"])
    sha256: str
    size_bytes: int
    added_by: str
    added_at: str

    @classmethod
    def of(cls, engine: Engine) -> "EngineAnswer":
        """The answer for an engine."""
        return cls(
            gpu=engine.board.gpu,
            tensorrt=engine.board.tensorrt,
            jetpack=engine.board.jetpack or None,
            sha256=engine.sha256,
            size_bytes=engine.size_bytes,
            added_by=engine.added_by,
            added_at=format_ns(engine.added_ns),
        )


class WholeModelAnswer(ModelAnswer):
    """All that is known of a version."""

    engines: list[EngineAnswer]
    record: dict[str, Any] = Field(description="what it is, and how it was measured")

    @classmethod
    def whole(
        cls,
        model: Model,
        aliases: Sequence[Alias],
        engines: Sequence[Engine],
        record: dict[str, Any],
    ) -> "WholeModelAnswer":
        """The answer for a model and what belongs to it."""
        shown = [EngineAnswer.of(one) for one in engines]
        return cls(**_values(model, aliases), engines=shown, record=record)


class StateRequest(BaseModel):
    """The state that is wanted."""

    model_config = ConfigDict(extra="forbid")

    state: Literal["deprecated", "released", "revoked"] = Field(
        description="released: a deprecated one once more; a first release follows from a signature"
    )
    revision: int = Field(ge=1, le=MAX_RELEASE, description="of the model, as it was last seen")


class AliasRequest(BaseModel):
    """The version that an alias should stand for."""

    model_config = ConfigDict(extra="forbid")

    version: str = Field(pattern=f"^{VERSION_PATTERN}$")
    revision: int = Field(
        ge=0, le=MAX_RELEASE, description="of the alias, as it was last seen; 0: there was none"
    )


def _left_to_do(model: Model) -> str | None:
    """Devices believe the signed repository, whose keys are on no server."""
    if model.state is not ModelState.REVOKED or model.release is None:
        return None
    return (
        f"devices run release {model.release} until the signed repository has revoked it too: "
        f"`wayside-cloud repository revoke {model.name} {model.version}` with the family's key"
    )


def _values(model: Model, aliases: Sequence[Alias]) -> dict[str, Any]:
    return {
        "name": model.name,
        "version": model.version,
        "digest": model.digest,
        "state": model.state.value,
        "release": model.release,
        "revision": model.revision,
        "added_by": model.added_by,
        "added_at": format_ns(model.added_ns),
        "changed_at": format_ns(model.changed_ns),
        "aliases": [one.alias for one in aliases if one.version == model.version],
        "report": ReportAnswer.of(model.report) if model.report is not None else None,
    }
