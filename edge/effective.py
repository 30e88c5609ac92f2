"""What a settings file and the environment come to, value by value, and who says so.

The environment overrides what the cloud sent, that the file, and the file the defaults.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from edge.capture.redaction import redact
from edge.desired import load_with_desired
from edge.misfits import OBJECTS
from edge.model_settings import ModelSettings
from edge.settings import PREFIX, EdgeSettings
from edge.track.settings import TrackerSettings
from models import zoo
from wayside import settings
from wayside.places import Location

DEFAULT = "default"


class Value(NamedTuple):
    """One value.

    Attributes:
        key: `cameras[0].rules[2].zone`.
        text: as JSON, and so as YAML; without credentials.
        origin: `agent.yaml:12`, a variable's name, the cloud's revision, the model that it
            follows, or DEFAULT.
    """

    key: str
    text: str
    origin: str


def effective(config: Path) -> Iterator[Value]:
    """All values, in the order of the documentation.

    Raises:
        SettingsError: the settings are refused.
    """
    loaded, desired = load_with_desired(config)
    known = settings.origins(config, prefix=PREFIX, layer=desired.over_known)
    named = settings.references(config)
    of_model = _tracker(loaded, loaded.model)
    others = {
        key: _tracker(loaded, model)
        for key, model in loaded.models.items()
        if zoo.manifest(model.name).head.task in OBJECTS
    }
    for name, value in of_model:
        if value != getattr(loaded.tracker, name):
            differing = [
                f"; {getattr(other, name)} with models.{key}"
                for key, other in others.items()
                if getattr(other, name) != value
            ]
            told = f"follows model {loaded.model.name}{''.join(differing)}"
            known.setdefault(("tracker", name), told)
    found = loaded.model_copy(update={"tracker": of_model}).model_dump(mode="json")
    for location, value in _leaves(found, ()):
        origin = known.get(location, DEFAULT)
        is_of_file = origin.startswith(f"{config.name}:")
        shown = named.get(location, value) if is_of_file else value
        if location[-1] == "source" and isinstance(shown, str):
            shown = redact(shown)
        text = json.dumps(shown, ensure_ascii=False)
        yield Value(settings.dotted(location), text, origin)


def _tracker(loaded: EdgeSettings, model: ModelSettings) -> TrackerSettings:
    """The tracker's settings on the scale of a model."""
    return loaded.tracker.for_threshold(model.threshold(zoo.manifest(model.name)))


def _leaves(value: Any, location: Location) -> Iterator[tuple[Location, Any]]:
    """Values that are no sections; a list of plain values, such as a point, is one."""
    if isinstance(value, dict) and value:
        for key, inner in value.items():
            yield from _leaves(inner, (*location, key))
    elif isinstance(value, list) and any(isinstance(inner, dict) for inner in value):
        for index, inner in enumerate(value):
            yield from _leaves(inner, (*location, index))
    else:
        yield location, value
