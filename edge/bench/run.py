"""The bench put together from a settings file: everything is tried, whatever else fails."""

import os
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace

from edge.bench.cameras import Pictures, look_at
from edge.bench.capacity import Board, Demand, capacity
from edge.bench.crowd import OBJECTS, Crowd, watched_classes
from edge.bench.report import CameraReport, Report
from edge.bench.stages import AFTER_STAGES, NETWORK_STAGES, Course, measure
from edge.bench.storage import commits, passing_outbox
from edge.bench.timing import Timing
from edge.camera_settings import CameraSettings
from edge.capture.opencv import prepare_opencv
from edge.doctor.disk import remedy_of
from edge.doctor.machine import board
from edge.errors import OutboxError, OutboxFullError
from edge.infer.probe import throughput_of
from edge.publish.outbox import Outbox
from edge.rules.engine import CameraRules
from edge.settings import EdgeSettings
from edge.track.tracker import Tracker
from models import zoo
from models.detector import Detector
from models.errors import ModelError

DECODE_S, STAGES_S, NETWORK_S = 4.0, 8.0, 1.0
"""What reading the cameras, the stages and the network by all workers may take, roughly."""

Say = Callable[[str], None]


def bench(settings: EdgeSettings, say: Say) -> Report:
    """How long each stage takes on this board with these settings.

    Nothing is fetched, nothing is sent, and nothing of it stays on disk. What cannot be measured
    stands in the report, and the rest is measured all the same.

    Args:
        settings: of the agent.
        say: is told what is being done.
    """
    prepare_opencv()
    cpus = len(os.sched_getaffinity(0))
    report = Report(settings.device, board(), cpus, os.getloadavg()[0], settings.model.name)
    report.objects = OBJECTS
    say(f"cameras: {len(settings.cameras)}, each within its time limits")
    seen = list(look_at(settings.cameras, DECODE_S))
    say(f"network: {settings.model.name}")
    with ExitStack() as ends:
        detector = _detector(settings, report, ends)
        outbox = _outbox(settings, report, ends)
        for camera, pictures in zip(settings.cameras, seen, strict=True):
            say(f"stages: {camera.id}")
            seconds = STAGES_S / len(seen)
            report.cameras.append(
                _camera(settings, camera, pictures, detector, outbox, seconds, report.problems)
            )
        if detector is not None and _is_measured(report):
            say("network: by all workers")
            _reckon(settings, report, detector, seen)
        if outbox is not None:
            say("disk")
            _commit(report, outbox)
    return report


def _detector(settings: EdgeSettings, report: Report, ends: ExitStack) -> Detector | None:
    name = settings.model.name
    if not zoo.is_here(name):
        report.problems.append(
            f"network {name}: is not on this device; fetch it with `wayside-models pull {name}`"
        )
        return None
    try:
        manifest, path = zoo.resolve(name)
        detector = Detector.load(manifest, path, settings.model.threads, settings.model.engine)
    except ModelError as error:
        report.problems.append(f"network {name}: {error}")
        return None
    ends.callback(detector.close)
    report.engine = detector.engine.name
    return detector


def _outbox(settings: EdgeSettings, report: Report, ends: ExitStack) -> Outbox | None:
    try:
        return ends.enter_context(
            passing_outbox(settings.data_dir, settings.outbox, settings.device)
        )
    except OSError as error:
        report.problems.append(
            f"disk: cannot be written: {error.strerror}; {remedy_of(error, settings.data_dir)}"
        )
    except OutboxFullError:
        report.problems.append(
            f"disk: {settings.data_dir}: no space left for an outbox; make room on this disk"
        )
    except OutboxError as error:
        report.problems.append(f"disk: {error}")
    return None


def _camera(
    settings: EdgeSettings,
    camera: CameraSettings,
    pictures: Pictures,
    detector: Detector | None,
    outbox: Outbox | None,
    seconds: float,
    problems: list[str],
) -> CameraReport:
    manifest = zoo.manifest(settings.model.name)
    tracker = Tracker(settings.tracker.for_threshold(settings.model.threshold(manifest)))
    rules = CameraRules(camera.id, manifest.classes, manifest.name, manifest.version, camera)
    course = Course(detector, tracker, rules, outbox.append if outbox else lambda _drafts: None)
    crowd = Crowd(*pictures.size_px, watched_classes(camera, manifest.classes))
    try:
        stages = measure(pictures, course, crowd, seconds)
    except ModelError as error:
        problems.append(f"network {settings.model.name}: {error}")
        course = replace(course, detector=None)
        stages = measure(pictures, course, crowd, seconds)
    decode = {} if pictures.decode is None else {"decode": pictures.decode}
    return CameraReport(
        camera.id, camera.shown, *pictures.size_px, pictures.fps,
        min(pictures.fps, camera.max_fps or pictures.fps), camera.min_fps or 0.0, pictures.decoder,
        {**decode, **stages}, pictures.problem,
    )  # fmt: skip


def _is_measured(report: Report) -> bool:
    return all(stage in one.stages for one in report.cameras for stage in NETWORK_STAGES)


def _reckon(
    settings: EdgeSettings, report: Report, detector: Detector, seen: Sequence[Pictures]
) -> None:
    """What the network does by all workers, and what follows from it all."""
    asked = settings.infer.workers
    report.workers = report.cpus if asked == "auto" else asked
    on_cpu = "/CPU" in detector.engine.name
    image = seen[0].images[0]
    report.network_fps = throughput_of(detector, image, report.workers, NETWORK_S)
    alone_ms = _sum_ms(report.cameras[0].stages, NETWORK_STAGES)
    parallel = report.network_fps * alone_ms / 1e3
    demands = [_demand(one) for one in report.cameras]
    report.capacity = capacity(demands, Board(report.cpus, parallel, on_cpu))


def _demand(one: CameraReport) -> Demand:
    stages = one.stages
    return Demand(
        one.camera, one.fps, one.wanted_fps, one.least_fps,
        decode_ms=_sum_ms(stages, ["decode"]),
        network_ms=_sum_ms(stages, NETWORK_STAGES),
        host_ms=_sum_ms(stages, ["pre-process", "heads"]),
        after_ms=_sum_ms(stages, AFTER_STAGES),
    )  # fmt: skip


def _sum_ms(stages: Mapping[str, Timing], names: Sequence[str]) -> float:
    return sum(stages[name].median_ms for name in names if name in stages)


def _commit(report: Report, outbox: Outbox) -> None:
    try:
        report.commit = commits(outbox)
    except OutboxError as error:
        report.problems.append(f"disk: {error}")
