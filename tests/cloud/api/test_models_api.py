"""Models over HTTP: what there is, how far it came, and what people do to it."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from structlog.testing import capture_logs

from cloud.fleet.api_key import Role
from cloud.registry.model import Board
from tests.support.api_server import ApiServer, api_server
from tests.support.model_records import BY, TOLD_GOOD, record


@pytest.fixture
def server(tmp_path: Path) -> Iterator[ApiServer]:
    with api_server(tmp_path) as made:
        yield made


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return record(tmp_path / "made")


@pytest.fixture
def key(server: ApiServer) -> str:
    return server.key(Role.FLEET_MANAGER)


def change(server: ApiServer, key: str, state: str, revision: int) -> httpx.Response:
    body = {"state": state, "revision": revision}
    return server.ask("post", "/v1/models/gate/1/state", key, body)


def point(server: ApiServer, key: str, version: str, revision: int) -> httpx.Response:
    body = {"version": version, "revision": revision}
    return server.ask("put", "/v1/models/gate/aliases/champion", key, body)


def test_a_model_from_its_record_to_its_end(
    server: ApiServer, key: str, folder: Path, tmp_path: Path
) -> None:
    registry = server.registry
    made, _ = registry.add(folder, BY)
    shown = server.ask("get", "/v1/models/gate/1", key).json()
    assert shown["record"] == json.loads((folder / "record.json").read_bytes())
    assert (shown["digest"], shown["state"], shown["revision"]) == (made.digest, "candidate", 1)
    assert (shown["release"], shown["report"], shown["engines"], shown["aliases"]) == (
        None, None, [], [],
    )  # fmt: skip
    assert shown["added_by"] == "user:ada"

    registry.validate("gate", "1", BY)
    engine = tmp_path / "engine"
    engine.write_bytes(b"an engine")
    registry.add_engine("gate", "1", Board("SM87", "10.3", "6.2"), engine, BY)
    registry.released("gate", "1", 4, BY)
    pointed = point(server, key, "1", 0).json()
    assert (pointed["alias"], pointed["version"], pointed["revision"]) == ("champion", "1", 1)
    assert pointed["set_by"] == f"key:{key.split('_')[1]}"

    shown = server.ask("get", "/v1/models/gate/1", key).json()
    assert (shown["state"], shown["release"], shown["aliases"]) == ("released", 4, ["champion"])
    report = shown["report"]
    assert (report["good"], report["findings"], report["by"]) == (True, [], "user:ada")
    assert report["facts"]["engine"] == "onnxruntime/CPU"
    [listed] = shown["engines"]
    assert (listed["gpu"], listed["tensorrt"], listed["jetpack"], listed["size_bytes"]) == (
        "SM87", "10.3", "6.2", 9,
    )  # fmt: skip

    conflict = change(server, key, "deprecated", shown["revision"])
    assert (conflict.status_code, conflict.json()["title"]) == (409, "Conflict")
    assert "is the champion of its name" in conflict.json()["detail"]
    gone = server.ask("delete", "/v1/models/gate/aliases/champion?revision=1", key)
    assert (gone.status_code, gone.content) == (204, b"")
    deprecated = change(server, key, "deprecated", shown["revision"])
    assert deprecated.json()["state"] == "deprecated"
    restored = change(server, key, "released", deprecated.json()["revision"]).json()
    assert (restored["state"], restored["release"]) == ("released", 4)
    assert (deprecated.json()["left_to_do"], restored["left_to_do"]) == (None, None)
    revoked = change(server, key, "revoked", restored["revision"]).json()
    assert revoked["state"] == "revoked"
    assert revoked["left_to_do"] == (
        "devices run release 4 until the signed repository has revoked it too: `wayside-cloud "
        "repository revoke gate 1` with the family's key"
    )
    again = change(server, key, "released", revoked["revision"])
    assert (again.status_code, "revoked for good" in again.json()["detail"]) == (409, True)


def test_who_saw_something_older_is_told(server: ApiServer, key: str, folder: Path) -> None:
    server.registry.add(folder, BY)
    server.registry.validate("gate", "1", BY, TOLD_GOOD)
    assert point(server, key, "1", 0).status_code == 200
    for answer in (
        point(server, key, "1", 0),
        server.ask("delete", "/v1/models/gate/aliases/champion?revision=9", key),
        change(server, key, "revoked", 1),
    ):
        assert answer.status_code == 409
        assert "changed meanwhile" in answer.json()["detail"]
    assert server.ask("get", "/v1/models/gate/1", key).json()["state"] == "validated"


def test_of_what_no_device_has_nothing_is_left_to_do(
    server: ApiServer, key: str, folder: Path
) -> None:
    server.registry.add(folder, BY)
    revoked = change(server, key, "revoked", 1).json()
    assert (revoked["state"], revoked["left_to_do"]) == ("revoked", None)


def test_models_are_listed_page_by_page(server: ApiServer, key: str, tmp_path: Path) -> None:
    for version in ("1", "2", "10"):
        server.registry.add(record(tmp_path / version, version=version), BY)
    for name in ("arch", "yard"):
        server.registry.models.add(name, "1", "0" * 64, BY)
    server.registry.validate("gate", "2", BY, TOLD_GOOD)
    point(server, key, "2", 0)

    first = server.ask("get", "/v1/models?limit=2", key).json()
    rest = server.ask("get", f"/v1/models?limit=2&cursor={first['cursor']}", key).json()
    assert [one["name"] for one in first["models"] + rest["models"]] == ["arch", "gate", "yard"]
    assert (first["more"], rest["more"]) == (True, False)
    assert first["models"][1] == {
        "name": "gate", "versions": 3, "newest_release": None, "aliases": {"champion": "2"},
    }  # fmt: skip

    seen: list[str] = []
    cursor, more = "", True
    while more:
        page = server.ask("get", f"/v1/models/gate?limit=2&cursor={cursor}", key).json()
        seen += [one["version"] for one in page["models"]]
        cursor, more = page["cursor"], page["more"]
        assert [(one["alias"], one["version"]) for one in page["aliases"]] == [("champion", "2")]
        assert all("record" not in one for one in page["models"])
    assert seen == sorted(["1", "2", "10"])
    only = server.ask("get", "/v1/models/gate?state=validated", key).json()["models"]
    assert [one["version"] for one in only] == ["2"]


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "says"),
    [
        ("get", "/v1/models/none", None, 404, "no model 'none'"),
        ("get", "/v1/models/gate/2", None, 404, "no model 'gate' of version '2'"),
        ("get", "/v1/models/Gate", None, 400, "name"),
        ("get", "/v1/models/gate/..%2Fx", None, 404, ""),
        ("get", "/v1/models/gate?state=asleep", None, 400, "state"),
        ("post", "/v1/models/gate/1/state", {"state": "validated", "revision": 1}, 400, "state"),
        ("post", "/v1/models/gate/1/state", {"state": "revoked"}, 400, "revision"),
        ("post", "/v1/models/gate/1/state", {"state": "released", "revision": 1}, 409,
         "is candidate and cannot become released"),
        ("post", "/v1/models/gate/9/state", {"state": "revoked", "revision": 1}, 404,
         "version '9'"),
        ("put", "/v1/models/gate/aliases/Top", {"version": "1", "revision": 0}, 400, "alias"),
        ("put", "/v1/models/gate/aliases/top", {"version": "1"}, 400, "revision"),
        ("put", "/v1/models/gate/aliases/top", {"version": "../1", "revision": 0}, 400, "version"),
        ("put", "/v1/models/gate/aliases/top", {"version": "1", "revision": 0}, 409, "candidate"),
        ("delete", "/v1/models/gate/aliases/top?revision=1", None, 404, "no alias 'top'"),
        ("delete", "/v1/models/gate/aliases/top", None, 400, "revision"),
        ("delete", "/v1/models/gate/1", None, 405, ""),
    ],
)  # fmt: skip
def test_what_cannot_be_done_is_told(
    server: ApiServer, key: str, folder: Path, method: str, path: str, body: Any, status: int,
    says: str,
) -> None:  # fmt: skip
    server.registry.add(folder, BY)
    answer = server.ask(method, path, key, body)
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    assert says in answer.json()["detail"]
    assert server.registry.get("gate", "1").revision == 1


def test_a_record_that_is_gone_is_a_fault_and_shows_nothing_of_where(
    server: ApiServer, key: str, folder: Path, tmp_path: Path
) -> None:
    model, _ = server.registry.add(folder, BY)
    (tmp_path / "blobs/models/blobs" / model.digest).unlink()
    with capture_logs() as logs:
        answer = server.ask("get", "/v1/models/gate/1", key)
    [log] = [log for log in logs if log["event"] == "model damaged"]
    assert model.digest in log["reason"]
    assert answer.status_code == 500
    assert answer.headers["content-type"] == "application/problem+json"
    assert model.digest not in answer.text
    assert server.ask("get", "/v1/models/gate", key).status_code == 200
