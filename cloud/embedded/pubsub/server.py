"""The process: starts, ticks, stops."""

import asyncio
import threading
import time

import grpc.aio
import structlog

from cloud.embedded.pubsub import publisher, schemas, subscriber
from cloud.embedded.pubsub.catalog import Catalog
from cloud.embedded.pubsub.committer import Committer
from cloud.embedded.pubsub.delivery import Post
from cloud.embedded.pubsub.errors import StatusError
from cloud.embedded.pubsub.live import Clock
from cloud.embedded.pubsub.publisher import PublisherService
from cloud.embedded.pubsub.registry import Registry
from cloud.embedded.pubsub.rpc import handler
from cloud.embedded.pubsub.schemas import SchemaService
from cloud.embedded.pubsub.storage import Storage
from cloud.embedded.pubsub.subscriber import SubscriberService
from cloud.embedded.pubsub.window import Capacity
from cloud.embedded.settings import PubsubServerSettings
from cloud.errors import StartError
from wayside.net import host_port
from wayside.process import crash_on_thread_errors, stop_on_signals

_OPTIONS = (
    # Twice what Google takes, so that the refusal is ours and in Google's words.
    ("grpc.max_receive_message_length", 20_000_000),
    ("grpc.max_send_message_length", -1),
    # Two servers on one port would each hold half of the messages.
    ("grpc.so_reuseport", 0),
    # Google's client pings every 30 s; without this it would be told to go away.
    ("grpc.http2.min_recv_ping_interval_without_data_ms", 5_000),
)
_log = structlog.get_logger(__name__)


def run(settings: PubsubServerSettings) -> None:
    """Serve until SIGTERM or SIGINT.

    Raises:
        StartError: the port or the folder cannot be used.
    """
    crash_on_thread_errors()
    asyncio.run(serve(settings, stop_on_signals()))


async def serve(settings: PubsubServerSettings, stop: threading.Event) -> None:
    """Serve until `stop` is set; then finish the requests in flight.

    Raises:
        StartError: the port or the folder cannot be used.
    """
    committer = Committer(Storage(settings.data_dir), asyncio.get_running_loop())
    try:
        await _serve(settings, stop, committer)
    finally:
        committer.close()


async def _serve(
    settings: PubsubServerSettings, stop: threading.Event, committer: Committer
) -> None:
    clock = Clock()
    catalog = Catalog(committer, clock, Capacity(settings.window_messages, settings.window_bytes))
    registry = Registry(committer, catalog)
    await registry.load()
    await catalog.load()
    last_id = await committer.submit(lambda storage: storage.last_message_id())
    post = Post(catalog, registry, committer, clock, last_id, settings.uncommitted_bytes)
    stopping = asyncio.Event()
    server = grpc.aio.server(options=_OPTIONS)
    server.add_generic_rpc_handlers(
        (
            handler(publisher.SERVICE, PublisherService(catalog, registry, post).methods()),
            handler(schemas.SERVICE, SchemaService(registry).methods()),
            handler(subscriber.SERVICE, SubscriberService(catalog, post, stopping).methods()),
        )
    )
    await _listen(server, settings)
    _log.info(
        "pubsub listens", host=settings.host, port=settings.port,
        data_dir=str(settings.data_dir), subscriptions=len(catalog.subscriptions),
    )  # fmt: skip
    try:
        await _tick_until(stop, settings, catalog, post)
    finally:
        stopping.set()
        for subscription in catalog.subscriptions.values():
            subscription.wake()
        await server.stop(settings.stop_grace_s)
    _log.info("pubsub stopped")


async def _listen(server: grpc.aio.Server, settings: PubsubServerSettings) -> None:
    address = host_port(settings.host, settings.port)
    try:
        server.add_insecure_port(address)
        await server.start()
    except RuntimeError as error:
        raise StartError(f"the Pub/Sub server cannot listen on {address}: is another program "
                         "using the port?") from error  # fmt: skip


async def _tick_until(
    stop: threading.Event, settings: PubsubServerSettings, catalog: Catalog, post: Post
) -> None:
    swept_s = time.monotonic()
    while not stop.is_set():
        await asyncio.sleep(settings.tick_s)
        post.tick()
        if time.monotonic() - swept_s >= settings.sweep_s:
            swept_s = time.monotonic()
            try:
                await catalog.sweep()
            except StatusError as error:
                _log.error("pubsub sweep failed", error=error.details)
