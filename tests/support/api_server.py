"""The API on a real port, over things of memory and a new SQLite file."""

import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
from fastapi import FastAPI
from obstore.store import MemoryStore

from cloud.api.access import Access
from cloud.api.app import create_app
from cloud.api.parts import Parts
from cloud.api.settings import ApiTlsSettings, LimitsSettings
from cloud.app.http import answer
from cloud.blobs.obstore import ObstoreBlobs
from cloud.enrolment.enrolment import Enrolment
from cloud.evidence.snapshots import Snapshots
from cloud.fleet.api_key import Role
from cloud.fleet.audit import Actor
from cloud.registry.registry import Registry
from tests.support.fake_store import FakeStore
from tests.support.fleet import (
    fleet_access,
    fleet_devices,
    fleet_down,
    fleet_erasures,
    fleet_lifecycle,
)
from tests.support.model_records import model_registry
from tests.support.processes import free_port, wait_until
from wayside.net import port_is_open

BY = Actor("user:root", "here")


@dataclass(frozen=True, slots=True)
class ApiServer:
    """An application that answers on a port.

    Attributes:
        client: of httpx, with the server's URL and no key.
        access: its keys and its audit.
        app: the application itself.
        asked: set once an erasure was asked for.
        registry: its models.
        changed: set once it was changed what a device shall be.
    """

    client: httpx.Client
    access: Access
    app: FastAPI
    asked: threading.Event
    registry: Registry
    changed: threading.Event

    def key(self, role: Role) -> str:
        """A new key."""
        return self.access.keys.create(f"a {role.slug}", role, BY)[0].text

    def ask(
        self, method: str, path: str, key: str | None = None, json: object = None
    ) -> httpx.Response:
        """The answer to a request with a key, or without one."""
        headers = {"Authorization": f"Bearer {key}"} if key is not None else {}
        return self.client.request(method, path, headers=headers, json=json)


@contextmanager
def api_server(
    folder: Path,
    requires_key: bool = True,
    tls: ApiTlsSettings | None = None,
    limits: LimitsSettings | None = None,
    enrolment: Enrolment | None = None,
) -> Iterator[ApiServer]:
    """Answer on a free port; over TLS the client trusts exactly this certificate."""
    port, stop, changed = free_port(), threading.Event(), threading.Event()
    scheme = "https" if tls else "http"
    trust: ssl.SSLContext | bool = False
    if tls:
        trust = ssl.create_default_context(cafile=tls.certificate_file)
    with (
        fleet_devices(folder) as devices,
        fleet_lifecycle(folder) as lifecycle,
        fleet_access(folder, requires_key) as access,
        fleet_erasures(folder) as erasures,
        model_registry(folder) as registry,
        fleet_down(folder, changed.set) as down,
    ):
        snapshots = Snapshots(ObstoreBlobs(MemoryStore(), "memory"))
        asked = threading.Event()
        app = create_app(Parts(
            store=FakeStore(), devices=devices, lifecycle=lifecycle, readiness=dict,
            snapshots=snapshots, access=access, erasures=erasures, on_asked=asked.set,
            registry=registry, down=down, limits=limits or LimitsSettings(), enrolment=enrolment,
        ))  # fmt: skip
        thread = threading.Thread(
            target=answer, args=(app, "127.0.0.1", port, "the API", stop, tls, limits)
        )
        thread.start()
        try:
            wait_until(lambda: port_is_open("127.0.0.1", port), "the API")
            url = f"{scheme}://127.0.0.1:{port}"
            with httpx.Client(base_url=url, trust_env=False, verify=trust) as client:
                yield ApiServer(client, access, app, asked, registry, changed)
        finally:
            stop.set()
            thread.join()
