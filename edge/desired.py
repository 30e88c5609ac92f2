"""What the fleet wants the cameras to watch: rules that go before the settings file's.

The cloud says `DesiredState` on the device's config topic. What may stand in its `config_yaml`, and
that nothing else is taken from there, is said in `wayside.remote_rules`. An environment variable
goes before both.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import structlog

from edge.settings import EdgeSettings, load
from protos.codec import decode
from protos.errors import WireError
from protos.v1.desired_state_pb2 import DesiredState
from wayside.disk import REAL, write_whole
from wayside.errors import Problem, SettingsError
from wayside.places import Location
from wayside.remote_rules import read_rules

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
    return Desired(state.revision, read_rules(state.config_yaml, name) or {})


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
        write_whole(REAL, self._path, payload)

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
