"""Who may what, tried over HTTP."""

import itertools
import re
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest
from structlog.testing import capture_logs

from cloud.api.documentation import DOCUMENTATION_PATHS
from cloud.api.enrolment import ENROLMENT_PATHS
from cloud.api.health import OPEN_PATHS
from cloud.fleet.api_key import Role
from tests.support.api_server import BY, ApiServer, api_server

EVENT = "cam-box/00000000000000a7/state/42"
NEW_KEY = {"label": "another", "role": "viewer"}
UNKNOWN_KEY = "a" * 12

ROUTES: dict[tuple[str, str], tuple[Role, str, object]] = {
    ("get", "/v1/events"): (Role.VIEWER, "/v1/events", None),
    ("get", "/v1/events/{device}/{boot}/{lane}/{seq}/snapshot"): (
        Role.VIEWER, f"/v1/events/{EVENT}/snapshot", None,
    ),
    ("get", "/v1/counts"): (Role.VIEWER, "/v1/counts", None),
    ("get", "/v1/latest"): (Role.VIEWER, "/v1/latest", None),
    ("get", "/v1/zones/top"): (Role.VIEWER, "/v1/zones/top", None),
    ("get", "/v1/heatmap"): (Role.VIEWER, "/v1/heatmap?device=cam-box&camera=door", None),
    ("get", "/v1/dwell"): (Role.VIEWER, "/v1/dwell", None),
    ("get", "/v1/devices"): (Role.VIEWER, "/v1/devices", None),
    ("get", "/v1/repository"): (Role.VIEWER, "/v1/repository", None),
    ("post", "/v1/devices"): (Role.FLEET_MANAGER, "/v1/devices", {"device": "cam-box"}),
    ("get", "/v1/devices/summary"): (Role.VIEWER, "/v1/devices/summary", None),
    ("get", "/v1/devices/{device}"): (Role.VIEWER, "/v1/devices/cam-box", None),
    **{
        ("post", f"/v1/devices/{{device}}/{act}"): (
            Role.FLEET_MANAGER, f"/v1/devices/cam-box/{act}", None,
        )
        for act in ("replace", "decommission", "recommission")
    },
    ("get", "/v1/models"): (Role.VIEWER, "/v1/models", None),
    ("get", "/v1/models/{name}"): (Role.VIEWER, "/v1/models/gate", None),
    ("get", "/v1/models/{name}/{version}"): (Role.VIEWER, "/v1/models/gate/1.0", None),
    ("post", "/v1/models/{name}/{version}/state"): (
        Role.FLEET_MANAGER, "/v1/models/gate/1.0/state", {"state": "revoked", "revision": 1},
    ),
    ("put", "/v1/models/{name}/aliases/{alias}"): (
        Role.FLEET_MANAGER, "/v1/models/gate/aliases/champion", {"version": "1.0", "revision": 0},
    ),
    ("delete", "/v1/models/{name}/aliases/{alias}"): (
        Role.FLEET_MANAGER, "/v1/models/gate/aliases/champion?revision=1", None,
    ),
    ("get", "/v1/devices/{device}/desired"): (Role.VIEWER, "/v1/devices/cam-box/desired", None),
    ("put", "/v1/devices/{device}/desired/rules"): (
        Role.FLEET_MANAGER, "/v1/devices/cam-box/desired/rules", {"yaml": "cameras: []"},
    ),
    ("put", "/v1/devices/{device}/desired/models/{model}"): (
        Role.FLEET_MANAGER, "/v1/devices/cam-box/desired/models/detector", {"version": "1.0.0"},
    ),
    ("delete", "/v1/devices/{device}/desired/models/{model}"): (
        Role.FLEET_MANAGER, "/v1/devices/cam-box/desired/models/detector", None,
    ),
    ("get", "/v1/devices/{device}/updates"): (Role.VIEWER, "/v1/devices/cam-box/updates", None),
    ("get", "/v1/erasures"): (Role.ADMIN, "/v1/erasures", None),
    ("post", "/v1/erasures"): (Role.ADMIN, "/v1/erasures", {"device": "cam-box"}),
    ("get", "/v1/erasures/{erasure}"): (Role.ADMIN, "/v1/erasures/1", None),
    ("get", "/v1/audit"): (Role.ADMIN, "/v1/audit", None),
    ("get", "/v1/keys"): (Role.ADMIN, "/v1/keys", None),
    ("post", "/v1/keys"): (Role.ADMIN, "/v1/keys", NEW_KEY),
    ("delete", "/v1/keys/{key_id}"): (Role.ADMIN, f"/v1/keys/{UNKNOWN_KEY}", None),
}  # fmt: skip
"""Each route: the role that it needs, and a request to try it with."""


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ApiServer]:
    """For tests that only ask who may what."""
    with api_server(tmp_path_factory.mktemp("api")) as made:
        yield made


