"""The shapes of questions and answers about what devices shall be, and about their updates."""

from collections.abc import Sequence
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from cloud.desired.report import state_slug
from cloud.desired.standing import Standing, standing_of
from cloud.desired.state import Desired, Target
from cloud.desired.updates import Update, UpdateStep
from cloud.fleet.device import Device
from models.manifest import Sha256, Version
from protos.ids import boot_text
from wayside.times import format_ns


class RulesRequest(BaseModel):
    """Rules for the cameras of a device."""

    model_config = ConfigDict(extra="forbid")

    yaml: str = Field(
        examples=["cameras:\n- id: gate\n  zones: []\n"],
        description="by camera the zones, lines, ground, rules and objects that replace those of "
        "the device's own file; `cameras: []` gives all of it back to that file",
    )


class ModelRequest(BaseModel):
    """The version of a model that a device shall run."""

    model_config = ConfigDict(extra="forbid")

    version: Version = Field(
        description="that is released, or an alias of the registry",
        examples=["1.1.0", "champion"],
    )
    sha256: Sha256 | None = Field(None, description="of the model's record; null: as it is listed")


class OrderAnswer(BaseModel):
    """An order to run a model, and what became of it."""

    model: str
    version: str
    sha256: str | None = Field(description="of the model's record")
    deployment: str = Field(description="id of the order, which the device's reports repeat")
    ordered_at: str
    ordered_by: str = Field(examples=["key:mfrggzdfmztw", "user:root"])
    revision: int = Field(description="at which it was ordered")
    state: str | None = Field(
        examples=["probation"], description="that the device reports; null: it has told nothing"
    )
    code: str | None = Field(examples=["below-floor"], description="why not, machine-readable")


class StandingAnswer(BaseModel):
    """What a device shall be against what it says it is."""

    revision: int = Field(description="of what it shall be; 0: nothing was ever said")
    reported_revision: int = Field(description="of what is in force on it, by its own word")
    standing: Standing = Field(
        description="unknown-revision: it runs one that was not given out here"
    )
    refusal: str | None = Field(description="why it does not take the revision, by its own word")
    orders: list[OrderAnswer]

    @classmethod
    def of(cls, device: Device, desired: Desired, updates: Sequence[Update]) -> "StandingAnswer":
        """The answer for a device."""
        return cls(**_standing(device, desired, updates))


class DesiredAnswer(StandingAnswer):
    """What a device shall be."""

    device: str
    changed_at: str | None = Field(description="null: nothing was ever said")
    changed_by: str | None
    rules: str | None = Field(description="YAML; null: as the device's own file says")
    rules_revision: int = Field(description="at which they were last changed; 0: never")

    @classmethod
    def of(cls, device: Device, desired: Desired, updates: Sequence[Update]) -> "DesiredAnswer":
        """The answer for a device."""
        return cls(
            device=device.device_id,
            changed_at=format_ns(desired.changed_ns) if desired.revision else None,
            changed_by=desired.changed_by or None,
            rules=desired.rules.decode() or None,
            rules_revision=desired.rules_revision,
            **_standing(device, desired, updates),
        )


class StepAnswer(BaseModel):
    """One report of an update."""

    state: str = Field(examples=["downloading"])
    code: str | None = Field(examples=["probation-latency"])
    detail: str | None
    transition: int = Field(description="counts the changes of the update's state")
    boot: str = Field(description="of the device, when it reported that")
    downloaded_bytes: int
    reported_at: str = Field(description="by the device's own clock")
    arrived_at: str

    @classmethod
    def of(cls, step: UpdateStep) -> "StepAnswer":
        """The answer for a step."""
        return cls(**_step(step))


class UpdateAnswer(StepAnswer):
    """An update: where it stands, and how it came there."""

    deployment: str
    model: str
    from_version: str | None
    to_version: str | None
    revision: int = Field(description="of the desired state that ordered it")
    total_bytes: int | None
    begun_at: str
    steps: list[StepAnswer] = Field(description="the oldest first; only the newest are kept")

    @classmethod
    def of_update(cls, update: Update) -> "UpdateAnswer":
        """The answer for an update."""
        return cls(
            deployment=update.deployment,
            model=update.family,
            from_version=update.from_version or None,
            to_version=update.to_version or None,
            revision=update.revision,
            total_bytes=update.total_bytes or None,
            begun_at=format_ns(update.begun_ns),
            steps=[StepAnswer.of(step) for step in update.steps],
            **_step(update.last),
        )


class UpdatesAnswer(BaseModel):
    """The updates of a device, the one that was last heard of first."""

    device: str
    updates: list[UpdateAnswer]


def _standing(device: Device, desired: Desired, updates: Sequence[Update]) -> dict[str, Any]:
    state = device.heard.state if device.heard is not None else None
    of_deployment = {update.deployment: update for update in updates}
    return {
        "revision": desired.revision,
        "reported_revision": state.config_revision if state is not None else 0,
        "standing": standing_of(desired.revision, state),
        "refusal": (state.refusal or None) if state is not None else None,
        "orders": [
            _order(target, of_deployment.get(target.deployment)) for target in desired.targets
        ],
    }


def _order(target: Target, update: Update | None) -> OrderAnswer:
    return OrderAnswer(
        model=target.family,
        version=target.version,
        sha256=target.sha256.hex() or None,
        deployment=target.deployment,
        ordered_at=format_ns(target.ordered_ns),
        ordered_by=target.ordered_by,
        revision=target.revision,
        state=state_slug(update.last.state) if update is not None else None,
        code=(update.last.code or None) if update is not None else None,
    )


def _step(step: UpdateStep) -> dict[str, Any]:
    return {
        "state": state_slug(step.state),
        "code": step.code or None,
        "detail": step.detail or None,
        "transition": step.transition,
        "boot": boot_text(step.boot),
        "downloaded_bytes": step.downloaded_bytes,
        "reported_at": format_ns(step.reported_ns),
        "arrived_at": format_ns(step.arrived_ns),
    }
