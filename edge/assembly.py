"""A camera's pipeline put together: its source, its networks, its rules."""

from edge.area_line import AreaStages
from edge.camera_settings import CameraSettings
from edge.capture.clock import WallClock
from edge.capture.motion import MotionGate
from edge.networks import Networks
from edge.pipeline import Evidence, Pipeline, Sink, Stages
from edge.rules.areas.engine import CameraAreaRules
from edge.rules.engine import CameraRules
from edge.track.settings import TrackerSettings
from edge.track.tracker import Tracker
from edge.watchdog import Watchdog


class TrackIds:
    """So that no camera uses a track's id twice, however often it begins anew."""

    def __init__(self) -> None:
        self._latest: dict[str, Tracker] = {}

    def tracker(self, camera: str, settings: TrackerSettings) -> Tracker:
        """A tracker for a camera, whose earlier one is at work no longer."""
        earlier = self._latest.get(camera)
        first_id = 1 if earlier is None else earlier.next_id
        self._latest[camera] = Tracker(settings, first_id=first_id)
        return self._latest[camera]


def pipeline_of(
    camera: CameraSettings,
    networks: Networks,
    track_ids: TrackIds,
    sink: Sink,
    wall: WallClock,
    watchdog: Watchdog,
    evidence: Evidence | None = None,
) -> Pipeline:
    """The pipeline of a camera.

    Args:
        camera: its settings.
        networks: that it names, at work while the pipeline runs.
        track_ids: that its earlier pipelines have used.
        sink: takes its events over.
        wall: the device's clock.
        watchdog: ends the process when the sink is stuck.
        evidence: what is hidden and kept of the camera; None: nothing.
    """
    from edge.capture.sources import Camera

    detector = networks.detector(camera.model)
    manifest = detector.model.manifest
    stages = Stages(
        Camera(camera.id, camera, wall).open,
        detector.scheduler,
        track_ids.tracker(camera.id, detector.tracker),
        CameraRules(camera.id, manifest.classes, manifest.name, manifest.version, camera),
        sink,
        _areas(camera, networks),
        evidence,
        detector.model,
    )
    return Pipeline(
        camera.id, camera, stages, wall=wall, watchdog=watchdog, share=camera, gate=_gate(camera),
        keep_pictures=evidence is not None and evidence.wants_pictures,
    )  # fmt: skip


def _gate(camera: CameraSettings) -> MotionGate | None:
    from edge.capture.opencv import thumbnail

    return None if camera.motion is None else MotionGate(camera.motion, thumbnail)


def _areas(camera: CameraSettings, networks: Networks) -> tuple[AreaStages, ...]:
    found = []
    for areas in camera.areas:
        segmenter = networks.segmenter(areas.model)
        manifest = segmenter.model.manifest
        rules = CameraAreaRules(camera.id, manifest.classes, manifest.name, manifest.version, areas)
        found.append(AreaStages(areas.model, segmenter.scheduler, rules, areas, segmenter.model))
    return tuple(found)
