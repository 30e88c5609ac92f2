"""Whole agents with sensors: positions in events, readings, and sensors that misbehave."""

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from edge.app import run_agent
from edge.publish.outbox import Outbox
from edge.publish.settings import OutboxSettings
from edge.rules.port import Event
from edge.sensors.assembly import Sensors
from edge.settings import load
from protos.ids import Lane
from protos.v1.event_batch_pb2 import EventBatch
from tests.support.media import write_video
from tests.support.nmea import PtyReceiver, rmc
from tests.support.processes import wait_until
from tests.support.small_agent import DEVICE, small_agent

SPEED_DEG_S = 8e-4
"""Of the vehicle, to the north: 89 m/s, so that a wrong moment shows."""

RETRY = {"reconnect_initial_s": 0.05, "reconnect_max_s": 0.1}


class Drive:
    """A receiver in a vehicle that drives north from 48 degrees, ten fixes a second."""

    def __init__(self, pty: PtyReceiver) -> None:
        self.pty = pty
        self.begun_ns = time.time_ns()
        self.flooding = threading.Event()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def latitude_deg(self, at_ns: int) -> float:
        return 48 + SPEED_DEG_S * (at_ns - self.begun_ns) / 1e9

    @contextmanager
    def running(self) -> Iterator[None]:
        self._thread.start()
        try:
            yield
        finally:
            self._stop.set()
            self._thread.join()
            self.pty.unplug()

    def _run(self) -> None:
        while not self._stop.wait(0.001 if self.flooding.is_set() else 0.1):
            there = rmc(self.latitude_deg(time.time_ns()), 11.0, speed_mps=88.9, course_deg=0.0)
            self.pty.send(there * 50 if self.flooding.is_set() else there)


@pytest.fixture
def drive(tmp_path: Path) -> Iterator[Drive]:
    pty = PtyReceiver(tmp_path / "ttyGPS")
    pty.plug()
    made = Drive(pty)
    with made.running():
        yield made


def gps(drive: Drive, **changes: Any) -> dict[str, Any]:
    return {"id": "gps", "kind": "gps", "source": str(drive.pty.path), **RETRY, **changes}


def number(path: Path, **changes: Any) -> dict[str, Any]:
    return {"id": path.name, "kind": "file", "path": str(path), "unit": "Cel", "scale": 0.001,
            "interval_s": 0.1, **RETRY, **changes}  # fmt: skip


def live(camera: str, **changes: Any) -> dict[str, Any]:
    return {"id": camera, "source": "yard.mp4", "pace": "live", **changes}


def events(folder: Path) -> list[tuple[Lane, Event]]:
    """The events that wait on disk, with their lanes."""
    outbox = Outbox.open(folder / "data", OutboxSettings(), DEVICE)
    try:
        return [
            (stream.lane, EventBatch.Event.FromString(row.payload))
            for stream, last in outbox.streams()
            for row in outbox.read(stream, 1, last, 10_000)
        ]
    finally:
        outbox.close()


