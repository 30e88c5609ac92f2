"""Ingest as a push endpoint: what Pub/Sub pushes into the store, for Cloud Run."""

import threading
from contextlib import ExitStack
from typing import TYPE_CHECKING

from cloud.app.http import answer
from cloud.app.store import open_store
from cloud.errors import StartError
from cloud.settings import CloudSettings
from wayside.backoff import Backoff
from wayside.net import port_is_open

if TYPE_CHECKING:
    from cloud.bus.push_token import Certificates

_WAIT_S, _MAX_WAIT_S = 0.05, 0.5
"""While the store is away; requests wait that long for their 503, and Pub/Sub does the rest."""


def run_push(
    settings: CloudSettings,
    stop: threading.Event,
    certificates: "Certificates | None" = None,
) -> None:
    """Take what Pub/Sub pushes until told to stop.

    Args:
        settings: the cloud's; `push` names who may push.
        stop: set from outside.
        certificates: what tokens are signed with; default: Google's.

    Raises:
        StartError: `push` lets nobody in, the store or the fleet's database cannot be used, or
            the port is taken.
        BusError: there are no credentials for Pub/Sub.
    """
    from cloud.bus.google_publisher import GooglePublisher
    from cloud.bus.push_token import GoogleCertificates, PushToken
    from cloud.fleet.audit import Audit
    from cloud.fleet.database import FleetDatabase
    from cloud.fleet.erasures import Erasures
    from cloud.ingest.push import create_push_app
    from cloud.ingest.push_door import PushDoor
    from cloud.ingest.worker import IngestWorker

    push = settings.push
    if not push.audience or not push.service_accounts:
        raise StartError("nobody may push: set push.audience and push.service_accounts")
    if port_is_open(push.host, push.port):
        raise StartError(f"port {push.port} is taken; set push.port to a free one")
    who = PushToken(
        push.audience, frozenset(push.service_accounts), certificates or GoogleCertificates()
    )
    with ExitStack() as ends:
        store = open_store(settings)
        ends.callback(store.close)
        database = FleetDatabase(settings.fleet.url)
        ends.callback(database.close)
        publisher = GooglePublisher(settings.bus)
        ends.callback(publisher.close)
        door = PushDoor(publisher)
        worker = IngestWorker(
            settings.ingest, store, door, publisher, Backoff(_WAIT_S, _MAX_WAIT_S),
            receipt_timeout_s=push.receipt_timeout_s,
            read_erased=Erasures(database, Audit(database)).ranges,
        )  # fmt: skip
        worker.start()
        ends.callback(worker.stop)
        app = create_push_app(door, who.verify, store, lambda: worker.running, push.max_body_bytes)
        answer(app, push.host, push.port, "the push endpoint", stop)
