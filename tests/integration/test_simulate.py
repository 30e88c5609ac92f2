"""A simulated fleet at a real Mosquitto."""

import json
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from cloud.simulate.fleet import run_fleet
from cloud.simulate.plan import Plan
from cloud.simulate.report import Report
from protos import codec, topics
from protos.ids import EventId
from protos.v1.device_state_pb2 import DeviceState
from protos.v1.event_batch_pb2 import EventBatch
from tests.support.mosquitto import mosquitto
from tests.support.processes import ServerProcess, free_port, wait_until
from tests.support.small_cloud import Judge, SmallCloud
from wayside.mqtt.messages import Message
from wayside.mqtt.session import MqttSession
from wayside.mqtt.settings import MqttSettings
from wayside.net import TlsSettings


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[ServerProcess]:
    server = mosquitto(tmp_path / "broker")
    server.start()
    yield server
    server.stop()


class States:
    """Every state that a device publishes, from its topic."""

    def __init__(self, port: int) -> None:
        self.heard: list[DeviceState] = []
        self.subscribed = threading.Event()
        self._session: MqttSession[None] = MqttSession(
            MqttSettings(port=port), client_id="states", listener=self
        )

    def __enter__(self) -> "States":
        self._session.start()
        assert self.subscribed.wait(10)
        return self

    def __exit__(self, *exception: object) -> None:
        self._session.stop()

    def on_connected(self, protocol: str) -> None:
        self._session.subscribe([topics.STATE_FILTER])
        self.subscribed.set()

    def on_disconnected(self, reason: str) -> None:
        """Not while a test runs."""

    def on_published(self, context: None, code: int) -> None:
        """Publishes nothing."""

    def on_message(self, message: Message) -> None:
        self.heard.append(codec.decode(DeviceState, message.payload))


def simulated(
    port: int, plan: Plan, *, stores: Judge = lambda batch: True,
    receipts: Judge = lambda batch: True, protocol: str = "5",
) -> tuple[Report, SmallCloud]:  # fmt: skip
    cloud = SmallCloud(port, stores=stores, receipts=receipts)
    cloud.start()
    assert cloud.subscribed.wait(10)
    try:
        settings = MqttSettings.model_validate(
            {"port": port, "protocol": protocol, "retry_initial_s": 0.05, "retry_max_s": 0.2}
        )
        return run_fleet(plan, settings, threading.Event()), cloud
    finally:
        cloud.stop()


def assert_all_stored(report: Report, cloud: SmallCloud) -> None:
    assert report.rows_left == 0
    stored = Counter((e.device, f"{e.boot:016x}", e.lane.slug) for e in cloud.events)
    assert stored == {(device, boot, lane): last for device, boot, lane, last in report.streams}


@pytest.mark.parametrize("protocol", ["5", "3.1.1"])
def test_every_event_arrives_and_gets_its_receipt(broker: ServerProcess, protocol: str) -> None:
    plan = Plan(devices=20, rate=100, duration_s=1.0, events_per_batch=5, seed=1)
    report, cloud = simulated(broker.port, plan, protocol=protocol)
    assert_all_stored(report, cloud)
    tally = report.tally
    assert tally.made == tally.pubacked == tally.receipted == 100
    assert (tally.connections, tally.failures, tally.resent) == (20, 0, 0)
    assert report.counted == sum(
        count.count for event in cloud.events.values() for count in event.counts.counts
    )
    trip_s = tally.percentile_s(0.95)
    assert trip_s is not None
    assert trip_s < 1.0


def test_storms_duplicates_and_disorder_lose_nothing(broker: ServerProcess) -> None:
    plan = Plan(
        devices=20, rate=100, duration_s=2.0, storm_s=0.5, storm_share=0.5, duplicates=0.3,
        reorder=0.3, receipt_timeout_s=1.0, seed=2,
    )  # fmt: skip
    report, cloud = simulated(broker.port, plan)
    assert_all_stored(report, cloud)
    assert report.tally.connections > 40
    assert report.tally.duplicates > 20
    assert max(cloud.deliveries.values()) > 1
    arrived = [batch.first_seq for batch in cloud.batches if batch.device == "sim-00001"]
    assert arrived != sorted(arrived), "some were overtaken"


def test_what_gets_no_receipt_goes_out_again_after_its_timeout(broker: ServerProcess) -> None:
    plan = Plan(devices=5, rate=50, duration_s=1.0, receipt_timeout_s=0.3, seed=3)
    seen: Counter[tuple[str, int, int]] = Counter()

    def not_at_first(batch: EventBatch) -> bool:
        key = (batch.device, int(batch.lane), batch.first_seq)
        seen[key] += 1
        return seen[key] > 1

    report, cloud = simulated(broker.port, plan, stores=not_at_first)
    assert_all_stored(report, cloud)
    assert report.tally.resent == report.tally.made == 50


def test_rows_that_never_get_a_receipt_are_left(broker: ServerProcess) -> None:
    plan = Plan(devices=2, rate=10, duration_s=0.5, drain_s=0.5, seed=4)
    report, _ = simulated(broker.port, plan, receipts=lambda batch: False)
    assert report.rows_left == report.tally.made * 10 > 0
    assert "round trip  none came" in report.lines()


