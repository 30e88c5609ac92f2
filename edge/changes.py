"""What differs between the settings that run and new ones, and whether a running agent can take it.

Cameras come, go and begin anew; rules are exchanged while their camera goes on. Everything else
is what the agent was put together from, and needs a restart. Pure.
"""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel

from edge.camera_settings import CameraSettings
from edge.rules.settings import CameraRulesSettings
from edge.settings import EdgeSettings
from wayside.places import Location
from wayside.settings import dotted

_RULES = frozenset(CameraRulesSettings.model_fields)


@dataclass(frozen=True, slots=True)
class Changes:
    """How to come from the settings that run to new ones.

    Attributes:
        removed: ids of cameras that are no more.
        added: cameras that are new.
        replaced: cameras that begin anew, for more has changed than their rules.
        ruled: cameras that go on, with other rules.
        restart: keys whose change needs a restart: nothing of all this is to be done then.
    """

    removed: tuple[str, ...] = ()
    added: tuple[CameraSettings, ...] = ()
    replaced: tuple[CameraSettings, ...] = ()
    ruled: tuple[CameraSettings, ...] = ()
    restart: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        """True where anything has changed."""
        return bool(self.removed or self.added or self.replaced or self.ruled or self.restart)

    @property
    def told(self) -> dict[str, list[str]]:
        """Ids of the cameras, for a log; without what is empty."""
        found = {
            "removed": list(self.removed),
            "added": [camera.id for camera in self.added],
            "begun_anew": [camera.id for camera in self.replaced],
            "new_rules": [camera.id for camera in self.ruled],
        }
        return {key: ids for key, ids in found.items() if ids}


def changes(
    old: EdgeSettings, new: EdgeSettings, loaded: Collection[str | None] | None = None
) -> Changes:
    """What has changed from one to the other.

    Args:
        old: that run.
        new: that shall.
        loaded: the networks that the agent began with; None: those that `old` uses.
    """
    before = {camera.id: camera for camera in old.cameras}
    after = {camera.id: camera for camera in new.cameras}
    common = [camera for camera in new.cameras if camera.id in before]
    changed = [camera for camera in common if camera != before[camera.id]]
    ruled = [camera for camera in changed if _only_rules(before[camera.id], camera)]
    return Changes(
        removed=tuple(name for name in before if name not in after),
        added=tuple(camera for camera in new.cameras if camera.id not in before),
        replaced=tuple(camera for camera in changed if camera not in ruled),
        ruled=tuple(ruled),
        restart=tuple(
            dotted(location)
            for name in EdgeSettings.model_fields
            if name != "cameras"
            for location in _differing(getattr(old, name), getattr(new, name), (name,))
        )
        + _not_loaded(new, old.models_in_use.keys() if loaded is None else loaded),
    )


def _not_loaded(new: EdgeSettings, loaded: Collection[str | None]) -> tuple[str, ...]:
    """What names a network that nobody used at the start, for they are loaded there."""
    return tuple(
        f"cameras[{at}]'s network {model or new.model.name!r}, which is not loaded"
        for at, camera in enumerate(new.cameras)
        for model in camera.models
        if model not in loaded
    )


def _only_rules(old: CameraSettings, new: CameraSettings) -> bool:
    return not any(
        getattr(old, name) != getattr(new, name)
        for name in CameraSettings.model_fields
        if name not in _RULES
    )


def _differing(old: Any, new: Any, location: Location) -> Iterator[Location]:
    """Places of single values that differ; of a list, the list."""
    if old == new:
        return
    if isinstance(old, BaseModel) and type(old) is type(new):
        for name in type(old).model_fields:
            yield from _differing(getattr(old, name), getattr(new, name), (*location, name))
    else:
        yield location
