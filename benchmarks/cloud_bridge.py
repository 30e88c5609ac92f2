"""What the bridge costs a message, against a bare paho subscriber of the same messages.

Both are processes at one Mosquitto, with MQTT 5, QoS 1, the same `receive_maximum`, and every
message acknowledged by hand; the reference does nothing else. The bridge publishes to the
embedded Pub/Sub server and acknowledges what that has on disk. What counts is the CPU time of the
two processes (user and system, all threads), which other work on the machine disturbs less than
it does wall time, and both take the same messages in the same seconds.
"""

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import IO

import paho.mqtt.client as paho
from google.pubsub_v1 import SubscriberClient
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion

from benchmarks.bare_subscriber import END_TOPIC
from benchmarks.report import Row, markdown, row_of
from cloud.bridge.settings import BridgeSettings
from cloud.bus.client import subscriber_client
from cloud.bus.settings import BusSettings
from cloud.bus.topology import subscription_path
from cloud.simulate.events import Scene
from protos import topics
from protos.ids import Lane
from tests.support.mosquitto import mosquitto
from tests.support.processes import ServerProcess, wait_until
from tests.support.pubsub import embedded_pubsub
from wayside.process import dying_with_parent

DEVICES = 20
MESSAGES = 1000
"""In one round, DEVICES by turns."""

EVENTS = 10
"""In a message."""

ROUNDS = 15
BOUND = 1.5


@dataclass(frozen=True, slots=True)
class Outgoing:
    """What a device sends."""

    topic: str
    payload: bytes


class Fleet:
    """One MQTT client that speaks for all devices.

    Args:
        port: of the broker.
    """

    def __init__(self, port: int) -> None:
        self._client = paho.Client(
            CallbackAPIVersion.VERSION2, client_id="fleet", protocol=MQTTProtocolVersion.MQTTv5
        )
        self._client.max_inflight_messages_set(64)
        self._client.connect("127.0.0.1", port)
        self._client.loop_start()

    def send(self, messages: Sequence[Outgoing]) -> None:
        """Publish with QoS 1, then what tells the bare subscriber of the end; return when taken."""
        for message in messages:
            self._client.publish(message.topic, message.payload, qos=1)
        self._client.publish(END_TOPIC, b"", qos=1).wait_for_publish(60)

    def close(self) -> None:
        """Disconnect."""
        self._client.disconnect()
        self._client.loop_stop()


class Drain:
    """Takes from Pub/Sub what the bridge publishes, to know when it has published all.

    Args:
        client: of the server.
        path: of the subscription.
    """

    def __init__(self, client: SubscriberClient, path: str) -> None:
        self._client = client
        self._path = path

    def take(self, messages: int) -> None:
        """Return when so many have come."""
        while messages > 0:
            answer = self._client.pull(subscription=self._path, max_messages=1000, timeout=60)
            ids = [one.ack_id for one in answer.received_messages]
            if ids:
                self._client.acknowledge(subscription=self._path, ack_ids=ids)
            messages -= len(ids)


def cpu_s(pid: int) -> float:
    """CPU seconds that all threads of a process have used, by the kernel's clock of it.

    The number of the clock is that of clock_getcpuclockid(3), which Python does not offer.
    """
    return time.clock_gettime((~pid << 3) | 2)


def messages_of(devices: int, count: int, events: int) -> Callable[[], list[Outgoing]]:
    """A maker of rounds: so many messages of new events, of each device in turn."""
    rng = Random(7)
    names = [f"bench-{number}" for number in range(devices)]
    scenes = [Scene(name, 1, rng) for name in names]
    first_seq = 1

    def a_round() -> list[Outgoing]:
        nonlocal first_seq
        found = []
        for number in range(count):
            name, scene = names[number % devices], scenes[number % devices]
            payload = scene.batch(Lane.STATE, first_seq + number // devices * events, events)
            found.append(Outgoing(topics.events(name, Lane.STATE), payload))
        first_seq += -(-count // devices) * events
        return found

    return a_round


def measure() -> list[Row]:
    """The bridge against the bare subscriber."""
    ours, reference = [], []
    a_round = messages_of(DEVICES, MESSAGES, EVENTS)
    with tempfile.TemporaryDirectory() as folder, ExitStack() as ends:
        broker = ends.enter_context(_running(mosquitto(Path(folder) / "mqtt")))
        pubsub = ends.enter_context(_running(embedded_pubsub(Path(folder) / "bus")))
        bridge = ends.enter_context(_bridge(Path(folder), broker.port, pubsub.port))
        bare, output = ends.enter_context(_bare_subscriber(broker.port))
        bus = BusSettings(endpoint=f"127.0.0.1:{pubsub.port}")
        client = ends.enter_context(subscriber_client(bus))
        drain = Drain(client, subscription_path(bus.project, "ingest"))
        fleet = Fleet(broker.port)
        ends.callback(fleet.close)
        for number in range(ROUNDS + 1):
            messages = a_round()
            before = cpu_s(bridge), cpu_s(bare)
            fleet.send(messages)
            drain.take(len(messages))
            output.readline()
            if number:  # the first warms both up
                ours.append((cpu_s(bridge) - before[0]) * 1000 / MESSAGES)
                reference.append((cpu_s(bare) - before[1]) * 1000 / MESSAGES)
    name = f"bridge, {EVENTS} events a message, CPU (bare paho)"
    return [row_of(name, ours, reference, bound=BOUND)]


@contextmanager
def _running(server: ServerProcess) -> Iterator[ServerProcess]:
    server.start()
    try:
        yield server
    finally:
        server.stop()


@contextmanager
def _bridge(folder: Path, broker: int, pubsub: int) -> Iterator[int]:
    """`wayside-cloud bridge`, connected; its process id."""
    config, ready = folder / "cloud.yaml", folder / "ready"
    settings = {
        "data_dir": str(folder / "data"),
        "broker": None,
        "mqtt": {"port": broker, "protocol": "5"},
        "pubsub": {"port": pubsub},
    }
    config.write_text(json.dumps(settings))  # JSON is YAML
    command = ["-m", "cloud.cli", "bridge", "-c", str(config), "--ready-file", str(ready)]
    with _process(command) as process:
        wait_until(ready.exists, "the bridge")
        yield process.pid


@contextmanager
def _bare_subscriber(port: int) -> Iterator[tuple[int, IO[str]]]:
    """The reference, subscribed; its process id and its output."""
    limit = str(BridgeSettings().receive_maximum)
    filters = [topics.EVENTS_FILTER, topics.STATE_FILTER]
    with _process(["-m", "benchmarks.bare_subscriber", str(port), limit, *filters]) as process:
        assert process.stdout is not None
        process.stdout.readline()
        yield process.pid, process.stdout


@contextmanager
def _process(arguments: Sequence[str]) -> "Iterator[subprocess.Popen[str]]":
    command = dying_with_parent([sys.executable, *arguments])
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield process
        finally:
            process.terminate()


if __name__ == "__main__":
    print(markdown(measure()))
