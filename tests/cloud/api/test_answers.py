"""The API as a client sees it."""

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from obstore.store import MemoryStore
from structlog.testing import capture_logs

from cloud.api.access import Access
from cloud.api.app import create_app
from cloud.api.parts import Parts
from cloud.blobs.obstore import ObstoreBlobs
from cloud.desired.way_down import WayDown
from cloud.evidence.snapshots import Snapshots
from cloud.fleet.devices import Devices
from cloud.fleet.erasures import Erasures
from cloud.fleet.lifecycle import Lifecycle
from cloud.registry.registry import Registry
from cloud.repository.lookout import View
from cloud.repository.watch import Alarm, Row
from protos.ids import Lane
from protos.v1.device_state_pb2 import DeviceState
from protos.v1.event_batch_pb2 import EventBatch
from tests.support.fake_store import FakeStore
from tests.support.fleet import (
    fleet_access,
    fleet_devices,
    fleet_down,
    fleet_erasures,
    fleet_lifecycle,
)
from tests.support.model_records import model_registry
from tests.support.stored import START_NS, Event, crossing, person, stored

Get = Callable[..., httpx.Response]


class Server:
    """The application over a store and a table of devices."""

    def __init__(
        self,
        devices: Devices,
        lifecycle: Lifecycle,
        access: Access,
        erasures: Erasures,
        registry: Registry,
        down: WayDown,
    ) -> None:
        self.store = FakeStore()
        self.blobs = ObstoreBlobs(MemoryStore(), "memory")
        self.devices = devices
        self.lifecycle = lifecycle
        self.access = access
        self.erasures = erasures
        self.registry = registry
        self.down = down
        self.running = {"ingest": True, "fleet": True}
        self.view: View | None = None
        self.parts = Parts(
            store=self.store, devices=devices, lifecycle=lifecycle,
            readiness=lambda: self.running, snapshots=Snapshots(self.blobs), access=access,
            erasures=erasures, on_asked=lambda: None, registry=registry, down=down,
            repository=lambda: self.view,
        )  # fmt: skip
        self.app: FastAPI = create_app(self.parts)

    def get(self, path: str, **parameters: Any) -> httpx.Response:
        async def ask() -> httpx.Response:
            transport = httpx.ASGITransport(self.app, raise_app_exceptions=False)
            async with httpx.AsyncClient(transport=transport, base_url="http://api") as client:
                return await client.get(path, params=parameters)

        return asyncio.run(ask())


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    with (
        fleet_devices(tmp_path) as devices,
        fleet_lifecycle(tmp_path) as lifecycle,
        fleet_access(tmp_path, requires_key=False) as access,
        fleet_erasures(tmp_path) as erasures,
        model_registry(tmp_path) as registry,
        fleet_down(tmp_path, lambda: None) as down,
    ):
        yield Server(devices, lifecycle, access, erasures, registry, down)


def test_an_event_is_told_whole(server: Server) -> None:
    event_id = "cam-box/ffffffffffffffff/alarm/1"
    seen = crossing(1)
    seen.snapshot_id = event_id
    server.store.write(stored(seen, boot=2**64 - 1, lane=Lane.ALARM))

    answer = server.get("/v1/events")
    assert answer.status_code == 200
    [event] = answer.json()["events"]
    assert event == {
        "event_id": event_id, "device": "cam-box",
        "boot": "ffffffffffffffff", "lane": "alarm", "seq": 1,
        "captured_at": "2025-06-15T15:06:40.001000000Z", "captured_ns": "1750000000001000000",
        "clock_synced": False,
        "kind": "line-crossed", "camera": "door", "frame": 1,
        "model": "fastestdet", "model_version": "1", "class_name": "person",
        "track_id": 1, "confidence": 0.75,
        "box": {"top": 0.25, "left": 0.5, "width": 0.125, "height": 0.0625},
        "rule": "door-line", "target": "line-a", "direction": "a-to-b",
        "dwell_s": 1.5, "value": 0.0,
        "speed_mps": None, "stationary": False, "median_confidence": None, "polygon": [],
        "other_track_id": None, "interval": None, "areas": [], "sensor": None, "unit": None,
        "snapshot_id": event_id,
    }  # fmt: skip


