"""While Pub/Sub stands still, publishers wait instead of filling the memory."""

import os
import signal
import threading
from concurrent.futures import Future
from pathlib import Path

import pytest
from pydantic import ValidationError

from cloud.bus.apply import ensure
from cloud.bus.google_publisher import GooglePublisher
from cloud.bus.settings import BusSettings
from tests.support.processes import wait_until
from tests.support.pubsub import embedded_pubsub

LIMIT = 20
MESSAGES = 3 * LIMIT


def test_publisher_waits_beyond_its_limit_and_goes_on(tmp_path: Path) -> None:
    server = embedded_pubsub(tmp_path)
    server.start()
    settings = BusSettings(
        endpoint=f"127.0.0.1:{server.port}", in_flight_messages=LIMIT, batch_messages=5,
        retry_max_s=0.2,
    )  # fmt: skip
    ensure(settings)
    publisher = GooglePublisher(settings)
    handed_over: list[Future[str]] = []

    def publish() -> None:
        handed_over.extend(
            publisher.publish("wayside-events", b"%d" % number) for number in range(MESSAGES)
        )

    publishing = threading.Thread(target=publish)
    os.kill(server.pid, signal.SIGSTOP)
    try:
        publishing.start()
        wait_until(lambda: len(handed_over) == LIMIT, "the limit")
        publishing.join(0.5)
        assert publishing.is_alive()
        assert len(handed_over) == LIMIT, "the next one waits"
        assert not any(future.done() for future in handed_over)
    finally:
        os.kill(server.pid, signal.SIGCONT)
    publishing.join(20)
    assert len({future.result(20) for future in handed_over}) == MESSAGES
    publisher.close()
    server.stop()


def test_limit_holds_the_largest_message_that_pubsub_takes() -> None:
    with pytest.raises(ValidationError, match="in_flight_bytes"):
        BusSettings(in_flight_bytes=10_000_000)