@pytest.fixture(scope="module")
def keys(shared: ApiServer) -> dict[Role, str]:
    return {role: shared.key(role) for role in Role}


@pytest.fixture
def server(tmp_path: Path) -> Iterator[ApiServer]:
    with api_server(tmp_path) as made:
        yield made


def audited(server: ApiServer) -> list[tuple[str, str, str]]:
    """Who, what and the outcome, of all that came over HTTP."""
    entries = server.access.audit.page(limit=1000)
    return [(e.actor, e.action, e.outcome) for e in entries if not e.action.startswith("key.")]


def test_every_route_stands_in_the_table(shared: ApiServer) -> None:
    routes = {
        (method, path)
        for path, methods in shared.app.openapi()["paths"].items()
        for method in methods
        if path not in OPEN_PATHS | ENROLMENT_PATHS
    }
    assert routes == set(ROUTES)


@pytest.mark.parametrize(("route", "role"), list(itertools.product(ROUTES, Role)))
def test_each_role_on_each_route(
    shared: ApiServer, keys: dict[Role, str], route: tuple[str, str], role: Role
) -> None:
    needed, path, body = ROUTES[route]
    answer = shared.ask(route[0], path, keys[role], body)

    if role >= needed:
        assert answer.status_code in {200, 201, 202, 404, 409}
        return
    assert answer.status_code == 403
    assert answer.headers["content-type"] == "application/problem+json"
    assert f'scope="{needed.slug}"' in answer.headers["www-authenticate"]
    assert needed.slug in answer.json()["detail"]
    assert role.slug in answer.json()["detail"]


@pytest.mark.parametrize("route", ROUTES)
def test_nobody_without_a_key(shared: ApiServer, route: tuple[str, str]) -> None:
    _, path, body = ROUTES[route]
    answer = shared.ask(route[0], path, json=body)
    assert answer.status_code == 401
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["www-authenticate"] == 'Bearer realm="wayside"'
    assert "Authorization: Bearer KEY" in answer.json()["detail"]


@pytest.mark.parametrize(
    "path",
    ["/", "/docs/", "/docs/oauth2-redirect", "/openapi.json/", "//docs", "/v1/none",
     "/static-offline-docs/x.js", "/static-offline-docs/", "/static-offline-docs/%2e%2e/docs",
     "/healthz/", "//healthz", "/readyz/x", "/%68ealthz/"],
)  # fmt: skip
def test_what_is_no_route_is_closed_too(shared: ApiServer, path: str) -> None:
    assert shared.client.get(path).status_code == 401


@pytest.mark.parametrize("path", sorted(OPEN_PATHS))
def test_health_is_for_everybody(shared: ApiServer, path: str) -> None:
    assert shared.client.get(path).status_code == 200


@pytest.mark.parametrize("path", sorted(DOCUMENTATION_PATHS))
def test_the_description_is_for_everybody(shared: ApiServer, path: str) -> None:
    """A browser sends no key with a page, nor with what the page loads."""
    assert shared.client.get(path).status_code == 200


@pytest.mark.parametrize("page", ["/docs", "/redoc"])
def test_a_page_loads_only_what_is_open(shared: ApiServer, page: str) -> None:
    text = shared.client.get(page).text
    loaded = re.findall(r"""(?:src|href|url|spec-url)\s*[=:]\s*["']([^"']+)["']""", text)
    assert len(loaded) >= 3
    assert set(loaded) <= DOCUMENTATION_PATHS


