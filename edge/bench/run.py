"""The bench put together from a settings file: everything is tried, whatever else fails."""

import os
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack

from edge.bench.cameras import look_at
from edge.bench.capacity import Demand, capacity
from edge.bench.crowd import OBJECTS
from edge.bench.looks import Loaded, Looks, loaded
from edge.bench.report import CameraReport, NetworkReport, Report
from edge.bench.stages import AFTER_STAGES, NETWORK_STAGES
from edge.bench.storage import commits, passing_outbox
from edge.bench.timing import Timing
from edge.capture.opencv import prepare_opencv
from edge.doctor.disk import remedy_of
from edge.doctor.machine import board
from edge.errors import OutboxError, OutboxFullError
from edge.infer.probe import throughput_of
from edge.publish.outbox import Outbox
from edge.settings import EdgeSettings
from models.detections import Image
from models.segmenter import Segmenter

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
    report = Report(settings.device, board(), cpus, os.getloadavg()[0], OBJECTS)
    say(f"cameras: {len(settings.cameras)}, each within its time limits")
    seen = list(look_at(settings.cameras, DECODE_S))
    with ExitStack() as ends:
        networks = loaded(settings, report, ends, say)
        outbox = _outbox(settings, report, ends)
        looks = sum(1 + len(camera.areas) for camera in settings.cameras)
        bench_of = Looks(settings, networks, outbox, STAGES_S / looks, report.problems)
        for camera, pictures in zip(settings.cameras, seen, strict=True):
            say(f"stages: {camera.id}")
            report.cameras += bench_of.reports(camera, pictures)
        if all(stage in one.stages for one in report.cameras for stage in NETWORK_STAGES):
            say("networks: by all workers")
            _reckon(settings, report, networks, seen[0].images[0])
        if outbox is not None:
            say("disk")
            _commit(report, outbox)
    return report


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


def _reckon(settings: EdgeSettings, report: Report, networks: Loaded, image: Image) -> None:
    """What each network does by all its workers, and what follows from it all."""
    by_id = {one.id: one for one in report.networks}
    for key, network in networks.items():
        told, asked = by_id[key], settings.infer.workers
        alone = 1 if isinstance(network, Segmenter) else report.cpus
        told.workers = alone if asked == "auto" else asked
        if "/CPU" in told.engine:
            told.cpu_share = min(1.0, told.workers * told.threads / report.cpus)
        told.fps = throughput_of(network, image, told.workers, NETWORK_S / len(networks))
    first = {one.network: one for one in reversed(report.cameras)}
    demands = [_demand(one, first[one.network], by_id[one.network]) for one in report.cameras]
    report.capacity = capacity(demands, report.cpus)


def _demand(one: CameraReport, first: CameraReport, network: NetworkReport) -> Demand:
    """What a camera asks of a network, whose rate was measured on the first one's pictures."""
    stages = one.stages
    share = _sum_ms(stages, NETWORK_STAGES) / _sum_ms(first.stages, NETWORK_STAGES)
    return Demand(
        one.camera, one.fps, one.wanted_fps, one.least_fps,
        decode_ms=_sum_ms(stages, ["decode"]),
        network_ms=1e3 / network.fps * share,
        host_ms=_sum_ms(stages, ["pre-process", "heads"]),
        after_ms=_sum_ms(stages, AFTER_STAGES),
        network=network.id or "model",
        cpu_share=network.cpu_share,
    )  # fmt: skip


def _sum_ms(stages: Mapping[str, Timing], names: Sequence[str]) -> float:
    return sum(stages[name].median_ms for name in names if name in stages)


def _commit(report: Report, outbox: Outbox) -> None:
    try:
        report.commit = commits(outbox)
    except OutboxError as error:
        report.problems.append(f"disk: {error}")
