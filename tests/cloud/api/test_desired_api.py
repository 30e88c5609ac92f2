"""What devices shall be, and their updates, over HTTP."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from cloud.fleet.api_key import Role
from cloud.fleet.audit import Audit
from cloud.fleet.database import FleetDatabase
from cloud.fleet.devices import Devices
from cloud.registry.report import Report
from models.record.reading import read_record
from protos.v1.device_state_pb2 import DeviceState
from protos.v1.update_report_pb2 import UpdateReport
from tests.support.api_server import BY, ApiServer, api_server
from tests.support.fleet import fleet_file, heartbeat, way_down
from tests.support.records import registered
from tests.support.signed_repository import SignedRepository
from tests.support.update_reports import update_report

RULES = "cameras:\n- id: door\n  zones: []\n"
DESIRED = "/v1/devices/cam-box/desired"
DIGEST = "ab" * 32


@pytest.fixture
def server(tmp_path: Path) -> Iterator[ApiServer]:
    with api_server(tmp_path) as made:
        yield made


@pytest.fixture
def database(server: ApiServer, tmp_path: Path) -> Iterator[FleetDatabase]:
    """That of the server's devices."""
    with closing(FleetDatabase(fleet_file(tmp_path / "fleet.sqlite"))) as made:
        Devices(made).record(heartbeat())
        yield made


@pytest.fixture
def key(server: ApiServer) -> str:
    return server.key(Role.FLEET_MANAGER)


def reports(database: FleetDatabase, seq: int, **fields: Any) -> None:
    state = heartbeat(seq=seq)
    for name, value in fields.items():
        setattr(state, name, value)
    Devices(database).record(state)


def test_rules_from_the_question_to_their_force(
    server: ApiServer, database: FleetDatabase, key: str
) -> None:
    nothing = server.ask("get", DESIRED, key).json()
    assert (nothing["revision"], nothing["standing"], nothing["changed_at"]) == (
        0, "nothing-said", None,
    )  # fmt: skip
    assert not server.changed.is_set()
    made = server.ask("put", f"{DESIRED}/rules", key, {"yaml": RULES}).json()
    assert server.changed.is_set(), "the sender is woken"
    actor = f"key:{key.split('_')[1]}"
    assert (made["rules"], made["rules_revision"], made["changed_by"]) == (RULES, 1, actor)
    assert (made["revision"], made["reported_revision"], made["standing"]) == (1, 0, "waiting")

    reports(database, 2, refused_revision=1, refusal="no camera 'door'")
    refused = server.ask("get", DESIRED, key).json()
    assert (refused["standing"], refused["refusal"]) == ("refused", "no camera 'door'")
    reports(database, 3, config_revision=1)
    assert server.ask("get", DESIRED, key).json()["standing"] == "in-force"
    own = server.ask("put", f"{DESIRED}/rules", key, {"yaml": "cameras: []"}).json()
    assert (own["rules"], own["rules_revision"], own["standing"]) == (None, 2, "waiting")
    reports(database, 4, config_revision=9)
    assert server.ask("get", DESIRED, key).json()["standing"] == "unknown-revision"
    actions = [entry.action for entry in Audit(database).page()]
    assert actions == ["desired.rules", "desired.rules"]


