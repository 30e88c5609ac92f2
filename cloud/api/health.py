"""/healthz: the process lives. /readyz: it can do its work."""

from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Literal

from fastapi import APIRouter
from fastapi.responses import JSONResponse
from pydantic import BaseModel

from cloud.api.access import open_to_all
from cloud.api.problems import RESPONSES, problem
from cloud.fleet.devices import Devices
from cloud.store.port import EventStore

OPEN_PATHS = frozenset({"/healthz", "/readyz"})
"""A supervisor has no key; all that it is told is which parts run."""

Readiness = Callable[[], Mapping[str, bool]]
"""Names of parts, and whether each runs."""


class Alive(BaseModel):
    """The process lives."""

    status: Literal["ok"] = "ok"


def health_router(store: EventStore, devices: Devices, readiness: Readiness) -> APIRouter:
    """The routes that a supervisor asks."""
    router = APIRouter(tags=["health"])

    @router.get("/healthz", summary="Does the process live?")
    @open_to_all
    def healthz() -> Alive:
        """Always the same: who gets no answer starts the process again."""
        return Alive()

    @router.get(
        "/readyz",
        summary="Can it do its work?",
        response_model=Alive,
        responses={503: RESPONSES[503]},
    )
    @open_to_all
    def readyz() -> Alive | JSONResponse:
        """The store and the fleet's database answer, and every subscription runs."""
        store.check()
        devices.check()
        stopped = [name for name, runs in readiness().items() if not runs]
        if stopped:
            detail = f"not running: {', '.join(stopped)}"
            return problem(HTTPStatus.SERVICE_UNAVAILABLE, detail, {"Retry-After": "1"})
        return Alive()

    return router
