"""The push endpoint: a batch a request, for Cloud Run and whatever else scales by requests.

The token is verified before a byte of the body is read. What the answer tells Pub/Sub:

    204         the batch is stored, or stands in the dead letter: never again
    401, 403    nobody that is let in
    413         larger than anything that Pub/Sub sends
    503         not now; Pub/Sub sends it again
"""

import asyncio
from collections.abc import Callable
from http import HTTPStatus

import structlog
from fastapi import FastAPI, Request, Response
from starlette.concurrency import run_in_threadpool

from cloud.api import problems
from cloud.api.problems import problem
from cloud.bus.push_message import push_message
from cloud.errors import BusError, PushDeniedError
from cloud.ingest.push_door import PushDoor
from cloud.store.port import EventStore

PATH = "/push"
_RETRY = {"Retry-After": "1"}
_log = structlog.get_logger(__name__)

Verify = Callable[[str], str]
"""The sender of a request by its Authorization header; raises PushDeniedError, BusError."""


def create_push_app(
    door: PushDoor, verify: Verify, store: EventStore, running: Callable[[], bool], max_bytes: int
) -> FastAPI:
    """The application.

    Args:
        door: takes the messages.
        verify: as `cloud.bus.push_token`'s.
        store: asked by `/readyz`.
        running: whether the worker behind the door runs.
        max_bytes: of a request's body.
    """
    app = FastAPI(title="Wayside ingest", openapi_url=None)
    problems.install(app)

    @app.post(PATH)
    async def take(request: Request) -> Response:
        """One message of Pub/Sub."""
        try:
            await run_in_threadpool(verify, request.headers.get("authorization", ""))
        except PushDeniedError as error:
            return _denied(error)
        except BusError as error:
            _log.warning("push not verified", reason=str(error))
            return _later("tokens cannot be verified now")
        announced = _announced_bytes(request, max_bytes)
        if announced > max_bytes:
            return _too_large(max_bytes)
        if not door.take_room(announced):
            return _later("as much as can be held is held")
        try:
            return await _settled(door, request, announced)
        finally:
            door.give_room(announced)

    @app.get("/readyz")
    def readyz() -> Response:
        """The store answers, and the worker runs."""
        store.check()
        return Response(status_code=HTTPStatus.OK) if running() else _later("ingest is not running")

    return app


async def _settled(door: PushDoor, request: Request, limit: int) -> Response:
    """The answer once the message is stored, or known not to be."""
    body = bytearray()
    async for chunk in request.stream():
        if len(body) + len(chunk) > limit:
            return _too_large(limit)
        body += chunk
    headers = {name.lower(): value for name, value in request.headers.items()}
    message = push_message(bytes(body), headers)
    if await asyncio.wrap_future(door.hand_in(message)):
        return Response(status_code=HTTPStatus.NO_CONTENT)
    return _later("the store does not answer now")


def _announced_bytes(request: Request, max_bytes: int) -> int:
    """The body's size as its header tells, or the most that it may have."""
    announced = request.headers.get("content-length", "")
    # `int` takes no more than 4,300 digits; nobody needs twenty.
    return int(announced) if announced.isdecimal() and len(announced) < 20 else max_bytes


def _denied(error: PushDeniedError) -> Response:
    _log.warning("push denied", reason=str(error))
    if error.known:
        return problem(HTTPStatus.FORBIDDEN, str(error))
    return problem(HTTPStatus.UNAUTHORIZED, str(error), {"WWW-Authenticate": "Bearer"})


def _too_large(max_bytes: int) -> Response:
    detail = f"a body of at most {max_bytes} bytes is read"
    return problem(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, detail)


def _later(detail: str) -> Response:
    return problem(HTTPStatus.SERVICE_UNAVAILABLE, detail, dict(_RETRY))