def test_the_description_tells_which_key_a_route_takes(shared: ApiServer) -> None:
    told = shared.client.get("/openapi.json").json()
    assert told["components"]["securitySchemes"]["key"]["scheme"] == "bearer"
    assert told["security"] == [{"key": []}]
    for (method, path), (needed, _, _) in ROUTES.items():
        operation = told["paths"][path][method]
        assert operation["description"].endswith(f"Needs the role {needed.slug}.")
        assert "security" not in operation
    for path in OPEN_PATHS | ENROLMENT_PATHS:
        for operation in told["paths"][path].values():
            assert operation["security"] == []


def test_a_route_that_declares_no_role_is_refused_to_everybody(server: ApiServer) -> None:
    @server.app.get("/v1/forgotten")
    def forgotten() -> str:
        return "secrets"

    for role in Role:
        answer = server.ask("get", "/v1/forgotten", server.key(role))
        assert answer.status_code == 403
        assert "secrets" not in answer.text


@pytest.mark.parametrize(
    "header",
    ["", "Bearer", "Basic dTpw", "bearer wayside_x", "Bearer wayside_" + "a" * 5000],
)  # fmt: skip
def test_odd_headers_open_nothing(shared: ApiServer, header: str) -> None:
    answer = shared.client.get("/v1/events", headers={"Authorization": header})
    assert answer.status_code == 401


def test_two_keys_at_once_are_refused(shared: ApiServer, keys: dict[Role, str]) -> None:
    header = ("Authorization", f"Bearer {keys[Role.ADMIN]}")
    answer = shared.client.get("/v1/events", headers=httpx.Headers([header, header]))
    assert answer.status_code == 401
    assert "more than one" in answer.json()["detail"]


def test_a_revoked_key_is_told_so_and_refused_at_once(server: ApiServer) -> None:
    key = server.key(Role.VIEWER)
    assert server.ask("get", "/v1/events", key).status_code == 200
    key_id = key.split("_")[1]
    admin = server.key(Role.ADMIN)
    answer = server.ask("delete", f"/v1/keys/{key_id}", admin)
    assert answer.status_code == 200
    assert answer.json()["revoked_at"] is not None

    with capture_logs() as logs:
        refused = server.ask("get", "/v1/events", key)
    assert (refused.status_code, refused.json()["detail"]) == (401, "the key is revoked")
    [log] = [log for log in logs if log["event"] == "key refused"]
    assert (log["actor"], log["origin"]) == (f"key:{key_id}", "127.0.0.1")
    assert key not in str(log)


def test_a_key_made_over_http_opens_and_is_shown_once(server: ApiServer) -> None:
    admin = server.key(Role.ADMIN)
    answer = server.ask("post", "/v1/keys", admin, {"label": "x", "role": "operator", "days": 7})
    assert answer.status_code == 201
    assert answer.headers["cache-control"] == "no-store"
    made = answer.json()
    assert (made["role"], made["created_by"]) == ("operator", f"key:{admin.split('_')[1]}")
    assert server.ask("get", "/v1/devices", made["key"]).status_code == 200

    listed = server.ask("get", "/v1/keys?limit=1", admin).json()
    rest = server.ask("get", f"/v1/keys?cursor={listed['cursor']}", admin).json()
    assert (listed["more"], rest["more"]) == (True, False)
    shown = {key["key_id"]: key for key in listed["keys"] + rest["keys"]}
    assert set(shown) == {made["key_id"], admin.split("_")[1]}
    assert shown[made["key_id"]]["last_used_at"] is not None
    assert made["key"] not in str(shown)


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ({"label": "x", "role": "root"}, "role"),
        ({"label": "\n", "role": "viewer"}, "label"),
        ({"label": "x\n", "role": "viewer"}, "label"),
        ({"label": "x", "role": "viewer", "days": 0}, "days"),
        ({"label": "x", "role": "viewer", "key": "mine"}, "key"),
        ([], "valid"),
    ],
)  # fmt: skip
def test_keys_that_cannot_be_made(
    shared: ApiServer, keys: dict[Role, str], body: Any, says: str
) -> None:
    answer = shared.ask("post", "/v1/keys", keys[Role.ADMIN], body)
    assert answer.status_code == 400
    assert says in answer.json()["detail"]