def test_events_of_a_vehicle_carry_the_position_of_their_frame(
    tmp_path: Path, drive: Drive
) -> None:
    (tmp_path / "temp").write_text("45123\n")
    settings = small_agent(
        tmp_path,
        cameras=[live("front"), live("cabin")],
        sensors=[gps(drive, cameras=["front"], every_s=1), number(tmp_path / "temp"),
                 number(tmp_path / "gone")],
        status={"file": "status.json"},
    )  # fmt: skip
    assert run_agent(load(settings), threading.Event())

    found = events(tmp_path)
    front = [event for _, event in found if event.camera == "front" and event.HasField("position")]
    assert {EventBatch.OBJECT_ENDED, EventBatch.CAMERA_STATE} <= {event.kind for event in front}
    for event in front:
        way_s = (drive.latitude_deg(event.captured_ns) - event.position.latitude_deg) / SPEED_DEG_S
        assert abs(way_s) < 1.0  # what a sentence is late on a busy machine
        assert event.position.speed_mps == pytest.approx(88.9, abs=0.1)
    assert not any(e.HasField("position") for _, e in found if e.camera == "cabin")

    readings = [(lane, event) for lane, event in found if event.kind == EventBatch.SENSOR]
    assert {lane for lane, _ in readings} == {Lane.STATS}
    assert {event.sensor.sensor for _, event in readings} == {"gps", "temp"}
    (temp,) = [event for _, event in readings if event.sensor.sensor == "temp"]
    assert (temp.sensor.value, temp.sensor.unit, temp.camera) == (45.123, "Cel", "")

    told = {s["sensor"]: s for s in json.loads((tmp_path / "status.json").read_text())["sensors"]}
    assert {name: sensor["state"] for name, sensor in told.items()} == {
        "gps": "live", "temp": "live", "gone": "lost",
    }  # fmt: skip
    assert "gone cannot be read" in told["gone"]["detail"]
    assert told["temp"]["readings"] > 1


def test_the_heartbeat_says_how_sensors_are(tmp_path: Path) -> None:
    (tmp_path / "temp").write_text("45123")
    settings = load(small_agent(
        tmp_path, sensors=[number(tmp_path / "temp"), number(tmp_path / "gone")]
    ))  # fmt: skip
    with Sensors(settings.sensors, time.time_ns, lambda drafts: None, print) as sensors:
        wait_until(
            lambda: [one.state for one in sensors.reports()] == ["live", "lost"], "both known"
        )
        temp, gone = sensors.reports()
    assert (temp.sensor, gone.sensor) == ("temp", "gone")
    assert temp.readings > 0
    assert temp.reading_age_s < 60
    assert not gone.HasField("reading_age_s")
    assert "cannot be read" in gone.detail


def test_a_sensor_that_misbehaves_costs_no_frame_and_is_taken_back(
    tmp_path: Path, drive: Drive
) -> None:
    temp = tmp_path / "temp"
    temp.write_text("20000")
    path = small_agent(
        tmp_path,
        cameras=[live("front", loop=True)],
        sensors=[gps(drive), number(temp, min_change=1)],
        status={"file": "status.json", "interval_s": 0.1},
        when_done="stay",
    )
    write_video(tmp_path / "yard.mp4", 20, fps=20)
    stop, ended = threading.Event(), []
    thread = threading.Thread(target=lambda: ended.append(run_agent(load(path), stop)))

    def told() -> dict[str, Any]:
        file = tmp_path / "status.json"
        return dict(json.loads(file.read_text())) if file.exists() else {}

    def states(*expected: str) -> Callable[[], bool]:
        return lambda: [sensor["state"] for sensor in told().get("sensors", [])] == [*expected]

    with capture_logs() as logs:
        thread.start()
        wait_until(states("live", "live"), "both sensors")
        drive.pty.unplug()
        temp.write_text("oops")
        wait_until(states("lost", "lost"), "both are lost")
        drive.pty.plug()
        temp.write_text("25000")
        wait_until(states("live", "live"), "both are back")
        drive.flooding.set()
        wait_until(states("lost", "live"), "the flood is noticed")
        frames = told()["cameras"][0]["frames_inferred"]
        wait_until(lambda: told()["cameras"][0]["frames_inferred"] > frames + 10, "frames go on")
        drive.flooding.clear()
        wait_until(states("live", "live"), "the receiver is back")
        stop.set()
        thread.join(20)
    assert ended == [True]
    (last,) = [log for log in logs if log["event"] == "agent ends"]
    assert last["failed_cameras"] == []
    lost = [log["sensor"] for log in logs if log.get("state") == "lost"]
    assert sorted(lost) == ["gps", "temp"]
    values = [event.sensor.value for _, event in events(tmp_path) if event.sensor.sensor == "temp"]
    assert values == [20.0, 25.0]
