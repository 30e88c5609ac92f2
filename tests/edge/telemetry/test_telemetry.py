"""What programs that watch are told, read by Prometheus' own parser."""

import socket
import threading
from collections.abc import Iterator
from dataclasses import replace
from http.client import HTTPException
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest
from prometheus_client.openmetrics import parser as openmetrics
from prometheus_client.parser import text_string_to_metric_families
from structlog.testing import capture_logs

from edge.app import run_agent
from edge.capture.reader import CameraView
from edge.errors import TelemetryError
from edge.evidence.stats import CameraEvidenceStats, ClipStats, EvidenceStats, RecorderStats
from edge.histogram import Distribution
from edge.infer.scheduler import SchedulerStats
from edge.meter import AreaStats, NetworkStats, PipelineStats
from edge.publish.forwarder import ForwarderStats
from edge.publish.rows import Depth
from edge.sensors.watch import SensorStats
from edge.settings import load
from edge.telemetry.server import MAX_CONNECTIONS, TelemetryServer
from edge.telemetry.view import View
from protos.ids import Lane
from protos.v1.device_state_pb2 import DeviceState
from tests.support.mosquitto import mosquitto
from tests.support.processes import wait_until
from tests.support.small_agent import small_agent
from tests.support.small_cloud import SmallCloud
from wayside.errors import SettingsError

NS = 1_000_000_000
SOURCE = CameraView("live", "", "FFmpeg", 1280, 720, 10.0, 4, 1, 2, {})
CAMERA = PipelineStats(
    "yard",
    "live",
    None,
    120,
    100,
    {"too-old": 18, "replaced": 2},
    9.5,
    42.0,
    3,
    7,
    SOURCE,
    [AreaStats("lanes", 20, {"rate": 80}, 5.0, 60.0)],
)
VIEW = View(
    device="gate-1", version="0.1.0",
    networks=[
        NetworkStats(None, "tiny", "1", "onnxruntime/CPU", SchedulerStats(50, 100, 3 * NS, 2 * NS))
    ],
    cameras=[CAMERA],
    evidence=EvidenceStats(
        ClipStats(6, 1, 2, "h264"), {"yard": CameraEvidenceStats(11, 3, RecorderStats(50, 4, 9))}
    ),
    sensors=[
        SensorStats("gps", "live", "", 40, 0.5), SensorStats("probe", "lost", "gone", 0, None)
    ],
    outbox=Depth(5, 2048, 1_000_000_000, 4, 1, 2),
    forwarder=ForwarderStats(True, 3, 40, 2, 9, 1, 0.25, 4),
    health=DeviceState.Health(memory_bytes=100, disk_free_bytes=200, uptime_s=60),
    now_ns=13_500_000_000,
    steps={None: {"infer": Distribution([(0.1, 3)], 4, 0.5)}},
    stages={"yard": {"network": Distribution([(0.001, 2), (0.25, 5)], 6, 1.5)}},
    commits={Lane.ALARM: Distribution([(0.01, 3)], 3, 0.0125)},
    latency={Lane.ALARM: Distribution([(0.01, 0), (10.0, 1)], 2, 3601.0)},
    batch_fill=Distribution([(1, 4), (100, 7)], 7, 112),
)  # fmt: skip


@pytest.fixture
def views() -> list[View]:
    return [VIEW]


@pytest.fixture
def server(views: list[View]) -> Iterator[TelemetryServer]:
    with TelemetryServer("127.0.0.1", 0, lambda: views[-1]) as running:
        yield running


def get(server: TelemetryServer, path: str, accept: str = "text/plain") -> tuple[int, str]:
    request = Request(f"http://127.0.0.1:{server.port}{path}", headers={"Accept": accept})
    try:
        with urlopen(request, timeout=10) as answer:
            return answer.status, answer.read().decode()
    except HTTPError as error:
        return error.code, error.read().decode()


