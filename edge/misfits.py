"""Do cameras and networks fit? What is wrong between them, and where."""

from collections.abc import Iterator, Mapping, Sequence

from pydantic import ValidationError

from edge.camera_settings import AreasSettings, CameraSettings
from edge.model_settings import ModelSettings
from edge.rules.areas.settings import unknown_area_classes
from edge.rules.fields import known
from edge.rules.settings import unknown_classes
from edge.track.settings import TrackerSettings
from models import zoo
from models.errors import AssetError, RecordError
from models.manifest import Manifest
from wayside.errors import SettingsError

Misfit = tuple[tuple[str | int, ...], str, str]
"""A place in the settings, what is wrong there, and the value that stands there."""

Models = Mapping[str | None, ModelSettings]
"""Networks by the ids by which cameras name them; None: the agent's `model`."""

Manifests = Mapping[str | None, Manifest]
"""Of those networks that have one."""

OBJECTS = ("detection", "instance-segmentation")
"""Tasks of networks that find objects."""


def misfits(
    models: Models, cameras: Sequence[CameraSettings], tracker: TrackerSettings
) -> Iterator[Misfit]:
    """What does not fit between cameras and the networks that they name.

    Args:
        models: all of them.
        cameras: all of them.
        tracker: its confidences must fit every network that finds objects.
    """
    manifests: dict[str | None, Manifest] = {}
    for key, model in models.items():
        found = _manifest(model)
        if isinstance(found, Manifest):
            manifests[key] = found
        else:
            yield (*_place(key), "name"), found, model.name
    used = {key for camera in cameras for key in camera.models}
    for key in models:
        if key is not None and key not in used:
            told = "no camera uses it; name it in one's `model` or `areas`, or take it away"
            yield _place(key), told, key
    for key, manifest in manifests.items():
        yield from _as_itself(key, models[key], manifest, tracker)
    yield from camera_misfits(models, cameras, manifests)


def camera_misfits(
    models: Models, cameras: Sequence[CameraSettings], manifests: Manifests
) -> Iterator[Misfit]:
    """What of the cameras does not fit the networks that look at their frames now.

    Args:
        models: all of them.
        cameras: all of them.
        manifests: of the networks as they serve; a model may have been exchanged.
    """
    for number, camera in enumerate(cameras):
        for place, message, value in _of_camera(camera, models, manifests):
            yield ("cameras", number, *place), message, value


def _manifest(model: ModelSettings) -> Manifest | str:
    """The manifest, or why there is none."""
    try:
        return zoo.manifest(model.name)
    except (AssetError, RecordError) as error:
        return str(error)
    except SettingsError as error:
        if any(problem.line for problem in error.problems):
            raise  # mistakes in the manifest, each with its own line
        return str(error)


def _place(key: str | None) -> tuple[str, ...]:
    return ("model",) if key is None else ("models", key)


def _as_itself(
    key: str | None, model: ModelSettings, manifest: Manifest, tracker: TrackerSettings
) -> Iterator[Misfit]:
    task = manifest.head.task
    if task in OBJECTS:
        yield from _tracker_contradicts(key, tracker, model.threshold(manifest))
    elif key is None:
        told = f"{model.name!r} is for {task}; cameras take networks for detection"
        yield ("model", "name"), told, model.name


def _tracker_contradicts(
    key: str | None, tracker: TrackerSettings, confidence: float
) -> Iterator[Misfit]:
    try:
        tracker.for_threshold(confidence)
    except ValidationError as error:
        reason = error.errors()[0]["msg"].removeprefix("Value error, ")
        whose = "the model's" if key is None else f"models.{key}'s"
        follows = f"what is not set follows {whose} confidence, {confidence}"
        yield ("tracker",), f"{reason} ({follows})", ""


def _of_camera(camera: CameraSettings, models: Models, manifests: Manifests) -> Iterator[Misfit]:
    yield from _unknown(camera.model, models)
    manifest = manifests.get(camera.model)
    if manifest is not None and manifest.head.task in OBJECTS:
        for place, message in unknown_classes(camera, manifest.classes):
            yield place, message, ""
    elif manifest is not None and camera.model is not None:
        told = f"{camera.model!r} is for {manifest.head.task} and finds no objects; "
        yield ("model",), f"{told}what finds areas is named in `areas`", camera.model
    for number, areas in enumerate(camera.areas):
        for place, message, value in _of_areas(areas, models, manifests):
            yield ("areas", number, *place), message, value


def _of_areas(areas: AreasSettings, models: Models, manifests: Manifests) -> Iterator[Misfit]:
    yield from _unknown(areas.model, models)
    manifest = manifests.get(areas.model)
    if manifest is not None and manifest.head.task == "segmentation":
        for place, message in unknown_area_classes(areas, manifest.classes):
            yield place, message, ""
    elif manifest is not None:
        told = f"{areas.model!r} is for {manifest.head.task}; `areas` need one for segmentation"
        yield ("model",), told, areas.model


def _unknown(key: str | None, models: Models) -> Iterator[Misfit]:
    if key is not None and key not in models:
        names = [name for name in models if name is not None]
        yield ("model",), f"there is no {key!r} in `models`; {known(key, names)}", key
