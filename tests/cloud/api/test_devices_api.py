"""Devices over HTTP: presence, and what people do to them."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from cloud.fleet.api_key import Role
from cloud.fleet.audit import Audit
from cloud.fleet.database import FleetDatabase
from cloud.fleet.devices import Devices
from tests.support.api_server import ApiServer, api_server
from tests.support.fleet import fleet_file, heartbeat


@pytest.fixture
def server(tmp_path: Path) -> Iterator[ApiServer]:
    with api_server(tmp_path) as made:
        yield made


@pytest.fixture
def database(server: ApiServer, tmp_path: Path) -> Iterator[FleetDatabase]:
    """That of the server's devices."""
    with closing(FleetDatabase(fleet_file(tmp_path / "fleet.sqlite"))) as made:
        yield made


def test_a_device_from_its_registration_to_its_end(
    server: ApiServer, database: FleetDatabase
) -> None:
    key = server.key(Role.FLEET_MANAGER)
    made = server.ask("post", "/v1/devices", key, {"device": "cam-box"})
    assert made.status_code == 201
    device = made.json()
    assert (device["presence"], device["presence_since_at"]) == (
        "never-seen", device["registered_at"],
    )  # fmt: skip
    assert {device[name] for name in ("status", "boot", "last_seen_at", "agent_version")} == {None}
    assert (device["cameras"], device["outbox"], device["last_errors"]) == ([], None, [])
    twice = server.ask("post", "/v1/devices", key, {"device": "cam-box"})
    assert (twice.status_code, twice.json()["title"]) == (409, "Conflict")
    assert "is registered already" in twice.json()["detail"]

    Devices(database).record(heartbeat())
    device = server.ask("get", "/v1/devices/cam-box", key).json()
    assert (device["presence"], device["presence_since_at"], device["boot"]) == (
        "online", device["first_seen_at"], "f" * 16,
    )  # fmt: skip
    replaced = server.ask("post", "/v1/devices/cam-box/replace", key).json()
    assert (replaced["presence"], replaced["presence_since_at"]) == (
        "never-seen", replaced["replaced_at"],
    )  # fmt: skip
    assert replaced["first_seen_at"] == device["first_seen_at"]
    gone = server.ask("post", "/v1/devices/cam-box/decommission", key).json()
    assert gone["decommissioned_at"] is not None
    assert server.ask("get", "/v1/devices", key).json()["devices"] == []
    assert server.ask("get", "/v1/devices?decommissioned=true", key).json()["devices"] == [gone]
    assert server.ask("post", "/v1/devices/cam-box/replace", key).status_code == 409
    back = server.ask("post", "/v1/devices/cam-box/recommission", key).json()
    assert back == {**gone, "decommissioned_at": None}

    actor = f"key:{key.split('_')[1]}"
    assert {(entry.actor, entry.target) for entry in Audit(database).page()} == {(actor, "cam-box")}


def test_sensors_are_told_as_the_device_tells_them(
    server: ApiServer, database: FleetDatabase
) -> None:
    state = heartbeat()
    state.sensors.add(sensor="cabin", state="live", readings=7, reading_age_s=0.5)
    state.sensors.add(sensor="gps", state="lost", detail="no such device")
    Devices(database).record(state)
    device = server.ask("get", "/v1/devices/cam-box", server.key(Role.FLEET_MANAGER)).json()
    assert device["sensors"] == [
        {"sensor": "cabin", "state": "live", "detail": None, "readings": 7, "reading_age_s": 0.5},
        {"sensor": "gps", "state": "lost", "detail": "no such device", "readings": 0,
         "reading_age_s": None},
    ]  # fmt: skip


def test_devices_are_found_and_counted_by_presence(
    server: ApiServer, database: FleetDatabase
) -> None:
    key = server.key(Role.FLEET_MANAGER)
    server.ask("post", "/v1/devices", key, {"device": "new-box"})
    devices = Devices(database)
    devices.record(heartbeat("off-box"), 1)
    for number in (1, 2, 3):
        devices.record(heartbeat(f"on-{number}"))

    first = server.ask("get", "/v1/devices?presence=online&limit=2", key).json()
    path = f"/v1/devices?presence=online&cursor={first['cursor']}"
    rest = server.ask("get", path, key).json()
    shown = [device["device"] for device in first["devices"] + rest["devices"]]
    assert (shown, first["more"], rest["more"]) == (["on-1", "on-2", "on-3"], True, False)
    [offline] = server.ask("get", "/v1/devices?presence=offline", key).json()["devices"]
    assert offline["device"] == "off-box"
    assert server.ask("get", "/v1/devices/summary", key).json() == {
        "devices": 5, "decommissioned": 0,
        "presence": {"online": 3, "late": 0, "offline": 1, "never-seen": 1},
    }  # fmt: skip


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "says"),
    [
        ("get", "/v1/devices?presence=asleep", None, 400, "presence"),
        ("get", "/v1/devices/Cam", None, 400, "device"),
        ("get", "/v1/devices/no-box", None, 404, "no device 'no-box'"),
        ("post", "/v1/devices/no-box/decommission", None, 404, "no device 'no-box'"),
        ("post", "/v1/devices", {"device": "../x"}, 400, "device"),
        ("post", "/v1/devices", {"device": "cam-box\n"}, 400, "device"),
        ("post", "/v1/devices", {"device": "cam-box", "site": 1}, 400, "site"),
    ],
)
def test_what_cannot_be_done_is_told(
    server: ApiServer, method: str, path: str, body: object, status: int, says: str
) -> None:
    answer = server.ask(method, path, server.key(Role.FLEET_MANAGER), body)
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    assert says in answer.json()["detail"]