def test_metrics_are_the_agents_figures(server: TelemetryServer) -> None:
    code, text = get(server, "/metrics?x=1")
    assert code == 200
    found = {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }
    yard = (("camera", "yard"),)
    tiny = (("id", "model"), ("model", "tiny"))
    for name, labels, value in (
        ("wayside_frames_captured_total", yard, 120),
        ("wayside_frames_inferred_total", yard, 100),
        ("wayside_frames_dropped_total", (*yard, ("cause", "too-old")), 18),
        ("wayside_frames_dropped_total", (*yard, ("cause", "replaced")), 2),
        ("wayside_latency_seconds", yard, 0.042),
        ("wayside_camera_reconnects_total", yard, 4),
        ("wayside_camera_hanging_reads", yard, 2),
        ("wayside_camera_info", (*yard, ("decoder", "FFmpeg"), ("size", "1280x720")), 1),
        ("wayside_camera_state", (*yard, ("state", "live")), 1),
        ("wayside_area_frames_inferred_total", (*yard, ("id", "lanes")), 20),
        ("wayside_area_frames_dropped_total", (*yard, ("cause", "rate"), ("id", "lanes")), 80),
        ("wayside_pictures_taken_total", yard, 11),
        ("wayside_pictures_dropped_total", yard, 3),
        ("wayside_clip_stills_total", yard, 50),
        ("wayside_clip_stills_dropped_total", yard, 4),
        ("wayside_clips_cut_total", yard, 9),
        ("wayside_clips_info", (("codec", "h264"),), 1),
        ("wayside_clips_written_total", (), 6),
        ("wayside_clips_lost_total", (), 1),
        ("wayside_clips_deleted_total", (), 2),
        ("wayside_sensor_state", (("sensor", "gps"), ("state", "live")), 1),
        ("wayside_sensor_state", (("sensor", "probe"), ("state", "lost")), 1),
        ("wayside_sensor_readings_total", (("sensor", "gps"),), 40),
        ("wayside_sensor_reading_age_seconds", (("sensor", "gps"),), 0.5),
        ("wayside_network_info", (("engine", "onnxruntime/CPU"), *tiny, ("version", "1")), 1),
        ("wayside_batches_inferred_total", tiny, 50),
        ("wayside_batched_frames_total", tiny, 100),
        ("wayside_queue_wait_seconds_total", tiny, 3),
        ("wayside_inference_seconds_total", tiny, 2),
        ("wayside_outbox_events", (), 5),
        ("wayside_outbox_oldest_age_seconds", (), 12.5),
        ("wayside_outbox_lost_events_total", (), 4),
        ("wayside_broker_connected", (), 1),
        ("wayside_receipt_seconds", (), 0.25),
        ("wayside_replay_window_batches", (), 4),
        ("wayside_resident_memory_bytes", (), 100),
        ("wayside_stage_seconds_bucket", (*yard, ("le", "0.25"), ("stage", "network")), 5),
        ("wayside_stage_seconds_bucket", (*yard, ("le", "+Inf"), ("stage", "network")), 6),
        ("wayside_stage_seconds_count", (*yard, ("stage", "network")), 6),
        ("wayside_stage_seconds_sum", (*yard, ("stage", "network")), 1.5),
        ("wayside_step_seconds_count", (("id", "model"), ("step", "infer")), 4),
        ("wayside_outbox_commit_seconds_sum", (("lane", "alarm"),), 0.0125),
        ("wayside_publish_latency_seconds_count", (("lane", "alarm"),), 2),
        ("wayside_batch_events_bucket", (("le", "100.0"),), 7),
    ):
        assert found[name, labels] == pytest.approx(value), name
    [info] = [dict(labels) for name, labels in found if name == "wayside_agent_info"]
    assert info == {"device": "gate-1", "version": "0.1.0"}


def test_openmetrics_is_spoken_to_who_asks_for_it(server: TelemetryServer) -> None:
    _, text = get(server, "/metrics", "application/openmetrics-text; version=1.0.0")
    assert text.endswith("# EOF\n")
    assert len(list(openmetrics.text_string_to_metric_families(text))) > 20  # type: ignore[no-untyped-call]


