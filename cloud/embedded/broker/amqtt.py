"""amqtt as the broker: pure Python, MQTT 3.1.1, for a machine without Mosquitto.

It knows neither MQTT 5 nor shared subscriptions and does not redeliver what was in flight
(decision 16); outbox and receipts carry the load then, and only one bridge may run.
"""

import asyncio
import signal

import structlog
from amqtt.broker import Broker
from amqtt.contexts import BrokerConfig, ListenerConfig
from amqtt.errors import BrokerError

from cloud.embedded.broker.settings import BrokerSettings
from cloud.errors import StartError

_ANONYMOUS = {"amqtt.plugins.authentication.AnonymousAuthPlugin": {"allow_anonymous": True}}

_log = structlog.get_logger(__name__)


def run_amqtt(settings: BrokerSettings) -> None:
    """Run the broker until SIGTERM or SIGINT.

    Raises:
        StartError: the port cannot be used.
    """
    asyncio.run(_run(settings))


async def _run(settings: BrokerSettings) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    # Without the brackets of an IPv6 address: it would hand them to the socket.
    listener = ListenerConfig(bind=f"{settings.host}:{settings.port}")
    broker = Broker(BrokerConfig(listeners={"default": listener}, plugins=_ANONYMOUS))
    try:
        await broker.start()
    except BrokerError as error:
        raise StartError(f"amqtt cannot listen on {listener.bind}: {error}") from error
    _log.info("amqtt listens", host=settings.host, port=settings.port)
    await stop.wait()
    await broker.shutdown()
