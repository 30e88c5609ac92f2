"""Birth, heartbeat, goodbye and last will."""

import random
import threading
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
import structlog

from edge.health import HealthProbe
from edge.heartbeat import MAX_ERRORS, Heartbeat, HeartbeatSettings
from edge.publish.clock import clock_offset_ns, clock_synced
from edge.publish.rows import Depth
from edge.publish.uplink import OnPuback
from protos import codec, topics
from protos.v1.device_state_pb2 import DeviceState
from tests.support.processes import wait_until
from wayside.errors import NotConnectedError

OFTEN = HeartbeatSettings(interval_s=0.02, goodbye_timeout_s=0.2)
SELDOM = HeartbeatSettings(interval_s=3600, goodbye_timeout_s=0.2)
DEPTH = Depth(rows=5, bytes=500, oldest_ns=42, lost=2, set_aside=1, staged=0)
BOOT = 0xFEDCBA9876543210


class FakeUplink:
    """Keeps what is published, and answers as it is told."""

    def __init__(self) -> None:
        self.states: list[DeviceState] = []
        self.connected = True
        self.code: int | None = 0

    def publish(self, topic: str, payload: bytes, on_puback: OnPuback) -> None:
        if not self.connected:
            raise NotConnectedError("no connection")
        assert topic == topics.state("gate-1")
        self.states.append(codec.decode(DeviceState, payload))
        if self.code is not None:
            on_puback(self.code)

    def has_said(self, count: int) -> bool:
        return len(self.states) == count

    @property
    def statuses(self) -> list[int]:
        return [state.status for state in self.states]


def content() -> DeviceState:
    state = DeviceState(agent_version="0.1.0", config_revision=7, anchor_id=3)
    state.cameras.add(camera="gate", state="open", fps=9.5, frames=100)
    state.models.add(model="yolox-nano", version="1.0.0")
    return state


@pytest.fixture
def uplink() -> FakeUplink:
    return FakeUplink()


@pytest.fixture
def beats(uplink: FakeUplink) -> Iterator[Heartbeat]:
    heartbeat = make(uplink, SELDOM)
    heartbeat.start()
    yield heartbeat
    heartbeat.stop()


def make(uplink: FakeUplink, settings: HeartbeatSettings) -> Heartbeat:
    return Heartbeat(
        "gate-1",
        BOOT,
        settings,
        publish=uplink.publish,
        content=content,
        depth=lambda: DEPTH,
        health=lambda: DeviceState.Health(uptime_s=9),
        synced=lambda: True,
        offset_ns=lambda: -1_500,
        now_ns=lambda: 1_800_000_000_000_000_000,
        rng=random.Random(1),
    )


def test_a_birth_tells_everything(uplink: FakeUplink, beats: Heartbeat) -> None:
    will = beats.will()
    beats.note_error("camera gate: no route to host")
    beats.on_connected()
    wait_until(lambda: uplink.states, "birth")
    birth = uplink.states[0]
    assert (birth.status, birth.seq, birth.boot) == (DeviceState.BIRTH, 1, BOOT)
    assert (birth.device, birth.clock_synced, birth.heartbeat_interval_s) == ("gate-1", True, 3600)
    assert birth.clock_offset_ns == -1_500
    assert (birth.agent_version, birth.config_revision, birth.anchor_id) == ("0.1.0", 7, 3)
    assert birth.cameras[0].camera == "gate"
    assert birth.models[0].model == "yolox-nano"
    assert birth.outbox == DeviceState.Outbox(rows=5, bytes=500, oldest_ns=42, lost=2, set_aside=1)
    assert birth.health.uptime_s == 9
    assert list(birth.last_errors) == ["camera gate: no route to host"]
    last_will = codec.decode(DeviceState, will.payload)
    assert (last_will.status, last_will.seq) == (DeviceState.DISCONNECTED, 0)
    assert last_will.session == birth.session != 0
    assert will.retain
    assert will.topic == topics.state("gate-1")


def test_each_connection_has_a_session_and_a_birth_of_its_own(
    uplink: FakeUplink, beats: Heartbeat
) -> None:
    for number in range(1, 4):
        beats.will()
        beats.on_connected()
        wait_until(partial(uplink.has_said, number), "birth")
        beats.on_disconnected("broken")
    assert set(uplink.statuses) == {DeviceState.BIRTH}
    assert len({state.session for state in uplink.states}) == 3
    assert [state.seq for state in uplink.states] == [1, 2, 3]


def test_heartbeats_follow_until_the_goodbye(uplink: FakeUplink) -> None:
    heartbeat = make(uplink, OFTEN)
    heartbeat.will()
    heartbeat.start()
    heartbeat.on_connected()
    wait_until(lambda: len(uplink.states) >= 4, "heartbeats")
    heartbeat.stop()
    assert uplink.statuses[0] == DeviceState.BIRTH
    assert set(uplink.statuses[1:-1]) == {DeviceState.ALIVE}
    assert uplink.statuses[-1] == DeviceState.STOPPED
    assert [state.seq for state in uplink.states] == list(range(1, len(uplink.states) + 1))


