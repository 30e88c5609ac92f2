"""The application: routes over a store and the devices, nothing of its own."""

from importlib.metadata import PackageNotFoundError, version

from fastapi import FastAPI
from fastapi_offline import FastAPIOffline

from cloud.api import problems
from cloud.api.devices import devices_router
from cloud.api.events import counts_router, events_router
from cloud.api.health import Readiness, health_router
from cloud.fleet.devices import Devices
from cloud.store.port import EventStore

_DESCRIPTION = """
What cameras saw, and how their devices are.

Times are RFC 3339 or Unix nanoseconds in questions, and both in answers. Errors are problem
details (RFC 9457).
"""


def create_app(store: EventStore, devices: Devices, readiness: Readiness) -> FastAPI:
    """The application.

    Args:
        store: asked by any thread of the pool.
        devices: asked by any thread of the pool.
        readiness: which parts of the process run; asked by `/readyz`.
    """
    # Its documentation page needs no internet, which sites with cameras may not have.
    app = FastAPIOffline(title="Wayside", version=_version(), description=_DESCRIPTION)
    problems.install(app)
    app.include_router(events_router(store))
    app.include_router(counts_router(store))
    app.include_router(devices_router(devices))
    app.include_router(health_router(store, devices, readiness))
    return app


def _version() -> str:
    try:
        return version("wayside")
    except PackageNotFoundError:
        return "unknown"