def test_an_order_from_the_question_to_its_end(
    server: ApiServer, database: FleetDatabase, key: str
) -> None:
    path = f"{DESIRED}/models/detector"
    made = server.ask("put", path, key, {"version": "1.1.0", "sha256": DIGEST}).json()
    [order] = made["orders"]
    assert (order["model"], order["version"], order["sha256"]) == ("detector", "1.1.0", DIGEST)
    assert (order["revision"], order["state"], order["code"]) == (1, None, None)

    updates = way_down(database, lambda: None).updates
    deployment = order["deployment"]
    updates.record_all([
        (update_report(1, UpdateReport.PENDING, deployment=deployment), None),
        (update_report(2, UpdateReport.REJECTED, deployment=deployment, code="below-floor",
                       detail="release 4 is below 5"), None),
    ])  # fmt: skip
    [order] = server.ask("get", "/v1/devices/cam-box", key).json()["desired"]["orders"]
    assert (order["state"], order["code"]) == ("rejected", "below-floor")
    [listed] = server.ask("get", "/v1/devices", key).json()["devices"]
    assert listed["desired"]["orders"] == [order]

    answer = server.ask("get", "/v1/devices/cam-box/updates", key).json()
    [update] = answer["updates"]
    assert (update["deployment"], update["model"]) == (deployment, "detector")
    assert (update["state"], update["code"], update["detail"]) == (
        "rejected", "below-floor", "release 4 is below 5",
    )  # fmt: skip
    assert [(step["state"], step["code"]) for step in update["steps"]] == [
        ("pending", None), ("rejected", "below-floor"),
    ]  # fmt: skip
    gone = server.ask("delete", path, key)
    assert (gone.status_code, gone.json()["orders"], gone.json()["revision"]) == (200, [], 2)
    assert server.ask("delete", path, key).status_code == 409


def test_an_order_is_looked_up(server: ApiServer, database: FleetDatabase, key: str) -> None:
    models = server.registry.models
    models.add("gate", "1.0", DIGEST, BY)
    models.keep_report("gate", "1.0", Report(at_ns=5, by="user:ada", findings=()), BY)
    path = f"{DESIRED}/models/gate"
    refused = server.ask("put", path, key, {"version": "1.0"})
    assert refused.status_code == 409
    assert refused.json()["detail"].startswith("model gate 1.0 is validated, and not released")
    models.release("gate", "1.0", 1, BY)
    server.registry.aliases.set("gate", "champion", "1.0", BY)
    typo = server.ask("put", path, key, {"version": "1.o"})
    assert (typo.status_code, typo.json()["detail"]) == (
        409, "there is no version '1.o' of model 'gate' in the registry; released in the "
        "registry: 1.0; aliases: champion (1.0)",
    )  # fmt: skip
    assert not server.changed.is_set()
    [order] = server.ask("put", path, key, {"version": "champion"}).json()["orders"]
    assert (order["version"], order["sha256"]) == ("1.0", DIGEST)
    other = server.ask("put", path, key, {"version": "1.0", "sha256": "cd" * 32})
    assert other.status_code == 409


def test_an_order_is_looked_up_in_the_signed_repository_too(
    server: ApiServer, database: FleetDatabase, key: str, tmp_path: Path
) -> None:
    record = registered(tmp_path / "made").folder
    repository = SignedRepository(tmp_path / "repository")
    repository.release(record)
    path = f"{DESIRED}/models/gate"
    assert server.ask("put", path, key, {"version": "9"}).status_code == 409
    [order] = server.ask("put", path, key, {"version": "1"}).json()["orders"]
    assert order["sha256"] == read_record(record).digest
    (tmp_path / "repository/metadata/1.root.json").write_text("{}")
    with capture_logs() as logs:
        answer = server.ask("put", path, key, {"version": "1"})
    assert answer.status_code == 503
    assert answer.json()["detail"].startswith("the signed repository cannot be looked into now")
    [said] = [log for log in logs if log["event"] == "the signed repository cannot be used"]
    assert "1.root.json" in said["reason"]