def test_what_only_some_kinds_have_is_told(server: Server) -> None:
    near = crossing(1)
    near.kind = EventBatch.PROXIMITY
    near.rule_hit.other_track_id = 8
    near.object.speed_mps, near.object.stationary = 1.5, True
    near.object.median_confidence = 0.75
    near.object.polygon.add(x=0.25, y=0.5)
    counts = Event(seq=2, captured_ns=START_NS + 2, kind=EventBatch.COUNTS)
    counts.counts.interval_start_ns = START_NS
    counts.counts.interval_end_ns = START_NS + 60 * 10**9
    counts.counts.counts.add(class_name="car", count=3, direction=EventBatch.B_TO_A)
    areas = Event(seq=3, captured_ns=START_NS + 3, kind=EventBatch.SEGMENTATION)
    area = areas.segmentation.areas.add(class_name="lane", share=0.5)
    area.polygons.add(is_hole=True).points.add(x=0.5, y=0.75)
    reading = Event(seq=4, captured_ns=START_NS + 4, kind=EventBatch.SENSOR)
    reading.sensor.MergeFrom(EventBatch.SensorReading(sensor="cabin", value=21.5, unit="Cel"))
    server.store.write(stored(near, counts, areas, reading))

    told = {event["seq"]: event for event in server.get("/v1/events").json()["events"]}
    names = ("speed_mps", "stationary", "median_confidence", "polygon")
    assert {name: told[1][name] for name in names} == {
        "speed_mps": 1.5, "stationary": True, "median_confidence": 0.75, "polygon": [[0.25, 0.5]],
    }  # fmt: skip
    assert told[1]["other_track_id"] == 8
    assert told[2]["interval"] == {
        "since_at": "2025-06-15T15:06:40.000000000Z",
        "until_at": "2025-06-15T15:07:40.000000000Z",
        "counts": [{"class_name": "car", "direction": "b-to-a", "count": 3}],
    }
    assert told[3]["areas"] == [
        {"class_name": "lane", "share": 0.5,
         "polygons": [{"points": [[0.5, 0.75]], "is_hole": True}]}
    ]  # fmt: skip
    assert (told[4]["sensor"], told[4]["unit"], told[4]["value"]) == ("cabin", "Cel", 21.5)
    assert told[4]["stationary"] is None, "it is of no object"


def test_filters_and_pages(server: Server) -> None:
    server.store.write(stored(*[person(seq) for seq in range(1, 6)], crossing(6)))

    first = server.get("/v1/events", kind="object-started", limit=3).json()
    rest = server.get("/v1/events", kind="object-started", limit=3, cursor=first["cursor"]).json()
    assert [event["seq"] for event in first["events"] + rest["events"]] == [1, 2, 3, 4, 5]
    assert (first["more"], rest["more"]) == (True, False)

    since = "2025-06-15T15:06:40.003Z"
    found = server.get(
        "/v1/events", since=since, until=START_NS + 5_000_000, order="captured",
        device="cam-box", camera="door", class_name="person", lane="state",
    ).json()  # fmt: skip
    assert [event["seq"] for event in found["events"]] == [3, 4]
    assert server.get("/v1/events", rule="door-line", target="line-b").json()["events"] == []


def test_counts(server: Server) -> None:
    server.store.write(stored(*[person(seq) for seq in range(1, 4)], crossing(4)))

    answer = server.get("/v1/counts", since=START_NS, until=START_NS + 10**9, interval_s=3600,
                        group_by=["kind", "camera"]).json()  # fmt: skip
    assert answer["rows"][0] == {
        "start_at": "2025-06-15T15:00:00.000000000Z", "start_ns": "1749999600000000000",
        "group": {"kind": "line-crossed", "camera": "door"}, "count": 1,
    }  # fmt: skip
    assert [row["count"] for row in answer["rows"]] == [1, 3]
    assert server.get("/v1/counts").json()["rows"] == []


def test_devices(server: Server) -> None:
    state = DeviceState(
        schema=1, device="cam-box", boot=10, session=11, seq=2, status=DeviceState.ALIVE,
        reported_ns=START_NS, clock_synced=True, agent_version="1.0", heartbeat_interval_s=30,
        cameras=[DeviceState.Camera(camera="door", state="live", fps=12.5, frames=100)],
        outbox=DeviceState.Outbox(rows=3, bytes=999, oldest_ns=START_NS),
        last_errors=["camera door: no frames"],
    )  # fmt: skip
    server.devices.record(state)
    state.device = "other-box"
    state.ClearField("outbox")
    server.devices.record(state)

    page = server.get("/v1/devices", limit=1).json()
    [device] = page["devices"]
    assert (device["device"], device["status"], device["boot"]) == (
        "cam-box", "alive", "000000000000000a",
    )  # fmt: skip
    assert device["reported_at"] == "2025-06-15T15:06:40.000000000Z"
    assert device["cameras"][0]["fps"] == 12.5
    assert device["outbox"]["oldest_at"] == device["reported_at"]
    assert page["more"]
    rest = server.get("/v1/devices", cursor=page["cursor"]).json()
    assert [one["device"] for one in rest["devices"]] == ["other-box"]
    assert rest["devices"][0]["outbox"] is None
    assert not rest["more"]


