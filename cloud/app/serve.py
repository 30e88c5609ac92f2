"""Store, ingest and API in one process: the one that holds the database file (decision 15)."""

import threading
from contextlib import ExitStack

import structlog
import uvicorn
from fastapi import FastAPI

from cloud.errors import StartError
from cloud.settings import CloudSettings
from cloud.store.port import EventStore
from cloud.store.settings import DuckDbSettings
from wayside.net import host_port, port_is_open

_log = structlog.get_logger(__name__)


def run_serve(settings: CloudSettings, stop: threading.Event) -> None:
    """Ingest and answer until told to stop.

    Raises:
        StartError: the store or the fleet's database cannot be used, or the API's port is taken.
        BusError: Pub/Sub does not answer.
    """
    from cloud.api.app import create_app
    from cloud.bus.apply import ensure
    from cloud.bus.google_publisher import GooglePublisher
    from cloud.bus.google_subscriber import GoogleSubscriber
    from cloud.fleet.devices import Devices
    from cloud.fleet.presence import Presence
    from cloud.ingest.worker import IngestWorker

    _require_free_port(settings)
    with ExitStack() as ends:
        store = _open_store(settings)
        ends.callback(store.close)
        devices = Devices(settings.fleet.url)
        ends.callback(devices.close)
        ensure(settings.bus)
        publisher = GooglePublisher(settings.bus)
        ends.callback(publisher.close)
        subscriber = GoogleSubscriber(settings.bus)
        ends.callback(subscriber.close)
        worker = IngestWorker(settings.ingest, store, subscriber, publisher)
        presence = Presence(devices, subscriber, publisher)

        def readiness() -> dict[str, bool]:
            return {"ingest": worker.running, "presence": presence.running}

        worker.start()
        ends.callback(worker.stop)
        presence.start()
        ends.callback(presence.stop)
        _answer(settings, create_app(store, devices, readiness), stop)


def _require_free_port(settings: CloudSettings) -> None:
    if port_is_open(settings.api.host, settings.api.port):
        raise StartError(f"port {settings.api.port} is taken; set api.port to a free one")


def _open_store(settings: CloudSettings) -> EventStore:
    if isinstance(settings.store, DuckDbSettings):
        from cloud.store.duckdb.store import DuckDbStore

        return DuckDbStore(settings.store.path)
    from cloud.store.influxdb.store import InfluxDbStore

    return InfluxDbStore(settings.store)


def _answer(settings: CloudSettings, app: FastAPI, stop: threading.Event) -> None:
    """Serve HTTP until told to stop; requests under way are finished."""
    host, port = settings.api.host, settings.api.port
    server = uvicorn.Server(
        uvicorn.Config(
            app, host=host, port=port, log_config=None, access_log=False,
            timeout_graceful_shutdown=5, server_header=False,
        )
    )  # fmt: skip
    thread = threading.Thread(target=server.run, name="http", daemon=True)
    thread.start()
    _log.info("api answers", url=f"http://{host_port(host, port)}/docs")
    while thread.is_alive() and not stop.wait(0.2):
        continue
    server.should_exit = True
    thread.join()
    if not stop.is_set():
        raise StartError(f"the API cannot listen on {host_port(host, port)}")
