"""Erasures over HTTP: asked for, refused, and asked about."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from cloud.fleet.api_key import Role
from tests.support.api_server import ApiServer, api_server


@pytest.fixture
def server(tmp_path: Path) -> Iterator[ApiServer]:
    with api_server(tmp_path) as made:
        yield made


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ApiServer]:
    with api_server(tmp_path_factory.mktemp("api")) as made:
        yield made


def test_an_erasure_is_accepted_and_its_state_may_be_asked_for(server: ApiServer) -> None:
    admin = server.key(Role.ADMIN)
    wanted = {"device": "cam-box", "since": "2026-05-01T12:00:00.0000005Z"}
    answer = server.ask("post", "/v1/erasures", admin, wanted)
    assert answer.status_code == 202
    assert server.asked.is_set()
    told = answer.json()
    assert answer.headers["location"] == f"/v1/erasures/{told['erasure']}"
    assert (told["device"], told["state"], told["outcome"]) == ("cam-box", "accepted", None)
    assert told["since_at"] == "2026-05-01T12:00:00.000000000Z", "widened to whole microseconds"
    assert told["until_at"] >= told["begun_at"], "until now"
    assert told["asked_by"] == f"key:{admin.split('_')[1]}"
    assert server.ask("get", answer.headers["location"], admin).json() == told


def test_erasures_are_read_page_by_page(server: ApiServer) -> None:
    admin = server.key(Role.ADMIN)
    for device in ("one-box", "two-box", "three-box"):
        server.ask("post", "/v1/erasures", admin, {"device": device})
    first = server.ask("get", "/v1/erasures?limit=2", admin).json()
    rest = server.ask("get", f"/v1/erasures?cursor={first['cursor']}", admin).json()
    devices = [one["device"] for one in first["erasures"] + rest["erasures"]]
    assert devices == ["one-box", "two-box", "three-box"]
    assert (first["more"], rest["more"]) == (True, False)


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ({}, "name a device, or both since and until"),
        ({"since": "2026-05-01T12:00:00Z"}, "name a device, or both since and until"),
        ({"device": "../x"}, "device"),
        ({"device": "", "since": "1", "until": "2000"}, "device"),
        ({"device": "cam-box", "since": "5000", "until": "5000"}, "must end after it begins"),
        ({"device": "cam-box", "until": "9999999999999999999"}, "within 1970 and 2262"),
        ({"device": "cam-box", "since": "1969-12-31T23:59:59Z"}, "since, until"),
        ({"device": "cam-box", "since": "yesterday"}, "RFC 3339"),
        ({"device": "cam-box", "store": "none"}, "store"),
        ([], "valid"),
        (None, "required"),
    ],
)  # fmt: skip
def test_what_cannot_be_erased_is_told_and_not_recorded(
    shared: ApiServer, body: object, says: str
) -> None:
    admin = shared.key(Role.ADMIN)
    answer = shared.ask("post", "/v1/erasures", admin, body)
    assert (answer.status_code, says in answer.json()["detail"]) == (400, True), answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert shared.ask("get", "/v1/erasures", admin).json()["erasures"] == []
    assert not shared.asked.is_set()


@pytest.mark.parametrize(
    ("path", "status"),
    [("1", 404), ("0", 400), ("-1", 400), ("x", 400), ("1" * 19, 400), ("1" * 5000, 400)],
)  # fmt: skip
def test_erasures_that_are_not_there(shared: ApiServer, path: str, status: int) -> None:
    answer = shared.ask("get", f"/v1/erasures/{path}", shared.key(Role.ADMIN))
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
