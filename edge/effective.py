"""What a settings file and the environment come to, value by value, and who says so.

The environment overrides the file, and the file the defaults.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from edge import settings as edge_settings
from edge.capture.redaction import redact
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
        origin: `agent.yaml:12`, a variable's name, the model that it follows, or DEFAULT.
    """

    key: str
    text: str
    origin: str


def effective(config: Path) -> Iterator[Value]:
    """All values, in the order of the documentation.

    Raises:
        SettingsError: the settings are refused.
    """
    loaded = edge_settings.load(config)
    known = settings.origins(config, prefix=PREFIX)
    named = settings.references(config)
    of_model = loaded.tracker.for_threshold(loaded.model.threshold(zoo.manifest(loaded.model.name)))
    for name, value in of_model:
        if value != getattr(loaded.tracker, name):
            known.setdefault(("tracker", name), f"follows model {loaded.model.name}")
    found = loaded.model_copy(update={"tracker": of_model}).model_dump(mode="json")
    for location, value in _leaves(found, ()):
        origin = _origin(location, known)
        shown = value if _is_variable(origin) else named.get(location, value)
        if location[-1] == "source" and isinstance(shown, str):
            shown = redact(shown)
        text = json.dumps(shown, ensure_ascii=False)
        yield Value(settings.dotted(location), text, origin)


def _origin(location: Location, known: dict[Location, str]) -> str:
    for end in range(len(location), 0, -1):
        if location[:end] in known and (
            end == len(location) or _is_variable(known[location[:end]])
        ):
            return known[location[:end]]
    return DEFAULT


def _is_variable(origin: str) -> bool:
    return origin.startswith(f"{PREFIX}__")


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
