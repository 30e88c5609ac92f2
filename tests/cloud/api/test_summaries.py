"""Summaries as a client sees them."""

import asyncio
import time
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from cloud.api import problems
from cloud.api.summaries import summaries_router
from protos.v1.event_batch_pb2 import EventBatch
from tests.support.fake_store import FakeStore
from tests.support.stored import START_NS, crossing, person, stored

Get = Callable[..., httpx.Response]
RANGE = {"since": START_NS, "until": START_NS + 10**9}


@pytest.fixture
def store() -> FakeStore:
    return FakeStore()


@pytest.fixture
def get(store: FakeStore) -> Get:
    app = FastAPI()
    problems.install(app)
    app.include_router(summaries_router(store))

    def ask(path: str, **parameters: Any) -> httpx.Response:
        async def asked() -> httpx.Response:
            transport = httpx.ASGITransport(app, raise_app_exceptions=False)
            async with httpx.AsyncClient(transport=transport, base_url="http://api") as client:
                return await client.get(path, params=parameters)

        return asyncio.run(asked())

    return ask


def test_latest_leaves_out_the_future(store: FakeStore, get: Get) -> None:
    now_ns = time.time_ns()
    hour_ns = 3600 * 10**9
    store.write(
        stored(person(1, now_ns - 2 * hour_ns), person(2, now_ns - hour_ns),
               person(3, now_ns + hour_ns), person(4, now_ns - hour_ns, camera="yard"))
    )  # fmt: skip

    found = get("/v1/latest").json()["events"]
    assert [(event["camera"], event["seq"]) for event in found] == [("door", 2), ("yard", 4)]
    assert [event["seq"] for event in get("/v1/latest", camera="yard").json()["events"]] == [4]
    assert get("/v1/latest", since=now_ns - 60 * 10**9).json()["events"] == []


def test_top_zones(store: FakeStore, get: Get) -> None:
    store.write(stored(crossing(1), crossing(2), crossing(3, target="line-b")))

    answer = get("/v1/zones/top", kind="line-crossed", limit=1, **RANGE).json()
    assert answer["zones"] == [
        {"device": "cam-box", "camera": "door", "zone": "line-a", "count": 2}
    ]
    assert answer["since_at"] == "2025-06-15T15:06:40.000000000Z"
    assert get("/v1/zones/top").json()["zones"] == []


def test_heat_map(store: FakeStore, get: Get) -> None:
    store.write(stored(person(1), person(2, class_name="car")))
    camera = {"device": "cam-box", "camera": "door", "rows": 2, "columns": 2, **RANGE}

    assert get("/v1/heatmap", **camera).json()["counts"] == [[0, 2], [0, 0]]
    assert get("/v1/heatmap", class_name="car", **camera).json()["counts"] == [[0, 1], [0, 0]]
    assert len(get("/v1/heatmap", device="cam-box", camera="door").json()["counts"]) == 18


def test_dwell(store: FakeStore, get: Get) -> None:
    event = crossing(1)
    event.kind = EventBatch.ZONE_EXITED
    store.write(stored(event))

    assert get("/v1/dwell", **RANGE).json()["rules"] == [
        {
            "device": "cam-box", "camera": "door", "rule": "door-line", "count": 1,
            "percentiles_s": {"p50": 1.5, "p90": 1.5, "p95": 1.5, "p99": 1.5},
        }
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("path", "parameters", "says"),
    [
        ("/v1/latest", {"since": 0}, "more than 366 days"),
        ("/v1/zones/top", {"since": 5, "until": 5}, "since must be before until"),
        ("/v1/zones/top", {"limit": 1001}, "limit"),
        ("/v1/heatmap", {"camera": "door"}, "device"),
        ("/v1/heatmap", {"device": "cam-box", "camera": ""}, "camera"),
        ("/v1/heatmap", {"device": "cam-box", "camera": "door", "rows": 500}, "10000 cells"),
        ("/v1/dwell", {"since": 0, "until": START_NS}, "more than 366 days"),
        ("/v1/dwell", {"until": "soon"}, "until"),
    ],
)
def test_wrong_questions_are_told_what_is_wrong(
    get: Get, path: str, parameters: dict[str, Any], says: str
) -> None:
    answer = get(path, **parameters)

    assert answer.status_code == 400
    assert answer.headers["content-type"] == "application/problem+json"
    assert says in answer.json()["detail"]


def test_a_store_that_is_away_is_a_503(store: FakeStore, get: Get) -> None:
    store.away = True
    for path in ("/v1/latest", "/v1/zones/top", "/v1/dwell"):
        assert get(path).status_code == 503
