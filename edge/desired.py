"""What the fleet wants the cameras to watch: rules that go before the settings file's.

The cloud says `DesiredState` on the device's config topic. Its `config_yaml` names cameras of the
device by their id, and for each the zones, lines and rules that replace those of the file:

    cameras:
    - id: gate
      zones: [...]
      rules: [...]

Nothing else is taken from there: where pictures come from, what is hidden on them, where events go
and with which secrets is said on the device alone. An environment variable goes before both.
"""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import structlog

from edge.rules.settings import CameraRulesSettings
from edge.settings import EdgeSettings, load
from protos.codec import decode
from protos.errors import WireError
from protos.v1.desired_state_pb2 import DesiredState
from wayside.errors import Problem, SettingsError
from wayside.places import Location
from wayside.settings import MAX_BYTES, dotted, read_document

WANTED_KEYS = frozenset(CameraRulesSettings.model_fields)
"""Keys of a camera that the cloud may say."""

_FILE = "desired.pb"
_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Desired:
    """What the cloud wants of the cameras' settings.

    Attributes:
        revision: of the DesiredState, 0 where there was none.
        cameras: what replaces a camera's own settings, by id.
    """

    revision: int = 0
    cameras: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    @property
    def origin(self) -> str:
        """What errors and `config --effective` call it."""
        return f"the cloud's revision {self.revision}"

    def over(self, document: Mapping[str, Any]) -> dict[Location, tuple[str, Any]]:
        """Where its values go in a settings file; a `wayside.settings.Layer`.

        Raises:
            SettingsError: it names a camera that the file does not have.
        """
        ids = _camera_ids(document)
        strangers = [name for name in self.cameras if name not in ids]
        if strangers:
            known = ", ".join(str(name) for name in ids if name)
            told = f"there is no camera {strangers[0]!r} on this device; it has {known or 'none'}"
            raise SettingsError([Problem(self.origin, 0, "cameras", told)])
        return self._places(ids)

    def over_known(self, document: Mapping[str, Any]) -> dict[Location, tuple[str, Any]]:
        """The same of what was taken once: a camera that the file has no more is left out."""
        return self._places(_camera_ids(document))

    def _places(self, ids: Sequence[object]) -> dict[Location, tuple[str, Any]]:
        return {
            ("cameras", ids.index(name), key): (self.origin, value)
            for name, camera in self.cameras.items()
            if name in ids
            for key, value in camera.items()
        }


def _camera_ids(document: Mapping[str, Any]) -> list[object]:
    """Ids in a settings file, in order; None where a camera has none."""
    cameras = document.get("cameras")
    cameras = cameras if isinstance(cameras, list) else []
    return [camera.get("id") if isinstance(camera, dict) else None for camera in cameras]


def read_desired(payload: bytes, device: str) -> Desired:
    """What a DesiredState says of a device's cameras.

    Raises:
        SettingsError: it is for another device, is no YAML, or says what only the device may.
        WireError: it is no DesiredState.
    """
    state = decode(DesiredState, payload)
    name = f"the cloud's revision {state.revision}"
    if state.device != device:
        raise SettingsError([Problem(name, 0, "", f"is for device {state.device!r}")])
    if len(state.config_yaml) > MAX_BYTES:
        raise SettingsError([Problem(name, 0, "", f"larger than {MAX_BYTES} bytes")])
    try:
        text = state.config_yaml.decode()
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
    cameras = document.get("cameras", [])
    return Desired(
        state.revision,
        {
            camera["id"]: {key: value for key, value in camera.items() if key != "id"}
            for camera in cameras
        },
    )


def _problems(document: Mapping[str, Any]) -> list[tuple[Location, str]]:
    only = "only the device's own settings say it; the cloud may say"
    found: list[tuple[Location, str]] = [
        ((key,), f"{only} cameras") for key in document if key != "cameras"
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
        allowed = ", ".join(sorted(WANTED_KEYS))
        found += [
            (("cameras", place, key), f"{only} {allowed}")
            for key in camera
            if key != "id" and key not in WANTED_KEYS
        ]
    return found


class DesiredFile:
    """The last DesiredState that was taken, kept for the next start without a network.

    Args:
        data_dir: the agent's folder.
        device: its id; what was meant for another is not taken.
    """

    def __init__(self, data_dir: Path, device: str) -> None:
        self._path = data_dir / _FILE
        self._device = device

    def read(self) -> Desired:
        """What was kept; nothing where nothing was, or where it can no longer be used."""
        try:
            payload = self._path.read_bytes()
        except FileNotFoundError:
            return Desired()
        except OSError as error:
            return self._unusable(error.strerror or "unreadable")
        try:
            return read_desired(payload, self._device)
        except (WireError, SettingsError) as error:
            return self._unusable(str(error))

    def keep(self, payload: bytes) -> None:
        """Keep a message, whole or not at all.

        Raises:
            OSError: it cannot be written.
        """
        part = self._path.with_suffix(".part")
        with part.open("wb") as file:
            file.write(payload)
            file.flush()
            os.fsync(file.fileno())
        part.replace(self._path)

    def _unusable(self, reason: str) -> Desired:
        _log.error(
            "the cloud's settings cannot be used", path=str(self._path), error=reason,
            remedy="the device's own are in force until the cloud says them again",
        )  # fmt: skip
        return Desired()


def load_with_desired(path: Path) -> tuple[EdgeSettings, Desired]:
    """The settings that an agent begins with, and what of the cloud's is in them.

    What the cloud sent is refused whole where it does not fit the file, as it is now: the file
    alone is in force then, and it is said.

    Raises:
        SettingsError: the file, a variable or the model's manifest is refused.
    """
    own = load(path)
    if not own.remote.rules:
        return own, Desired()
    desired = DesiredFile(own.data_dir, own.device).read()
    try:
        return (load(path, desired.over_known) if desired.cameras else own), desired
    except SettingsError as error:
        _log.error(
            "the cloud's settings do not fit", error=str(error),
            remedy="the device's own are in force until the cloud says others",
        )  # fmt: skip
        return own, Desired()
