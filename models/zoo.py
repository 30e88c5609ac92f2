"""Networks and sample videos by name: fetched, checked, cached. `zoo.yaml` is their list."""

import difflib
from collections.abc import Sequence
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from models.assets import Asset, Places, fetch
from models.errors import AssetError, ManifestError
from models.manifest import Id, Manifest, Sha256, Spdx, load_manifest
from models.progress import Progress
from models.record.reading import plain_file, read_record
from wayside import settings

_Url = Annotated[str, StringConstraints(pattern=r"^https://[^\s]+$")]
_File = Annotated[str, StringConstraints(pattern=r"^[a-z]+/[A-Za-z0-9_-]+\.[a-z0-9]+$")]


NETWORK_SUFFIXES = (".onnx", ".tflite")
"""Of a network beside its manifest."""

_WHERE = "path in an assets folder"


class Network(BaseModel):
    """A network of the zoo."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    url: _Url
    file: _File = Field(description=_WHERE)
    manifest: Manifest

    @property
    def asset(self) -> Asset:
        """The ONNX file."""
        return Asset(self.manifest.name, self.url, self.manifest.sha256, self.file)


class Video(BaseModel):
    """A sample video of the zoo."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    url: _Url
    file: _File = Field(description=_WHERE)
    name: Id
    title: str
    licence: Spdx
    sha256: Sha256

    @property
    def asset(self) -> Asset:
        """The video file."""
        return Asset(self.name, self.url, self.sha256, self.file)


class Zoo(BaseModel):
    """What `zoo.yaml` holds."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    networks: tuple[Network, ...]
    videos: tuple[Video, ...]


@cache
def contents() -> Zoo:
    """The whole list."""
    text = resources.files("models").joinpath("zoo.yaml").read_text(encoding="utf-8")
    return settings.parse(text, "models/zoo.yaml", Zoo)


def names() -> tuple[str, ...]:
    """Names of the networks."""
    return tuple(network.manifest.name for network in contents().networks)


def video_names() -> tuple[str, ...]:
    """Names of the sample videos."""
    return tuple(video.name for video in contents().videos)


def asset(name: str) -> Asset:
    """The file of a network or a sample video.

    Raises:
        AssetError: neither is called so; the message says what is.
    """
    entries: tuple[Network | Video, ...] = (*contents().networks, *contents().videos)
    for entry in entries:
        if entry.asset.name == name:
            return entry.asset
    raise _unknown("network or video", name, (*names(), *video_names()))


def network(
    name: str, progress: Progress | None = None, places: Places | None = None
) -> tuple[Manifest, Path]:
    """A network's manifest and the path of its file, fetched if need be.

    Raises:
        AssetError: no network is called so, or its file cannot be had.
    """
    for entry in contents().networks:
        if entry.manifest.name == name:
            return entry.manifest, fetch(entry.asset, progress, places)
    raise _unknown("network", name, names())


def video(name: str, progress: Progress | None = None, places: Places | None = None) -> Path:
    """The path of a sample video, fetched if need be.

    Raises:
        AssetError: no video is called so, or its file cannot be had.
    """
    for entry in contents().videos:
        if entry.name == name:
            return fetch(entry.asset, progress, places)
    raise _unknown("video", name, video_names())


def resolve(
    name: str, progress: Progress | None = None, places: Places | None = None
) -> tuple[Manifest, Path]:
    """The network that a setting or an argument means: a zoo name, a manifest or a record.

    A manifest `person.yaml` lies beside its network, `person.onnx` or `person.tflite`; a record's
    folder holds both.

    Raises:
        AssetError: no network is called so, or its file cannot be had.
        ManifestError: beside the manifest lies no network, or one of each kind.
        RecordError: the folder holds no record, or a damaged one.
        SettingsError: the manifest is refused.
    """
    if not is_path(name):
        return network(name, progress, places)
    if _is_yaml(name):
        return load_manifest(Path(name)), _beside(Path(name))
    record = read_record(Path(name)).record
    return record.manifest, plain_file(Path(name) / record.network)


def manifest(name: str) -> Manifest:
    """The manifest that a setting means, as `resolve` does, without fetching the network.

    Raises:
        AssetError: no network is called so.
        RecordError: the folder holds no record, or a damaged one.
        SettingsError: the manifest is refused.
    """
    if _is_yaml(name):
        return load_manifest(Path(name))
    if is_path(name):
        return read_record(Path(name)).record.manifest
    for entry in contents().networks:
        if entry.manifest.name == name:
            return entry.manifest
    raise _unknown("network", name, names())


def is_here(name: str, places: Places | None = None) -> bool:
    """True where `resolve` fetches nothing: a path, or a network that this device holds."""
    places = places or Places.of_user()
    return is_path(name) or any(
        places.holds(one.asset) for one in contents().networks if one.manifest.name == name
    )


def is_path(name: str) -> bool:
    """True where it means a manifest's file or a record's folder, not a name of the zoo."""
    return _is_yaml(name) or "/" in name


def _is_yaml(name: str) -> bool:
    return name.endswith((".yaml", ".yml"))


def _beside(manifest_path: Path) -> Path:
    """The network of a manifest's file."""
    places = [manifest_path.with_suffix(suffix) for suffix in NETWORK_SUFFIXES]
    there = [place for place in places if place.is_file()]
    if len(there) == 1:
        return there[0]
    if there:
        raise ManifestError(
            f"{manifest_path}: {' and '.join(place.name for place in there)} both lie beside it, "
            "and it describes one network: give the other a name and a manifest of its own"
        )
    raise ManifestError(
        f"{manifest_path}: its network should lie beside it as "
        f"{' or '.join(place.name for place in places)}"
    )


def _unknown(kind: str, name: str, known: Sequence[str]) -> AssetError:
    close = difflib.get_close_matches(name, known, n=1)
    hint = f"; did you mean {close[0]!r}?" if close else ""
    return AssetError(
        f"no {kind} of the zoo is called {name!r}; there are {', '.join(known)}{hint}"
    )
