"""The application: routes over a store and the devices, nothing of its own."""

from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version

from fastapi import APIRouter, Depends, FastAPI
from fastapi_offline import FastAPIOffline

from cloud.api import problems
from cloud.api.access import check_role
from cloud.api.audit import audit_router
from cloud.api.body import BodyLimit
from cloud.api.desired import changes_router, desired_router
from cloud.api.devices import devices_router, lifecycle_router
from cloud.api.documentation import DOCUMENTATION_PATHS, describe
from cloud.api.enrolment import ENROLMENT_PATHS, enrolment_router
from cloud.api.erasures import erasures_router
from cloud.api.events import counts_router, events_router
from cloud.api.gate import Gate
from cloud.api.health import OPEN_PATHS, health_router
from cloud.api.keys import keys_router
from cloud.api.parts import Parts
from cloud.api.registry import registry_changes_router, registry_router
from cloud.api.repository import repository_router
from cloud.api.snapshots import snapshots_router
from cloud.api.summaries import summaries_router

_DESCRIPTION = """
What cameras saw, how their devices are, and which models there are for them.

Unless the server runs without keys, every route takes one, `Authorization: Bearer KEY`: create it
with `wayside-cloud keys create`, and give it to this page by `Authorize`. Devices enrol by a claim
token (`wayside-cloud devices claim create`) and renew their certificates by those they have.

Times are RFC 3339 or Unix nanoseconds in questions, and both in answers. Errors are problem
details (RFC 9457).
"""


def create_app(parts: Parts) -> FastAPI:
    """The application."""
    # Its documentation page needs no internet, which sites with cameras may not have.
    app = FastAPIOffline(
        title="Wayside", version=_version(), description=_DESCRIPTION,
        dependencies=[Depends(check_role)],
    )  # fmt: skip
    problems.install(app)
    # Behind the gate: of who has no key, no body is read at all.
    limits = parts.limits
    app.add_middleware(BodyLimit, max_bytes=limits.max_body_bytes, timeout_s=limits.body_timeout_s)
    open_paths = OPEN_PATHS | DOCUMENTATION_PATHS | ENROLMENT_PATHS
    app.add_middleware(Gate, access=parts.access, open_paths=open_paths)
    for router in _routers(parts):
        app.include_router(router)
    describe(app, parts.access.requires_key)
    return app


def _routers(parts: Parts) -> Iterator[APIRouter]:
    devices, down = parts.devices, parts.down
    yield events_router(parts.store)
    yield counts_router(parts.store)
    yield summaries_router(parts.store)
    yield snapshots_router(parts.snapshots)
    yield devices_router(devices, down)
    on_replaced = parts.enrolment.retire if parts.enrolment is not None else None
    yield lifecycle_router(devices, parts.lifecycle, down, on_replaced)
    yield enrolment_router(parts.enrolment)
    yield desired_router(devices, down)
    yield changes_router(devices, down)
    yield erasures_router(parts.erasures, parts.on_asked)
    yield registry_router(parts.registry)
    yield registry_changes_router(parts.registry)
    yield repository_router(parts.repository)
    yield keys_router(parts.access.keys)
    yield audit_router(parts.access.audit)
    yield health_router(parts.store, devices, parts.readiness)


def _version() -> str:
    try:
        return version("wayside")
    except PackageNotFoundError:
        return "unknown"