def test_an_empty_outbox_has_no_age(server: TelemetryServer, views: list[View]) -> None:
    views.append(
        replace(
            VIEW, outbox=Depth(0, 0, 0, 0, 0, 0), forwarder=replace(VIEW.forwarder, receipt_s=None)
        )
    )
    _, text = get(server, "/metrics")
    assert "wayside_outbox_oldest_age_seconds 0.0" in text
    assert "wayside_receipt_seconds" not in text


def test_ready_is_who_has_every_camera(server: TelemetryServer, views: list[View]) -> None:
    assert get(server, "/readyz") == (200, "ok\n")
    views.append(
        replace(VIEW, cameras=[CAMERA, replace(CAMERA, camera="door", state="reconnecting")])
    )
    assert get(server, "/readyz") == (503, "camera door is reconnecting\n")
    assert get(server, "/healthz") == (200, "ok\n")
    views.append(replace(VIEW, cameras=[replace(CAMERA, state="ended")]))
    assert get(server, "/readyz")[0] == 200
    views.append(replace(VIEW, health=DeviceState.Health(disk_free_bytes=0)))
    assert get(server, "/readyz") == (503, "the disk under the outbox is full\n")


def test_other_paths_and_methods_are_refused(server: TelemetryServer) -> None:
    assert get(server, "/") == (404, "there are /metrics, /healthz and /readyz\n")
    request = Request(f"http://127.0.0.1:{server.port}/metrics", data=b"x", method="POST")
    with pytest.raises(HTTPError) as refused:
        urlopen(request, timeout=10)
    assert refused.value.code == 501
    refused.value.close()


def test_who_says_nothing_holds_nobody_up(server: TelemetryServer) -> None:
    with socket.create_connection(("127.0.0.1", server.port)):
        assert get(server, "/healthz")[0] == 200


@pytest.mark.parametrize("request_line", [b"NONSENSE", b"GET /healthz HTTP/x.y"])
def test_what_is_no_request_is_told_so(
    server: TelemetryServer, capfd: pytest.CaptureFixture[str], request_line: bytes
) -> None:
    with socket.create_connection(("127.0.0.1", server.port), 10) as client:
        client.sendall(request_line + b"\r\n\r\n")
        said = client.makefile("rb").read()
    assert b"400" in said
    assert capfd.readouterr().err == ""


def test_who_sends_a_byte_now_and_then_is_hung_up_on(capfd: pytest.CaptureFixture[str]) -> None:
    with (
        TelemetryServer("127.0.0.1", 0, lambda: VIEW, request_timeout_s=0.2) as server,
        socket.create_connection(("127.0.0.1", server.port), 10) as client,
    ):
        client.settimeout(0.05)  # less than the server waits for the next byte

        def is_hung_up_on() -> bool:
            try:
                client.sendall(b"x")
                return client.recv(1) == b""
            except TimeoutError:
                return False
            except ConnectionError:
                return True

        wait_until(is_hung_up_on, "the end of the connection")
    assert capfd.readouterr().err == ""


def test_connections_are_bounded_and_given_back() -> None:
    with TelemetryServer("127.0.0.1", 0, lambda: VIEW, request_timeout_s=60) as server:
        clients = [
            socket.create_connection(("127.0.0.1", server.port), 10)
            for _ in range(MAX_CONNECTIONS + 4)
        ]
        assert [client.recv(1) for client in clients[MAX_CONNECTIONS:]] == [b""] * 4
        for client in clients:
            client.close()
        wait_until(lambda: answers(server), "a place that is free again")


def answers(server: TelemetryServer) -> bool:
    try:
        return get(server, "/healthz")[0] == 200
    except OSError:
        return False


def test_a_look_that_fails_is_told_in_one_line(capfd: pytest.CaptureFixture[str]) -> None:
    def look() -> View:
        raise RuntimeError("no figures")

    with capture_logs() as logs, TelemetryServer("127.0.0.1", 0, look) as server:
        assert not answers_metrics(server)
        wait_until(lambda: len(logs) > 0, "the line")
    assert [(log["log_level"], log["event"]) for log in logs if log["log_level"] == "error"] == [
        ("error", "telemetry could not answer")
    ]
    assert capfd.readouterr().err == ""