@pytest.mark.parametrize(
    ("path", "parameters", "says"),
    [
        ("/v1/events", {"limit": 1001}, "limit"),
        ("/v1/events", {"limit": "many"}, "limit"),
        ("/v1/events", {"since": "yesterday"}, "since: must be like"),
        ("/v1/events", {"since": "1969-01-01T00:00:00Z"}, "since"),
        ("/v1/events", {"lane": "fast"}, "lane"),
        ("/v1/events", {"order": "any"}, "order"),
        ("/v1/events", {"cursor": "nonsense"}, "cursor"),
        ("/v1/counts", {"interval_s": 0}, "interval_s"),
        ("/v1/counts", {"since": 0}, "intervals"),
        ("/v1/counts", {"since": 5, "until": 5}, "since must be before until"),
        ("/v1/counts", {"group_by": "seq"}, "Input should be"),
        ("/v1/devices", {"limit": 0}, "limit"),
    ],
)
def test_wrong_questions_are_told_what_is_wrong(
    server: Server, path: str, parameters: dict[str, Any], says: str
) -> None:
    answer = server.get(path, **parameters)

    assert answer.status_code == 400
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["title"] == "Bad Request"
    assert says in answer.json()["detail"]


def test_unknown_paths_are_problems_too(server: Server) -> None:
    answer = server.get("/v2/events")
    assert answer.status_code == 404
    assert answer.headers["content-type"] == "application/problem+json"


def test_a_store_that_is_away_is_a_503_and_says_nothing_of_itself(server: Server) -> None:
    server.store.away = True
    for path in ("/v1/events", "/v1/counts", "/readyz"):
        answer = server.get(path)
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
        assert answer.json()["detail"] == "the store does not answer now; try again"
    assert server.get("/healthz").json() == {"status": "ok"}


def test_a_fault_is_a_problem_without_details(server: Server) -> None:
    broken: Any = object()
    server.app = create_app(replace(server.parts, store=broken))

    with capture_logs() as logs:
        answer = server.get("/v1/events")
    assert [log["event"] for log in logs] == ["request failed"]
    assert answer.status_code == 500
    assert answer.headers["content-type"] == "application/problem+json"
    assert "object" not in answer.text


def test_ready_means_that_every_part_runs(server: Server) -> None:
    assert server.get("/readyz").status_code == 200
    server.running["ingest"] = False

    answer = server.get("/readyz")
    assert answer.status_code == 503
    assert answer.json()["detail"] == "not running: ingest"


def test_the_repository_is_told_as_it_was_seen(server: Server) -> None:
    assert server.get("/v1/repository").json() == {"looked_at": None, "roles": [], "alarms": []}
    seen = datetime(2026, 3, 1, 8, 30, tzinfo=timezone.utc)
    server.view = View(
        seen,
        (Row("timestamp", 7, seen, is_online=True), Row("family-gate", 2, seen)),
        (Alarm("family-gate", True, "it ended: `wayside-cloud repository renew family:gate`"),),
    )
    assert server.get("/v1/repository").json() == {
        "looked_at": "2026-03-01T08:30:00Z",
        "roles": [
            {"role": "timestamp", "version": 7, "expires": "2026-03-01T08:30:00Z",
             "signed_by_server": True},
            {"role": "family:gate", "version": 2, "expires": "2026-03-01T08:30:00Z",
             "signed_by_server": False},
        ],
        "alarms": [
            {"role": "family:gate", "is_over": True,
             "message": "it ended: `wayside-cloud repository renew family:gate`"},
        ],
    }  # fmt: skip


def test_the_description_is_complete(server: Server) -> None:
    description = server.get("/openapi.json").json()

    assert set(description["paths"]) == {
        "/v1/events", "/v1/counts", "/v1/devices", "/v1/repository", "/healthz", "/readyz",
        "/v1/events/{device}/{boot}/{lane}/{seq}/snapshot",
        "/v1/devices/summary", "/v1/devices/{device}", "/v1/devices/{device}/replace",
        "/v1/devices/{device}/desired", "/v1/devices/{device}/desired/rules",
        "/v1/devices/{device}/desired/models/{model}", "/v1/devices/{device}/updates",
        "/v1/devices/{device}/decommission", "/v1/devices/{device}/recommission",
        "/v1/keys", "/v1/keys/{key_id}", "/v1/audit", "/v1/erasures", "/v1/erasures/{erasure}",
        "/v1/latest", "/v1/zones/top", "/v1/heatmap", "/v1/dwell",
        "/v1/models", "/v1/models/{name}", "/v1/models/{name}/{version}",
        "/v1/models/{name}/{version}/state", "/v1/models/{name}/aliases/{alias}",
        "/v1/enrolments", "/v1/renewals", "/v1/renewals/nonce",
    }  # fmt: skip
    for path in ("/v1/events", "/v1/counts", "/v1/devices", "/v1/latest", "/v1/heatmap"):
        route = description["paths"][path]["get"]
        assert route["summary"]
        assert list(route["responses"]["4XX"]["content"]) == ["application/problem+json"]
        assert "422" not in route["responses"]