def test_what_is_awaited_is_told_at_once_and_once(uplink: FakeUplink, beats: Heartbeat) -> None:
    beats.hurry()
    beats.on_connected()
    wait_until(lambda: uplink.states, "birth, which tells of it as well")
    for number in range(2, 5):
        beats.hurry()
        wait_until(partial(uplink.has_said, number), "heartbeat")
    beats.stop()
    assert uplink.statuses == [
        DeviceState.BIRTH, *[DeviceState.ALIVE] * 3, DeviceState.STOPPED,
    ]  # fmt: skip


def test_without_a_connection_nothing_is_said(uplink: FakeUplink) -> None:
    heartbeat = make(uplink, OFTEN)
    heartbeat.start()
    uplink.connected = False
    heartbeat.on_connected()
    heartbeat.on_disconnected("broken")
    heartbeat.on_message("/devices/gate-1/config", b"")
    heartbeat.stop()
    assert uplink.states == []


def test_a_goodbye_that_nobody_takes_does_not_hold_the_stop(uplink: FakeUplink) -> None:
    heartbeat = make(uplink, SELDOM)
    heartbeat.start()
    uplink.code = None
    heartbeat.stop()
    assert uplink.statuses == [DeviceState.STOPPED]


def test_a_refused_heartbeat_is_an_error_in_the_log(uplink: FakeUplink, beats: Heartbeat) -> None:
    uplink.code = 0x87
    with structlog.testing.capture_logs() as logs:
        beats.on_connected()
        wait_until(lambda: logs, "the log")
    assert logs[0]["code"] == "0x87"
    assert logs[0]["log_level"] == "error"


def test_only_the_newest_errors_are_repeated(uplink: FakeUplink, beats: Heartbeat) -> None:
    for number in range(50):
        beats.note_error(f"error {number} " + "x" * 1000)
    beats.on_connected()
    wait_until(lambda: uplink.states, "birth")
    errors = uplink.states[0].last_errors
    assert len(errors) == MAX_ERRORS
    assert errors[-1].startswith("error 49")
    assert all(len(error) <= 300 for error in errors)


def test_health_is_measured(tmp_path: Path) -> None:
    now_s = [100.0]
    probe = HealthProbe(tmp_path, clock=lambda: now_s[0])
    sum(n * n for n in range(300_000))
    now_s[0] = 102.5
    health = probe.read()
    assert health.uptime_s == 2
    assert health.memory_bytes > 1_000_000
    assert health.disk_free_bytes > 0
    assert 0 < health.cpu_percent < 1000
    assert probe.read().cpu_percent == 0.0, "no time has passed"


def test_a_heartbeat_is_small(uplink: FakeUplink) -> None:
    """A device sends one each minute over a link that somebody pays by the byte."""

    def eight_cameras() -> DeviceState:
        state = DeviceState(agent_version="0.1.0", config_revision=7, anchor_id=3)
        for number in range(8):
            state.cameras.add(
                camera=f"entrance-{number}", state="live", fps=24.9, frames=10**7, dropped=10**5,
                latency_ms=41.5, decoder="opencv/FFMPEG h264", width=1920, height=1080,
                source_fps=25.0, reconnects=12,
                drops=[DeviceState.Drop(cause=one, count=10**5) for one in ("too-old", "replaced")],
            )  # fmt: skip
        for number in range(2):
            state.models.add(
                model=f"detector-{number}", version="1.10.0", slot="2", engine="tensorrt/Orin",
                sha256=bytes(range(32)), release=17,
            )  # fmt: skip
        return state

    heartbeat = Heartbeat(
        "gate-1", BOOT, SELDOM, publish=uplink.publish, content=eight_cameras,
        depth=lambda: DEPTH,
        health=lambda: DeviceState.Health(
            cpu_percent=70.5, temperature_c=61.0, gpu_percent=80.0, memory_bytes=10**9,
            disk_free_bytes=10**11, uptime_s=10**6,
        ),
    )  # fmt: skip
    heartbeat.will()
    heartbeat.start()
    heartbeat.on_connected()
    wait_until(lambda: uplink.states, "birth")
    heartbeat.stop()
    assert len(codec.encode(uplink.states[0])) <= 1400


def test_the_kernel_is_asked_for_the_clock() -> None:
    assert clock_synced() in (True, False)
    assert abs(clock_offset_ns()) < 10**9
    assert clock_synced() or clock_offset_ns() == 0
    threads = [threading.Thread(target=clock_synced) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
