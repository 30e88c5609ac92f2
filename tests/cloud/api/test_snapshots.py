"""The picture of an event over HTTP."""

import asyncio

import httpx
import pytest
from fastapi import FastAPI
from structlog.testing import capture_logs

from cloud.api import problems
from cloud.api.snapshots import snapshots_router
from cloud.evidence.snapshots import Snapshots
from tests.support.pictures import JPEG, snapshot
from tests.support.switched_blobs import SwitchedBlobs

EVENT = f"cam-box/{7:016x}/state/1"


class Server:
    """The route over pictures in memory."""

    def __init__(self) -> None:
        self.blobs = SwitchedBlobs()
        snapshots = Snapshots(self.blobs)
        snapshots.keep(snapshot(1))
        self._app = FastAPI()
        problems.install(self._app)
        self._app.include_router(snapshots_router(snapshots))

    def get(self, event_id: str) -> httpx.Response:
        async def ask() -> httpx.Response:
            transport = httpx.ASGITransport(self._app, raise_app_exceptions=False)
            async with httpx.AsyncClient(transport=transport, base_url="http://api") as client:
                return await client.get(f"/v1/events/{event_id}/snapshot")

        return asyncio.run(ask())


@pytest.fixture
def server() -> Server:
    return Server()


def test_the_picture_of_an_event_is_a_jpeg(server: Server) -> None:
    answer = server.get(EVENT)

    assert answer.status_code == 200
    assert answer.content == JPEG
    assert answer.headers["content-type"] == "image/jpeg"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["cache-control"] == "private, max-age=3600"


@pytest.mark.parametrize(
    ("event_id", "status", "says"),
    [
        (f"cam-box/{7:016x}/state/2", 404, "has no picture"),
        (f"cam-box/{7:016x}/fast/1", 400, "lane 'fast'"),
        (f"CAM/{7:016x}/state/1", 400, "device 'CAM'"),
        ("cam-box/7/state/1", 400, "boot '7'"),
        (f"cam-box/{7:016x}/state/0", 400, "not device/boot/lane/seq"),
        (f"cam-box/{7:016x}/%2e%2e/1", 400, "lane"),
        (f"{'a' * 100}/{7:016x}/state/1", 400, "device"),
    ],
)
def test_other_paths_are_problems(server: Server, event_id: str, status: int, says: str) -> None:
    answer = server.get(event_id)

    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    assert says in answer.json()["detail"]


def test_blobs_that_are_away_are_a_503_and_say_nothing_of_themselves(server: Server) -> None:
    server.blobs.away = True
    with capture_logs() as logs:
        answer = server.get(EVENT)

    assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
    assert answer.json()["detail"] == "the pictures cannot be had now; try again"
    assert logs[0]["reason"] == "blobs memory: away"
