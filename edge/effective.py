"""What a settings file and the environment come to, value by value, and who says so.

The environment overrides what the cloud sent, that the file, and the file the defaults.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from edge.capture.redaction import redact
from edge.desired import load_with_desired
from edge.settings import PREFIX
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
    known = settings.origins(config, prefix=PREFIX, layer=desired.over)
    named = settings.references(config)
    of_model = loaded.tracker.for_threshold(loaded.model.threshold(zoo.manifest(loaded.model.name)))
    for name, value in of_model:
        if value != getattr(loaded.tracker, name):
            known.setdefault(("tracker", name), f"follows model {loaded.model.name}")
    found = loaded.model_copy(update={"tracker": of_model}).model_dump(mode="json")
    for location, value in _leaves(found, ()):
        origin = known.get(location, DEFAULT)
        is_of_file = origin.startswith(f"{config.name}:")
        shown = named.get(location, value) if is_of_file else value
        if location[-1] == "source" and isinstance(shown, str):
            shown = redact(shown)
        text = json.dumps(shown, ensure_ascii=False)
        yield Value(settings.dotted(location), text, origin)


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
