"""A replay put together from a settings file: the networks and the rules of one camera."""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

from edge.camera_settings import CameraSettings
from edge.capture.opencv import prepare_opencv
from edge.errors import ReplayError
from edge.evidence.masks import Masks
from edge.model_settings import ModelSettings
from edge.network import LoadedNetwork, load_network
from edge.replay.events import AreasLine, Line, ObjectLine, events
from edge.replay.frames import frames
from edge.replay.lines import lines
from edge.rules.areas.engine import CameraAreaRules
from edge.rules.engine import CameraRules
from edge.settings import EdgeSettings
from edge.track.tracker import Tracker
from models import zoo
from models.detector import Detector
from models.manifest import Manifest
from models.progress import Progress
from models.segmenter import Segmenter
from wayside.times import parse_ns

EARLIEST_NS = 946_684_800_000_000_000
"""2000-01-01. What is before it was meant to be seconds."""

PLAIN_NETWORK = "yolox-nano"


def parse_epoch(text: str) -> int:
    """Unix ns of a recording's first moment.

    Raises:
        ReplayError: it is no time, or one that no recording is from.
    """
    try:
        epoch_ns = parse_ns(text)
    except ValueError as error:
        raise ReplayError(f"--epoch {text!r}: {error}") from error
    if epoch_ns < EARLIEST_NS:
        raise ReplayError(
            f"--epoch {text!r}: is before the year 2000; must be like 2026-05-01T12:00:00Z "
            "(RFC 3339) or Unix nanoseconds, not seconds"
        )
    return epoch_ns


def plain_settings(recording: Path) -> EdgeSettings:
    """Settings that watch for objects only, for who has no settings file yet."""
    camera = {"id": "recording", "source": str(recording.absolute())}
    return EdgeSettings.model_validate(
        {"device": "replay", "model": {"name": PLAIN_NETWORK}, "cameras": [camera]}
    )


def replay(
    settings: EdgeSettings,
    recording: Path,
    epoch_ns: int,
    camera_id: str | None,
    progress: Progress,
) -> Iterator[str]:
    """The events of a recording as lines of JSON, as they are found.

    Nothing leaves the device and nothing is fetched; neither the outbox nor the camera's own
    source is touched. What the camera's network may not see is masked. A TensorRT engine that the
    agent would change over to is left out: the network answers as it does in the agent's first
    frame.

    Args:
        settings: networks and cameras.
        recording: a video's file, or a folder of pictures.
        epoch_ns: Unix time of its first moment.
        camera_id: whose rules; None where there is one camera only.
        progress: told how many frames are done.

    Raises:
        ReplayError: no camera of that id, or a network that is not on this device.
        AssetError, EngineError, ManifestError: the network cannot be used.
        CaptureError: the recording cannot be read.
    """
    camera = _camera(settings.cameras, camera_id)
    prepare_opencv()
    with ExitStack() as ends:
        passed = _lines(settings, camera, ends)
        masks = Masks([one.polygon for one in camera.privacy if one.before_inference])
        read = (
            replace(frame, image=masks.paint(frame.image))
            for frame in frames(camera.id, recording, epoch_ns, camera.fps, progress)
        )
        yield from lines(settings.device, events(read, passed))


def _lines(settings: EdgeSettings, camera: CameraSettings, ends: ExitStack) -> list[Line]:
    """What a frame of the camera passes, in the order of the settings; closed at the end."""
    models = settings.models_in_use
    found = _loaded(settings, models[camera.model], ends)
    assert isinstance(found.network, Detector), "the settings were checked"
    assert found.tracker is not None
    objects = CameraRules(camera.id, *_named(found.network.manifest), camera)
    tracker = Tracker(found.tracker)
    passed: list[Line] = [ObjectLine(found.network, tracker, objects, camera.max_fps)]
    for areas in camera.areas:
        segmenter = _loaded(settings, models[areas.model], ends).network
        assert isinstance(segmenter, Segmenter), "the settings were checked"
        rules = CameraAreaRules(camera.id, *_named(segmenter.manifest), areas)
        passed.append(AreasLine(segmenter, rules, areas.max_fps))
    return passed


def _named(manifest: Manifest) -> tuple[Sequence[str], str, str]:
    return manifest.classes, manifest.name, manifest.version


def _loaded(settings: EdgeSettings, model: ModelSettings, ends: ExitStack) -> LoadedNetwork:
    """A network that is here, and that nothing takes over from."""
    if not zoo.is_here(model.name):
        raise ReplayError(
            f"network {model.name}: is not on this device, and a replay fetches nothing; fetch it "
            f"with `wayside-models pull {model.name}`"
        )
    tensorrt = model.tensorrt.model_copy(update={"enabled": False})
    loaded = load_network(settings, model.model_copy(update={"tensorrt": tensorrt}))
    ends.callback(loaded.network.close)
    return loaded


def _camera(cameras: Sequence[CameraSettings], camera_id: str | None) -> CameraSettings:
    ids = ", ".join(camera.id for camera in cameras)
    if camera_id is None and len(cameras) > 1:
        raise ReplayError(f"the settings have several cameras: choose one with --camera, of {ids}")
    for camera in cameras:
        if camera_id in (None, camera.id):
            return camera
    raise ReplayError(f"the settings have no camera {camera_id!r}; there is {ids}")