def test_every_write_and_every_refusal_leaves_a_trace(server: ApiServer) -> None:
    admin, viewer = server.key(Role.ADMIN), server.key(Role.VIEWER)
    gone, _ = server.access.keys.create("gone", Role.ADMIN, BY)
    server.access.keys.revoke(gone.key_id, BY)
    server.ask("post", "/v1/keys", admin, NEW_KEY)
    server.ask("post", "/v1/keys", viewer, NEW_KEY)
    server.ask("post", "/v1/keys", gone.text, NEW_KEY)
    server.ask("post", "/v1/keys", json=NEW_KEY)
    server.ask("get", "/v1/keys", viewer)
    server.ask("put", "/v1/any%0athing", viewer)
    server.ask("get", "/v1/events", viewer)

    by_admin, by_viewer = f"key:{admin.split('_')[1]}", f"key:{viewer.split('_')[1]}"
    no_key = "401 a key is needed: `Authorization: Bearer KEY`"
    assert audited(server) == [
        (by_admin, "POST /v1/keys", "201"),
        (by_viewer, "POST /v1/keys", "403"),
        (f"key:{gone.key_id}", "POST /v1/keys", "401 the key is revoked"),
        ("nobody", "POST /v1/keys", no_key),
        (by_viewer, "GET /v1/keys", "403"),
        (by_viewer, "PUT /v1/any%0Athing", "404"),
    ]
    told = str(server.access.audit.page())
    assert not any(key[21:] in told for key in (admin, viewer, gone.text))


def test_the_audit_is_read_page_by_page(server: ApiServer) -> None:
    admin = server.key(Role.ADMIN)
    for _ in range(3):
        server.key(Role.VIEWER)

    first = server.ask("get", "/v1/audit?limit=3", admin).json()
    server.key(Role.OPERATOR)
    rest = server.ask("get", f"/v1/audit?cursor={first['cursor']}", admin).json()
    assert [entry["number"] for entry in first["entries"] + rest["entries"]] == [1, 2, 3, 4, 5]
    assert (first["more"], rest["more"]) == (True, False)
    assert rest["entries"][-1]["action"] == "key.create"
    assert rest["entries"][-1]["target"].endswith(" operator a operator")
    last = server.ask("get", f"/v1/audit?cursor={rest['cursor']}", admin).json()
    assert (last["entries"], last["cursor"]) == ([], rest["cursor"])
    for cursor in ("x", "-1", "9" * 30, "1 "):
        assert server.ask("get", f"/v1/audit?cursor={cursor}", admin).status_code == 400


def test_who_has_no_key_cannot_fill_the_audit(server: ApiServer) -> None:
    for _ in range(70):
        assert server.ask("post", "/v1/keys", json=NEW_KEY).status_code == 401
    assert len(audited(server)) == 60
    assert server.ask("post", "/v1/keys", server.key(Role.ADMIN), NEW_KEY).status_code == 201
    assert len(audited(server)) == 61


def test_nobody_names_their_own_origin(server: ApiServer) -> None:
    headers = {"X-Forwarded-For": "6.6.6.6", "Forwarded": "for=6.6.6.6"}
    server.client.post("/v1/keys", headers=headers)
    assert server.access.audit.page()[-1].origin == "127.0.0.1"


def test_a_key_serves_many_at_once(server: ApiServer) -> None:
    key = server.key(Role.VIEWER)
    start = threading.Barrier(8)

    def use() -> set[int]:
        start.wait()
        return {server.ask("get", "/v1/devices", key).status_code for _ in range(10)}

    with ThreadPoolExecutor(8) as threads:
        seen = [running.result() for running in [threads.submit(use) for _ in range(8)]]
    assert seen == [{200}] * 8


def test_without_authentication_all_is_open_but_the_administration(tmp_path: Path) -> None:
    with api_server(tmp_path, requires_key=False) as server:
        for (method, _), (needed, path, body) in ROUTES.items():
            answer = server.ask(method, path, json=body)
            assert (answer.status_code == 403) == (needed is Role.ADMIN)
        told = server.client.get("/openapi.json").json()
        assert told["security"] == [{"key": []}, {}], "a key is possible"
        assert server.ask("get", "/v1/audit", server.key(Role.ADMIN)).status_code == 200
        assert server.ask("get", "/v1/events", "wayside_wrong").status_code == 401
