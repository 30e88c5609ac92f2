"""The agent's figures as Prometheus reads them.

Base units, and `_total` of what only grows (https://prometheus.io/docs/practices/naming). Labels
hold ids, causes and states only, never an address: those may hold passwords.
"""

from collections.abc import Iterable, Iterator, Sequence

from prometheus_client import CollectorRegistry
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    InfoMetricFamily,
    Metric,
)
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector

from edge.evidence.stats import EvidenceStats
from edge.histogram import Distribution
from edge.meter import NetworkStats, PipelineStats
from edge.sensors.watch import SensorStats
from edge.telemetry.view import Look, View

_PREFIX = "wayside"


def exposition(look: Look, accept: str) -> tuple[bytes, str]:
    """All figures, and their content type.

    Args:
        look: at the agent.
        accept: header of the request, which chooses between Prometheus' text and OpenMetrics.
    """
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_AgentCollector(look))
    encode, content_type = choose_encoder(accept)
    return encode(registry), content_type


class _AgentCollector(Collector):
    def __init__(self, look: Look) -> None:
        self._look = look

    def describe(self) -> Iterable[Metric]:
        return ()  # else it is asked for all figures when it is registered

    def collect(self) -> Iterator[Metric]:
        view = self._look()
        yield _info(view)
        yield from _of_networks(view.networks)
        yield from _of_cameras(view.cameras)
        yield from _of_evidence(view.evidence)
        yield from _of_sensors(view.sensors)
        yield from _of_outbox(view)
        yield from _of_forwarder(view)
        yield from _of_process(view)
        yield from _of_times(view)


def _info(view: View) -> Metric:
    told = {"device": view.device, "version": view.version}
    return InfoMetricFamily(f"{_PREFIX}_agent", "What runs here", value=told)


def _of_networks(networks: Iterable[NetworkStats]) -> Iterator[Metric]:
    info = InfoMetricFamily(f"{_PREFIX}_network", "And its engine", labels=["id", "model"])
    batches = _counter("batches_inferred", "Batches that a network was given", "id", "model")
    frames = _counter("batched_frames", "Frames in these", "id", "model")
    waited = _counter("queue_wait_seconds", "Of these, until their turn", "id", "model")
    worked = _counter("inference_seconds", "In the network, of all its workers", "id", "model")
    for one in networks:
        did, labels = one.scheduler, [one.id or "model", one.name]
        info.add_metric(labels, {"version": one.version, "engine": one.engine})
        batches.add_metric(labels, did.batches)
        frames.add_metric(labels, did.frames)
        waited.add_metric(labels, did.waited_ns / 1e9)
        worked.add_metric(labels, did.worked_ns / 1e9)
    yield from (info, batches, frames, waited, worked)


def _of_cameras(cameras: Iterable[PipelineStats]) -> Iterator[Metric]:
    captured = _counter("frames_captured", "Frames read from the source", "camera")
    inferred = _counter("frames_inferred", "Frames that went through detector and rules", "camera")
    dropped = _counter("frames_dropped", "Frames that nobody inferred, by cause", "camera", "cause")
    events = _counter("events", "Events handed to the outbox", "camera")
    fps = _gauge("frames_per_second", "Frames inferred, over the last seconds", "camera")
    area_frames = _counter("area_frames_inferred", "Frames seen by area rules", "camera", "id")
    area_dropped = _counter("area_frames_dropped", "Frames not seen", "camera", "id", "cause")
    latency = _gauge("latency_seconds", "From reading a frame to its tracks, median", "camera")
    tracks = _gauge("live_tracks", "Objects in the latest frame", "camera")
    state = _gauge("camera_state", "1 of the state that the source is in", "camera", "state")
    reconnects = _counter("camera_reconnects", "Times that the source came back", "camera")
    resets = _counter("camera_clock_resets", "Times that its timestamps jumped", "camera")
    hanging = _gauge("camera_hanging_reads", "Replaced, and not come back", "camera")
    source_fps = _gauge("camera_frames_per_second", "Pictures that it brings", "camera")
    info = InfoMetricFamily(f"{_PREFIX}_camera", "What decodes it, and its size", labels=["camera"])
    for one in cameras:
        source = one.source
        reconnects.add_metric([one.camera], source.reconnects)
        resets.add_metric([one.camera], source.clock_resets)
        hanging.add_metric([one.camera], source.hanging)
        source_fps.add_metric([one.camera], source.fps)
        size = f"{source.width_px}x{source.height_px}"
        info.add_metric([one.camera], {"decoder": source.decoder, "size": size})
        captured.add_metric([one.camera], one.frames_captured)
        inferred.add_metric([one.camera], one.frames_inferred)
        events.add_metric([one.camera], one.events)
        fps.add_metric([one.camera], one.fps)
        latency.add_metric([one.camera], one.latency_ms / 1e3)
        tracks.add_metric([one.camera], one.live_tracks)
        state.add_metric([one.camera, str(one.state)], 1)
        for cause, count in one.dropped.items():
            dropped.add_metric([one.camera, cause], count)
        for areas in one.areas:
            area_frames.add_metric([one.camera, areas.model], areas.frames_inferred)
            for cause, count in areas.dropped.items():
                area_dropped.add_metric([one.camera, areas.model, cause], count)
    yield from (captured, inferred, dropped, events, fps, latency, tracks, state)
    yield from (area_frames, area_dropped)
    yield from (reconnects, resets, hanging, source_fps, info)


