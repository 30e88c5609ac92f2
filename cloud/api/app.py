"""The application: routes over a store and the devices, nothing of its own."""

from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, version

from fastapi import Depends, FastAPI
from fastapi_offline import FastAPIOffline

from cloud.api import problems
from cloud.api.access import Access, check_role
from cloud.api.audit import audit_router
from cloud.api.body import BodyLimit
from cloud.api.devices import devices_router, lifecycle_router
from cloud.api.documentation import DOCUMENTATION_PATHS, describe
from cloud.api.erasures import erasures_router
from cloud.api.events import counts_router, events_router
from cloud.api.gate import Gate
from cloud.api.health import OPEN_PATHS, Readiness, health_router
from cloud.api.keys import keys_router
from cloud.api.registry import registry_changes_router, registry_router
from cloud.api.settings import LimitsSettings
from cloud.api.snapshots import snapshots_router
from cloud.api.summaries import summaries_router
from cloud.evidence.snapshots import Snapshots
from cloud.fleet.devices import Devices
from cloud.fleet.erasures import Erasures
from cloud.fleet.lifecycle import Lifecycle
from cloud.registry.registry import Registry
from cloud.store.port import EventStore

_DESCRIPTION = """
What cameras saw, how their devices are, and which models there are for them.

Unless the server runs without keys, every route takes one, `Authorization: Bearer KEY`: create it
with `wayside-cloud keys create`, and give it to this page by `Authorize`.

Times are RFC 3339 or Unix nanoseconds in questions, and both in answers. Errors are problem
details (RFC 9457).
"""


def create_app(
    store: EventStore,
    devices: Devices,
    lifecycle: Lifecycle,
    readiness: Readiness,
    snapshots: Snapshots,
    access: Access,
    erasures: Erasures,
    on_asked: Callable[[], None],
    registry: Registry,
    limits: LimitsSettings | None = None,
) -> FastAPI:
    """The application.

    Args:
        store: asked by any thread of the pool.
        devices: asked by any thread of the pool.
        lifecycle: changes them; used by any thread of the pool.
        readiness: which parts of the process run; asked by `/readyz`.
        snapshots: asked by any thread of the pool.
        access: who may what; asked before every route but those of health and the description.
        erasures: the record of them; used by any thread of the pool.
        on_asked: called when an erasure was asked for.
        registry: of models; used by any thread of the pool.
        limits: of bodies; None: the defaults.
    """
    # Its documentation page needs no internet, which sites with cameras may not have.
    app = FastAPIOffline(
        title="Wayside", version=_version(), description=_DESCRIPTION,
        dependencies=[Depends(check_role)],
    )  # fmt: skip
    problems.install(app)
    limits = limits or LimitsSettings()
    # Behind the gate: of who has no key, no body is read at all.
    app.add_middleware(BodyLimit, max_bytes=limits.max_body_bytes, timeout_s=limits.body_timeout_s)
    app.add_middleware(Gate, access=access, open_paths=OPEN_PATHS | DOCUMENTATION_PATHS)
    app.include_router(events_router(store))
    app.include_router(counts_router(store))
    app.include_router(summaries_router(store))
    app.include_router(snapshots_router(snapshots))
    app.include_router(devices_router(devices))
    app.include_router(lifecycle_router(devices, lifecycle))
    app.include_router(erasures_router(erasures, on_asked))
    app.include_router(registry_router(registry))
    app.include_router(registry_changes_router(registry))
    app.include_router(keys_router(access.keys))
    app.include_router(audit_router(access.audit))
    app.include_router(health_router(store, devices, readiness))
    describe(app, access.requires_key)
    return app


def _version() -> str:
    try:
        return version("wayside")
    except PackageNotFoundError:
        return "unknown"
