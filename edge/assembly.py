"""A camera's pipeline put together: its source, its networks, its rules."""

from edge.area_line import AreaStages
from edge.camera_settings import CameraSettings
from edge.capture.clock import WallClock
from edge.networks import Networks
from edge.pipeline import Pipeline, Sink, Stages
from edge.rules.areas.engine import CameraAreaRules
from edge.rules.engine import CameraRules
from edge.track.tracker import Tracker
from edge.watchdog import Watchdog


def pipeline_of(
    camera: CameraSettings, networks: Networks, sink: Sink, wall: WallClock, watchdog: Watchdog
) -> Pipeline:
    """The pipeline of a camera.

    Args:
        camera: its settings.
        networks: that it names, at work while the pipeline runs.
        sink: takes its events over.
        wall: the device's clock.
        watchdog: ends the process when the sink is stuck.
    """
    from edge.capture.sources import Camera

    detector = networks.detector(camera.model)
    manifest = detector.manifest
    stages = Stages(
        Camera(camera.id, camera, wall).open,
        detector.scheduler,
        Tracker(detector.tracker),
        CameraRules(camera.id, manifest.classes, manifest.name, manifest.version, camera),
        sink,
        _areas(camera, networks),
    )
    return Pipeline(camera.id, camera, stages, wall=wall, watchdog=watchdog, share=camera)


def _areas(camera: CameraSettings, networks: Networks) -> tuple[AreaStages, ...]:
    found = []
    for areas in camera.areas:
        segmenter = networks.segmenter(areas.model)
        manifest = segmenter.manifest
        rules = CameraAreaRules(camera.id, manifest.classes, manifest.name, manifest.version, areas)
        found.append(AreaStages(areas.model, segmenter.scheduler, rules, areas))
    return tuple(found)
