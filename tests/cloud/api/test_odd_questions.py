"""Questions that no client should ask: each is told what is wrong with it, and breaks nothing."""

import json
from collections.abc import Iterator

import httpx
import pytest

from cloud.fleet.api_key import Role
from tests.support.api_server import ApiServer, api_server

HUGE = "9" * 5000
ODD = ("%00", "a%00b", "%0a", "%1b[31m", "x" * 257)
READS = (
    "/v1/events?device={}", "/v1/events?camera={}", "/v1/events?lane={}", "/v1/events?order={}",
    "/v1/events?cursor={}", "/v1/events?since={}", "/v1/events?limit={}",
    "/v1/counts?rule={}", "/v1/counts?group_by={}", "/v1/counts?interval_s={}",
    "/v1/latest?kind={}", "/v1/latest?since={}", "/v1/zones/top?camera={}",
    "/v1/heatmap?device={}&camera=door", "/v1/heatmap?device=cam-box&camera={}",
    "/v1/heatmap?device=cam-box&camera=door&rows={}", "/v1/dwell?rule={}", "/v1/dwell?until={}",
    "/v1/devices?cursor={}", "/v1/devices?presence={}", "/v1/devices?decommissioned={}",
    "/v1/devices/{}", "/v1/events/{}/00000000000000a7/state/42/snapshot",
    "/v1/events/cam-box/{}/state/42/snapshot",
    "/v1/events/cam-box/00000000000000a7/state/{}/snapshot",
    "/v1/keys?cursor={}", "/v1/audit?cursor={}", "/v1/audit?limit={}", "/v1/erasures?cursor={}",
    "/v1/erasures/{}",
    "/v1/models?cursor={}", "/v1/models?limit={}", "/v1/models/{}", "/v1/models/gate?cursor={}",
    "/v1/models/gate?state={}", "/v1/models/{}/1", "/v1/models/gate/{}",
)  # fmt: skip


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ApiServer]:
    with api_server(tmp_path_factory.mktemp("api")) as made:
        yield made


@pytest.fixture(scope="module")
def admin(server: ApiServer) -> str:
    return server.key(Role.ADMIN)


def is_told(answer: httpx.Response) -> bool:
    is_problem = answer.headers["content-type"] == "application/problem+json"
    return answer.status_code == 400 and is_problem and bool(answer.json()["detail"])


@pytest.mark.parametrize("odd", ODD)
@pytest.mark.parametrize("path", READS)
def test_odd_text_is_told(server: ApiServer, admin: str, path: str, odd: str) -> None:
    answer = server.ask("get", path.format(odd), admin)
    assert is_told(answer), (answer.status_code, answer.text)


@pytest.mark.parametrize(
    "path",
    ["/v1/events?limit={}", "/v1/events?since={}", "/v1/counts?interval_s={}", "/v1/dwell?until={}",
     "/v1/heatmap?device=cam-box&camera=door&rows={}", "/v1/audit?cursor={}", "/v1/erasures/{}",
     "/v1/models?limit={}"],
)  # fmt: skip
@pytest.mark.parametrize("number", [HUGE, f"-{HUGE}", "1e999", "NaN", "0x10", "١٢", "-1"])
def test_numbers_out_of_all_bounds_are_told(
    server: ApiServer, admin: str, path: str, number: str
) -> None:
    answer = server.ask("get", path.format(number), admin)
    assert is_told(answer), (answer.status_code, answer.text)


@pytest.mark.parametrize(
    "path",
    ["/v1/events?limit=1&limit=x", "/v1/counts?group_by=camera&group_by=planet",
     "/v1/events?since=1&since=yesterday"],
)  # fmt: skip
def test_of_a_repeated_parameter_each_or_the_last_is_judged(
    server: ApiServer, admin: str, path: str
) -> None:
    assert is_told(server.ask("get", path, admin))


@pytest.mark.parametrize("value", [False, True, 0, 1.5, 10**30, [], {}, "1e5", "٢"])
@pytest.mark.parametrize("key", ["since", "until"])
def test_a_time_in_a_body_is_text(server: ApiServer, admin: str, key: str, value: object) -> None:
    """`false` was once taken for 1970, and would have erased everything since then."""
    answer = server.ask("post", "/v1/erasures", admin, {"device": "cam-box", key: value})
    assert is_told(answer), (answer.status_code, answer.text)
    assert server.ask("get", "/v1/erasures", admin).json()["erasures"] == []


@pytest.mark.parametrize(
    "path", ["/v1/devices", "/v1/keys", "/v1/erasures", "/v1/models/gate/1/state"]
)
@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"\xff\xfe", b'"\\ud800"', b'{"device": "\\ud800"}', b"[" * 3000, b"1" * 5000,
     json.dumps({"x" * 1000: None}).encode()],
)  # fmt: skip
def test_bodies_that_are_none_are_told(
    server: ApiServer, admin: str, path: str, body: bytes
) -> None:
    headers = {"Authorization": f"Bearer {admin}", "Content-Type": "application/json"}
    answer = server.client.post(path, content=body, headers=headers)
    assert is_told(answer), (answer.status_code, answer.text)
