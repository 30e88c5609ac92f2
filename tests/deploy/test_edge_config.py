"""deploy/config/edge.yaml shows every setting of the agent, with its default."""

import re
from pathlib import Path
from typing import Any, get_args, get_origin

import yaml
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from edge.settings import EdgeSettings
from edge.track.settings import TrackerSettings
from wayside import settings

FILE = Path(__file__).parents[2] / "deploy" / "config" / "edge.yaml"
TEXT = FILE.read_text()
OPTIONAL = re.compile(r"^( *)#(?=(- )?[a-z_]+:)", re.MULTILINE)
COMPLETE = OPTIONAL.sub(r"\1", TEXT)
"""The text with every optional setting set."""

FOLLOW_THE_MODEL = {"high_confidence", "low_confidence", "new_confidence", "sure_confidence"}
"""Of the tracker: set, they no longer follow the model, so no default is written."""


def parse(text: str) -> EdgeSettings:
    return settings.parse(text, str(FILE), EdgeSettings, environ={}, base=FILE.parent)


def models_in(annotation: Any) -> list[type[BaseModel]]:
    """The models of an annotation, members of unions and items of tuples included."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [model for argument in get_args(annotation) for model in models_in(argument)]


def missing(model: type[BaseModel], written: Any, place: str = "") -> list[str]:
    """Settings below a model that are not written, as dotted names."""
    found = []
    for name, field in model.model_fields.items():
        here = f"{place}.{name}".lstrip(".")
        if name not in written:
            found.append(here)
            continue
        value = written[name]
        if get_origin(field.annotation) is dict:
            continue  # its values have the keys of another section, which shows them
        for inner in models_in(field.annotation):
            items = value if isinstance(value, list) else [value]
            # Of a union's examples, one shows this member: the one that leaves out least.
            found += sorted((missing(inner, item, here) for item in items), key=len)[0]
    return found


def changed(model: BaseModel, written: Any, place: str = "") -> list[str]:
    """Settings below a model that are written and differ from their default."""
    found = []
    for name, field in type(model).model_fields.items():
        value, here = getattr(model, name), f"{place}.{name}".lstrip(".")
        if name not in written:
            continue
        if isinstance(value, BaseModel):
            found += changed(value, written[name], here)
        elif get_origin(field.annotation) is dict:
            continue
        elif models_in(field.annotation):
            for item, written_item in zip(value, written[name], strict=True):
                found += changed(item, written_item, here)
        elif not field.is_required() and value != default(field):
            found.append(here)
    return found


def default(field: FieldInfo) -> Any:
    value = field.get_default(call_default_factory=True)
    return FILE.parent / value if isinstance(value, Path) else value


def test_the_file_is_valid_as_it_stands_and_with_every_optional_setting() -> None:
    assert parse(TEXT).device == "gate-1"
    assert parse(COMPLETE).mqtt.tls is not None


def test_every_setting_is_there() -> None:
    assert missing(EdgeSettings, yaml.safe_load(COMPLETE)) == []


def test_a_setting_that_is_not_there_would_be_found() -> None:
    text = re.sub(r"^ +(ca_file|lost_s|line|min_move):.*\n", "", COMPLETE, flags=re.MULTILINE)
    assert missing(EdgeSettings, yaml.safe_load(text)) == [
        "mqtt.tls.ca_file",
        "cameras.rules.line",
        "cameras.rules.line",
        "cameras.objects.min_move",
        "tracker.lost_s",
        "ota.tls.ca_file",
    ]


def test_what_is_written_is_the_default() -> None:
    assert changed(parse(TEXT), yaml.safe_load(TEXT)) == []


def test_what_is_written_of_sensors_is_the_default_where_there_is_one() -> None:
    complete = parse(COMPLETE)
    written = yaml.safe_load(COMPLETE)["sensors"]
    differing = [
        changed(sensor, keys) for sensor, keys in zip(complete.sensors, written, strict=True)
    ]
    assert differing == [[], ["minimum", "maximum", "min_change"]]


def test_only_what_has_no_default_to_write_is_commented_out() -> None:
    complete, plain = yaml.safe_load(COMPLETE), yaml.safe_load(TEXT)
    optional = set(missing(EdgeSettings, plain)) - set(missing(EdgeSettings, complete))
    names = {name.rpartition(".")[2] for name in optional}
    assert names == {
        "confidence", "pace", "width_px", "height_px", "fps", "min_fps", "max_fps", "classes",
        "model", "models", "areas", "sensors", "tls", "username", "password_file", "file",
        "workspace_mb", "dla_core", "compute_capability", "cache_dir", "motion", "port",
        "schedule", "max_age_s", "repeat_s", "at_least", "at_most", "zone", "kinds",
        "folder", "privacy", "url", "root_file", "max_bytes_per_s", "windows",
        *FOLLOW_THE_MODEL,
    }  # fmt: skip


def test_confidences_of_the_tracker_are_what_would_hold_without_them() -> None:
    complete = parse(COMPLETE)
    threshold = complete.model.confidence
    assert threshold is not None
    assert complete.tracker == TrackerSettings().for_threshold(threshold)


def test_every_setting_is_explained() -> None:
    """Each value has its comment."""
    lines = [line for line in COMPLETE.splitlines() if re.match(r" *(- )?[a-z_]+: ", line)]
    unexplained = [line.strip() for line in lines if "  # " not in line]
    assert unexplained == []
