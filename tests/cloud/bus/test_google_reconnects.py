"""Publisher and subscriber over a server that is killed and comes back."""

import threading
from concurrent.futures import wait

from cloud.bus.apply import ensure
from cloud.bus.google_publisher import GooglePublisher
from cloud.bus.google_subscriber import GoogleSubscriber
from cloud.bus.port import Received, is_refusal
from cloud.bus.settings import BusSettings
from cloud.bus.topology import EVENTS
from cloud.errors import BusError
from tests.support.processes import ServerProcess, free_port, wait_until


def test_publishing_and_listening_survive_kills(
    server: ServerProcess, settings: BusSettings
) -> None:
    ensure(settings)
    publisher, subscriber = GooglePublisher(settings), GoogleSubscriber(settings)
    received: set[bytes] = set()

    def keep(message: Received) -> None:
        received.add(message.data)
        message.ack()

    subscriber.subscribe("ingest", keep)
    futures = []
    for kill in range(2):
        publisher.publish(EVENTS, f"{kill}-before".encode()).result(20)
        server.kill()
        futures += [publisher.publish(EVENTS, f"{kill}-{n}".encode()) for n in range(150)]
        server.start()
    done, late = wait(futures, 20)
    assert not late
    assert all(future.exception() is None for future in done)
    expected = {f"{kill}-{n}".encode() for kill in range(2) for n in [*range(150), "before"]}
    wait_until(lambda: received == expected, "every message", 20)
    subscriber.close()
    publisher.close()


def test_a_publish_fails_when_the_server_stays_away() -> None:
    settings = BusSettings(
        endpoint=f"127.0.0.1:{free_port()}", publish_timeout_s=0.5, attempt_timeout_s=0.2
    )
    publisher = GooglePublisher(settings)
    error = publisher.publish(EVENTS, b"x").exception(10)
    assert isinstance(error, BusError)
    assert not is_refusal(error)
    publisher.close()


def test_closing_does_not_wait_for_a_server_that_is_away() -> None:
    settings = BusSettings(
        endpoint=f"127.0.0.1:{free_port()}", publish_timeout_s=1, attempt_timeout_s=0.2
    )
    publisher = GooglePublisher(settings)
    future = publisher.publish(EVENTS, b"x")
    publisher.close(timeout_s=0.05)
    assert isinstance(future.exception(0), BusError)


def test_a_subscription_that_is_made_later_is_found(settings: BusSettings) -> None:
    subscriber = GoogleSubscriber(settings)
    came = threading.Event()

    def acknowledge(message: Received) -> None:
        message.ack()
        came.set()

    subscription = subscriber.subscribe("ingest", acknowledge)
    wait_until(lambda: not subscription.listening, "the refusal to be seen", 20)
    ensure(settings)
    wait_until(lambda: subscription.listening, "the subscription to stand", 20)
    publisher = GooglePublisher(settings)
    publisher.publish(EVENTS, b"x").result(20)
    assert came.wait(20)
    subscriber.close()
    publisher.close()