def _of_evidence(evidence: EvidenceStats) -> Iterator[Metric]:
    taken = _counter("pictures_taken", "Pictures of objects", "camera")
    no_room = _counter("pictures_dropped", "That memory had no room for", "camera")
    stills = _counter("clip_stills", "Pictures kept for a clip that may come", "camera")
    missed = _counter("clip_stills_dropped", "Frames and events that came too fast", "camera")
    cut = _counter("clips_cut", "Clips handed on to be written", "camera")
    for camera, one in evidence.cameras.items():
        taken.add_metric([camera], one.pictures_taken)
        no_room.add_metric([camera], one.pictures_dropped)
        stills.add_metric([camera], one.recorder.stills)
        missed.add_metric([camera], one.recorder.dropped)
        cut.add_metric([camera], one.recorder.clips)
    yield from (taken, no_room, stills, missed, cut)
    clips = evidence.clips
    if clips is not None:
        yield InfoMetricFamily(f"{_PREFIX}_clips", "How they are kept", {"codec": clips.codec})
        yield _one_counter("clips_written", "Clips that became files", clips.written)
        yield _one_counter("clips_lost", "Clips that nobody could write in time", clips.lost)
        yield _one_counter("clips_deleted", "Clips that went for age or room", clips.deleted)


def _of_sensors(sensors: Iterable[SensorStats]) -> Iterator[Metric]:
    state = _gauge("sensor_state", "1 of the state that a sensor is in", "sensor", "state")
    readings = _counter("sensor_readings", "Values read", "sensor")
    age = _gauge("sensor_reading_age_seconds", "Since the last value", "sensor")
    for one in sensors:
        state.add_metric([one.sensor, one.state], 1)
        readings.add_metric([one.sensor], one.readings)
        if one.age_s is not None:
            age.add_metric([one.sensor], one.age_s)
    yield from (state, readings, age)


def _of_outbox(view: View) -> Iterator[Metric]:
    depth = view.outbox
    age_s = max(0.0, (view.now_ns - depth.oldest_ns) / 1e9) if depth.oldest_ns else 0.0
    yield _one_gauge("outbox_events", "Durable events without a receipt", depth.rows)
    yield _one_gauge("outbox_staged_events", "Events that no commit has reached", depth.staged)
    yield _one_gauge(
        "outbox_set_aside_events", "Events that the broker refuses for now", depth.set_aside
    )
    yield _one_gauge("outbox_bytes", "What waiting events occupy", depth.bytes)
    yield _one_gauge("outbox_oldest_age_seconds", "Since the oldest was captured; 0: empty", age_s)
    yield _one_counter("outbox_lost_events", "Events given up since the agent started", depth.lost)


def _of_forwarder(view: View) -> Iterator[Metric]:
    stats = view.forwarder
    yield _one_gauge("broker_connected", "1 while a connection stands", int(stats.connected))
    yield _one_gauge("batches_on_the_way", "Batches without a receipt", stats.on_the_way)
    yield _one_counter("batches_sent", "Batches handed to a connection", stats.sent)
    yield _one_counter("batches_resent", "Of these, those that had gone out before", stats.resent)
    yield _one_counter("receipts", "Ranges that receipts held", stats.receipts)
    yield _one_gauge(
        "replay_window_batches", "Old batches of a lane that may be without a receipt",
        stats.replay_window,
    )  # fmt: skip
    if stats.receipt_s is not None:
        yield _one_gauge("receipt_seconds", "From PUBACK to receipt, smoothed", stats.receipt_s)


def _of_process(view: View) -> Iterator[Metric]:
    health = view.health
    yield _one_gauge("resident_memory_bytes", "Of the agent", health.memory_bytes)
    yield _one_gauge("disk_free_bytes", "Under the outbox", health.disk_free_bytes)
    yield _one_gauge("uptime_seconds", "Of the agent", health.uptime_s)


def _of_times(view: View) -> Iterator[Metric]:
    stages = _histogram("stage_seconds", "What a stage takes of a frame", "camera", "stage")
    for camera, of_camera in view.stages.items():
        for stage, distribution in of_camera.items():
            _add(stages, [camera, stage], distribution)
    steps = _histogram("step_seconds", "What a step takes of a picture or batch", "id", "step")
    for network, of_network in view.steps.items():
        for step, distribution in of_network.items():
            _add(steps, [network or "model", step], distribution)
    yield from (stages, steps)
    commits = _histogram("outbox_commit_seconds", "From an event to its being durable", "lane")
    for lane, distribution in view.commits.items():
        _add(commits, [lane.slug], distribution)
    latency = _histogram(
        "publish_latency_seconds", "From an event's frame being captured to its PUBACK", "lane"
    )
    for lane, distribution in view.latency.items():
        _add(latency, [lane.slug], distribution)
    fill = _histogram("batch_events", "Events of the batches sent")
    _add(fill, [], view.batch_fill)
    yield from (commits, latency, fill)


def _histogram(name: str, text: str, *labels: str) -> HistogramMetricFamily:
    return HistogramMetricFamily(f"{_PREFIX}_{name}", text, labels=labels)


def _add(family: HistogramMetricFamily, labels: Sequence[str], found: Distribution) -> None:
    buckets = [(str(float(bound)), float(count)) for bound, count in found.buckets]
    family.add_metric(labels, [*buckets, ("+Inf", float(found.count))], found.total)


def _counter(name: str, text: str, *labels: str) -> CounterMetricFamily:
    return CounterMetricFamily(f"{_PREFIX}_{name}", text, labels=labels)


def _gauge(name: str, text: str, *labels: str) -> GaugeMetricFamily:
    return GaugeMetricFamily(f"{_PREFIX}_{name}", text, labels=labels)


def _one_counter(name: str, text: str, value: float) -> CounterMetricFamily:
    return CounterMetricFamily(f"{_PREFIX}_{name}", text, value=value)


def _one_gauge(name: str, text: str, value: float) -> GaugeMetricFamily:
    return GaugeMetricFamily(f"{_PREFIX}_{name}", text, value=value)