def answers_metrics(server: TelemetryServer) -> bool:
    try:
        return get(server, "/metrics")[0] == 200
    except (OSError, HTTPException):
        return False


def test_it_listens_on_the_loopback_of_ipv6() -> None:
    with (
        TelemetryServer("::1", 0, lambda: VIEW) as server,
        urlopen(f"http://[::1]:{server.port}/healthz", timeout=10) as answer,
    ):
        assert answer.status == 200


def test_a_port_that_is_taken_is_told(server: TelemetryServer) -> None:
    with pytest.raises(TelemetryError, match=f"127.0.0.1:{server.port}: Address already in use"):
        TelemetryServer("127.0.0.1", server.port, lambda: VIEW)


def test_it_stays_on_this_machine(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"telemetry\.host: the agent's metrics on"):
        load(small_agent(tmp_path, telemetry={"host": "0.0.0.0", "port": 9464}))


def test_what_an_agent_tells_is_valid_and_only_grows(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    broker = mosquitto(tmp_path / "broker")
    broker.start()
    cloud = SmallCloud(broker.port)
    cloud.start()
    assert cloud.subscribed.wait(10)
    camera = {"id": "yard", "source": "yard.mp4", "pace": "live", "loop": True}
    settings = load(
        small_agent(
            tmp_path, cameras=[camera], telemetry={"port": port}, mqtt={"port": broker.port}
        )
    )
    stop = threading.Event()
    agent = threading.Thread(target=run_agent, args=(settings, stop))
    agent.start()
    seen: list[dict[str, float]] = [{}]

    def is_all_told() -> bool:
        seen.append(growing(port) or seen[-1])
        now, before = seen[-1], seen[-2]
        assert all(now[name] >= value for name, value in before.items())
        return all(now.get(name, 0) > 0 for name in TOLD)

    try:
        wait_until(is_all_told, "every histogram")
    finally:
        stop.set()
        agent.join(30)
        cloud.stop()
        broker.stop()


TOLD = [
    *(
        f"wayside_stage_seconds_count[yard,{stage}]"
        for stage in ("capture", "wait", "network", "track", "rules")
    ),
    *(f"wayside_step_seconds_count[model,{step}]" for step in ("preprocess", "infer", "heads")),
    "wayside_outbox_commit_seconds_count[state]",
    "wayside_publish_latency_seconds_count[state]",
    "wayside_batch_events_count[]",
]


def growing(port: int) -> dict[str, float]:
    """All counters and buckets by name and labels; buckets must not fall with their bound."""
    request = Request(
        f"http://127.0.0.1:{port}/metrics",
        headers={"Accept": "application/openmetrics-text; version=1.0.0"},
    )
    try:
        with urlopen(request, timeout=10) as answer:
            text = answer.read().decode()
    except OSError:
        return {}
    # Prometheus' strict parser refuses buckets out of order, falling counts and missing +Inf.
    return {
        f"{sample.name}[{','.join(sample.labels.values())}]": sample.value
        for family in openmetrics.text_string_to_metric_families(text)  # type: ignore[no-untyped-call]
        if family.type in ("counter", "histogram")
        for sample in family.samples
    }


def test_an_agent_answers_while_it_runs(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    camera = {"id": "yard", "source": "yard.mp4", "pace": "live", "loop": True}
    settings = load(small_agent(tmp_path, cameras=[camera], telemetry={"port": port}))
    stop = threading.Event()
    agent = threading.Thread(target=run_agent, args=(settings, stop))
    agent.start()
    try:
        wait_until(lambda: inferred(port) > 3, "frames that are counted")
    finally:
        stop.set()
        agent.join(30)
    with pytest.raises(OSError, match="refused"):
        urlopen(f"http://127.0.0.1:{port}/healthz", timeout=10)


def inferred(port: int) -> float:
    try:
        with urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as answer:
            text = answer.read().decode()
    except OSError:
        return 0
    return next(
        sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if sample.name == "wayside_frames_inferred_total"
    )
