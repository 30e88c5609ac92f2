"""Each network at each camera that it looks at, measured."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack

from edge.bench.cameras import Pictures
from edge.bench.crowd import Crowd, watched_classes
from edge.bench.report import CameraReport, NetworkReport, Report
from edge.bench.stages import Course, measure, measure_areas
from edge.bench.timing import Timing
from edge.camera_settings import AreasSettings, CameraSettings
from edge.infer.settings import ShareSettings
from edge.model_settings import ModelSettings
from edge.publish.outbox import Outbox
from edge.rules.areas.engine import CameraAreaRules
from edge.rules.engine import CameraRules
from edge.settings import EdgeSettings
from edge.track.tracker import Tracker
from models import zoo
from models.detector import Detector
from models.errors import ModelError
from models.segmenter import Segmenter
from models.selection import AnyNetwork, network_class

Loaded = dict[str | None, AnyNetwork]
"""Networks that can be used, by the ids by which cameras name them."""


def loaded(
    settings: EdgeSettings, report: Report, ends: ExitStack, say: Callable[[str], None]
) -> Loaded:
    """The networks that cameras use; those that cannot be had are told in the report."""
    found: Loaded = {}
    for key, model in settings.models_in_use.items():
        say(f"network: {model.name}")
        told = NetworkReport(key, model.name, model.threads)
        report.networks.append(told)
        try:
            found[key] = _load(model)
        except ModelError as error:
            report.problems.append(f"network {model.name}: {error}")
            continue
        ends.callback(found[key].close)
        told.engine = found[key].engine.name
    return found


def _load(model: ModelSettings) -> AnyNetwork:
    if not zoo.is_here(model.name):
        raise ModelError(f"is not on this device; fetch it with `wayside-models pull {model.name}`")
    manifest, path = zoo.resolve(model.name)
    return network_class(manifest).load(manifest, path, model.threads, model.engine)


class Looks:
    """Measures what looks at a camera.

    Args:
        settings: of the agent.
        networks: that can be used.
        outbox: None where the disk cannot be written.
        seconds: for each network at each camera.
        problems: is told what goes wrong.
    """

    def __init__(
        self,
        settings: EdgeSettings,
        networks: Loaded,
        outbox: Outbox | None,
        seconds: float,
        problems: list[str],
    ) -> None:
        self._settings = settings
        self._models = settings.models_in_use
        self._networks = networks
        self._outbox = outbox
        self._seconds = seconds
        self._problems = problems

    def reports(self, camera: CameraSettings, pictures: Pictures) -> Iterator[CameraReport]:
        """The network for objects, which is told with decoding, and those for areas."""
        decode = {} if pictures.decode is None else {"decode": pictures.decode}
        stages = {**decode, **self._objects(camera, pictures)}
        yield _report(camera.id, camera, camera.model, camera, pictures, stages)
        for areas in camera.areas:
            name = f"{camera.id}/{areas.model}"
            found = self._areas(camera, areas, pictures)
            yield _report(name, camera, areas.model, areas, pictures, found)

    def _objects(self, camera: CameraSettings, pictures: Pictures) -> Mapping[str, Timing]:
        model = self._models[camera.model]
        manifest = zoo.manifest(model.name)
        crowd = Crowd(*pictures.size_px, watched_classes(camera, manifest.classes))
        settings = self._settings.tracker.for_threshold(model.threshold(manifest))

        def course(detector: Detector | None) -> Course:
            named = (manifest.classes, manifest.name, manifest.version)
            rules = CameraRules(camera.id, *named, camera)
            append = self._outbox.append if self._outbox else lambda _drafts: None
            return Course(detector, Tracker(settings), rules, append)

        network = self._networks.get(camera.model)
        try:
            detector = network if isinstance(network, Detector) else None
            return measure(pictures, course(detector), crowd, self._seconds)
        except ModelError as error:
            self._problems.append(f"network {model.name}: {error}")
            return measure(pictures, course(None), crowd, self._seconds)

    def _areas(
        self, camera: CameraSettings, areas: AreasSettings, pictures: Pictures
    ) -> Mapping[str, Timing]:
        segmenter = self._networks.get(areas.model)
        if not isinstance(segmenter, Segmenter):
            return {}
        manifest = segmenter.manifest
        named = (manifest.classes, manifest.name, manifest.version)
        rules = CameraAreaRules(camera.id, *named, areas)
        try:
            return measure_areas(pictures, segmenter, rules, self._seconds)
        except ModelError as error:
            self._problems.append(f"network {manifest.name}: {error}")
            return {}


def _report(
    name: str,
    camera: CameraSettings,
    network: str | None,
    share: ShareSettings,
    pictures: Pictures,
    stages: Mapping[str, Timing],
) -> CameraReport:
    return CameraReport(
        name, network, camera.shown, *pictures.size_px, pictures.fps,
        min(pictures.fps, share.max_fps or pictures.fps), share.min_fps or 0.0, pictures.decoder,
        stages, pictures.problem if name == camera.id else "",
    )  # fmt: skip