def test_device_is_born_beats_and_says_goodbye(broker: ServerProcess) -> None:
    with States(broker.port) as states:
        plan = Plan(devices=1, rate=1, duration_s=2.5, heartbeat_s=1.0, drain_s=0.1, seed=5)
        run_fleet(plan, MqttSettings(port=broker.port), threading.Event())
        wait_until(lambda: states.heard[-1].status == DeviceState.STOPPED, "the goodbye")
    assert [state.status for state in states.heard[:2]] == [DeviceState.BIRTH, DeviceState.ALIVE]
    assert [state.seq for state in states.heard] == list(range(1, len(states.heard) + 1))
    assert len({(state.boot, state.session) for state in states.heard}) == 1


def test_storm_brings_the_last_will_of_its_own_session(broker: ServerProcess) -> None:
    with States(broker.port) as states:
        plan = Plan(devices=1, rate=1, duration_s=1.5, storm_s=1.0, drain_s=0.1, seed=6)
        run_fleet(plan, MqttSettings(port=broker.port, retry_max_s=0.5), threading.Event())
        wait_until(lambda: states.heard[-1].status == DeviceState.STOPPED, "the goodbye")
    first = states.heard[0]
    [will] = [state for state in states.heard if state.status == DeviceState.DISCONNECTED]
    assert (will.boot, will.session, will.seq) == (first.boot, first.session, 0)
    assert states.heard[-1].session != first.session


def test_fleet_waits_for_a_broker_that_is_away(tmp_path: Path) -> None:
    broker = mosquitto(tmp_path / "late")
    late = threading.Timer(1.0, broker.start)
    late.start()
    cloud = SmallCloud(broker.port)
    cloud.start()
    settings = MqttSettings(port=broker.port, retry_initial_s=0.05, retry_max_s=0.2)
    try:
        plan = Plan(devices=5, rate=20, duration_s=0.5, seed=7)
        report = run_fleet(plan, settings, threading.Event())
        assert_all_stored(report, cloud)
        assert report.tally.failures > 0
    finally:
        late.join()
        cloud.stop()
        broker.stop()


def test_stop_ends_the_making_and_drains(broker: ServerProcess) -> None:
    stop = threading.Event()
    plan = Plan(devices=2, rate=20, duration_s=3600, drain_s=0.0, seed=8)

    def on_progress(seconds: float, rows: int) -> None:
        if seconds > 0.5:
            stop.set()

    report = run_fleet(plan, MqttSettings(port=broker.port), stop, on_progress)
    assert 0 < report.tally.made < 100
    assert report.tally.pubacked == 0 < report.tally.nobody, "nobody subscribes"


def test_fleet_speaks_tls(tmp_path: Path) -> None:
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
         "-nodes", "-days", "2", "-subj", "/CN=localhost", "-addext",
         "subjectAltName=DNS:localhost", "-keyout", str(key), "-out", str(certificate)],
        check=True, capture_output=True,
    )  # fmt: skip
    port = free_port()
    # A broker that root starts would become another user, who may not read our files.
    extra = f"user root\nlistener {port} 127.0.0.1\ncertfile {certificate}\nkeyfile {key}"
    broker = mosquitto(tmp_path / "broker", extra)
    broker.start()
    cloud = SmallCloud(broker.port)
    cloud.start()
    assert cloud.subscribed.wait(10)
    settings = MqttSettings(host="localhost", port=port, tls=TlsSettings(ca_file=certificate))
    try:
        plan = Plan(devices=10, rate=50, duration_s=1.0, events_per_batch=50, seed=9)
        assert_all_stored(run_fleet(plan, settings, threading.Event()), cloud)
    finally:
        cloud.stop()
        broker.stop()


def test_command_prints_a_summary_and_fails_when_rows_are_left(
    broker: ServerProcess, tmp_path: Path
) -> None:
    config, report = tmp_path / "cloud.yaml", tmp_path / "report.json"
    config.write_text(yaml.safe_dump({"broker": {"port": broker.port}}))
    command = [
        sys.executable, "-m", "cloud.cli", "simulate", "-c", str(config), "--devices", "3",
        "--rate", "10", "--duration", "1", "--drain", "0.2", "--seed", "77", "--report",
        str(report),
    ]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.returncode == 1, done.stderr
    assert done.stdout.startswith("seed 77\n")
    written = json.loads(report.read_text())
    assert f"left        {written['rows_left']} events without a receipt" in done.stdout
    assert written["rows_left"] == sum(stream["last_seq"] for stream in written["streams"]) > 0
    stream = written["streams"][0]
    EventId.parse("/".join([stream["device"], stream["boot"], stream["lane"], "1"]))


def test_command_refuses_a_prefix_that_makes_no_ids() -> None:
    command = [sys.executable, "-m", "cloud.cli", "simulate", "--prefix", "No"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.returncode == 2
    assert "No-00001" in done.stderr