def test_what_a_device_tells_of_itself_is_shown(
    server: ApiServer, database: FleetDatabase, key: str
) -> None:
    state = heartbeat(seq=2)
    state.clock_offset_ns = -1500
    state.models.add(model="detector", version="1.1.0", engine="onnxruntime/CPU", slot="2",
                     sha256=bytes.fromhex(DIGEST), release=7)  # fmt: skip
    state.models.add(model="areas", version="1", engine="onnxruntime/CPU")
    state.health.cpu_percent, state.health.temperature_c = 12.5, 61.0
    state.health.disk_free_bytes, state.health.memory_bytes, state.health.uptime_s = 7, 6, 5
    camera = state.cameras[0]
    camera.reason, camera.decoder, camera.width, camera.height = "lost", "opencv", 640, 360
    camera.source_fps, camera.reconnects, camera.hanging = 25.0, 3, 1
    camera.drops.add(cause="too-old", count=4)
    Devices(database).record(state)
    device = server.ask("get", "/v1/devices/cam-box", key).json()
    assert device["models"] == [
        {"model": "detector", "version": "1.1.0", "engine": "onnxruntime/CPU", "slot": "2",
         "sha256": DIGEST, "release": 7},
        {"model": "areas", "version": "1", "engine": "onnxruntime/CPU", "slot": None,
         "sha256": None, "release": None},
    ]  # fmt: skip
    assert device["health"] == {
        "cpu_percent": 12.5, "temperature_c": 61.0, "gpu_percent": None, "memory_bytes": 6,
        "disk_free_bytes": 7, "uptime_s": 5,
    }  # fmt: skip
    assert device["clock_offset_ns"] == "-1500"
    [shown] = device["cameras"]
    told = {
        "reason": "lost", "decoder": "opencv", "width_px": 640, "height_px": 360,
        "source_fps": 25.0, "reconnects": 3, "hanging": 1, "drops": {"too-old": 4},
    }  # fmt: skip
    assert {name: shown[name] for name in told} == told


def test_a_device_that_tells_nothing_of_its_health(
    server: ApiServer, database: FleetDatabase, key: str
) -> None:
    assert server.ask("get", "/v1/devices/cam-box", key).json()["health"] is None
    assert DeviceState.Health().HasField("gpu_percent") is False


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "says"),
    [
        ("get", "/v1/devices/no-box/desired", None, 404, "no device 'no-box'"),
        ("get", "/v1/devices/no-box/updates", None, 404, "no device 'no-box'"),
        ("put", "/v1/devices/no-box/desired/rules", {"yaml": RULES}, 404, "no device 'no-box'"),
        ("put", f"{DESIRED}/rules", {"yaml": ""}, 400, "yaml: says nothing"),
        ("put", f"{DESIRED}/rules", {"yaml": "cameras: ["}, 400, "yaml:1: is no YAML"),
        ("put", f"{DESIRED}/rules", {"yaml": "a: 1\nb: 2"}, 400, "b: only the device's own"),
        ("put", f"{DESIRED}/rules", {"yaml": 5}, 400, "yaml"),
        ("put", f"{DESIRED}/rules", {"yaml": RULES, "x": 1}, 400, "x"),
        ("put", f"{DESIRED}/models/Detector", {"version": "1"}, 400, "model"),
        ("put", f"{DESIRED}/models/detector", {"version": "1 0"}, 400, "version"),
        ("put", f"{DESIRED}/models/detector", {"version": "1", "sha256": "ab"}, 400, "sha256"),
        ("put", f"{DESIRED}/models/detector", {}, 400, "version"),
        ("delete", f"{DESIRED}/models/detector", None, 409, "no order for model 'detector'"),
    ],
)
def test_what_cannot_be_done_is_told(
    server: ApiServer, database: FleetDatabase, key: str, method: str, path: str, body: object,
    status: int, says: str,
) -> None:  # fmt: skip
    answer = server.ask(method, path, key, body)
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    assert says in answer.json()["detail"]
    assert not server.changed.is_set()


def test_half_a_character_is_told(server: ApiServer, database: FleetDatabase, key: str) -> None:
    """JSON can name one, and no text in UTF-8 holds it."""
    headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
    body = b'{"yaml": "cameras: [] # \\ud800"}'
    answer = server.client.put(f"{DESIRED}/rules", headers=headers, content=body)
    assert (answer.status_code, answer.json()["detail"]) == (400, "yaml: is not UTF-8 text")
