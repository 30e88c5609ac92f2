"""Rules that the fleet sends to a device's cameras: what may stand in `DesiredState.config_yaml`.

    cameras:
    - id: gate
      zones: [...]
      rules: [...]

It names cameras of the device by their id, and for each the keys that replace those of the device's
own file. Nothing else is said from afar: where pictures come from, what is hidden on them, where
events go and with which secrets is the device's own affair.

Both ends look at it: the cloud before it sends, the device before it takes. What stands below a key
the device alone can judge, for it alone knows its cameras and their networks.
"""

from collections.abc import Mapping
from typing import Any

from wayside.errors import Problem, SettingsError
from wayside.places import Location
from wayside.settings import MAX_BYTES, dotted, read_document

KEYS = ("ground", "lines", "objects", "rules", "zones")
"""Of a camera, what may be said from afar."""

_ONLY = "only the device's own settings say it; the cloud may say"


def read_rules(
    content: bytes, name: str, max_bytes: int = MAX_BYTES
) -> dict[str, dict[str, Any]] | None:
    """What replaces each camera's own settings, by the camera's id; None where nothing is said.

    Args:
        content: YAML in UTF-8.
        name: what it is called in errors.
        max_bytes: of the content.

    Raises:
        SettingsError: it is no YAML, or says what only the device may; every mistake with its line.
    """
    if len(content) > max_bytes:
        raise SettingsError([Problem(name, 0, "", f"larger than {max_bytes} bytes")])
    try:
        text = content.decode()
    except UnicodeDecodeError as error:
        raise SettingsError([Problem(name, 0, "", "is not UTF-8 text")]) from error
    lines: dict[Location, int] = {}
    document = read_document(text, name, lines)
    problems = [
        Problem(name, lines.get(place, 0), dotted(place), told)
        for place, told in _problems(document)
    ]
    if problems:
        raise SettingsError(problems)
    if "cameras" not in document:
        return None
    return {
        camera["id"]: {key: value for key, value in camera.items() if key != "id"}
        for camera in document["cameras"]
    }


def _problems(document: Mapping[str, Any]) -> list[tuple[Location, str]]:
    found: list[tuple[Location, str]] = [
        ((key,), f"{_ONLY} cameras") for key in document if key != "cameras"
    ]
    cameras = document.get("cameras", [])
    if not isinstance(cameras, list):
        return [*found, (("cameras",), "must be a list of cameras")]
    known: list[str] = []
    for place, camera in enumerate(cameras):
        if not isinstance(camera, dict) or not isinstance(camera.get("id"), str):
            found.append((("cameras", place), "must be a mapping with the `id` of a camera"))
            continue
        if camera["id"] in known:
            found.append((("cameras", place, "id"), f"{camera['id']!r} stands twice"))
        known.append(camera["id"])
        found += [
            (("cameras", place, key), f"{_ONLY} {', '.join(KEYS)}")
            for key in camera
            if key != "id" and key not in KEYS
        ]
    return found
