"""The brokers that `wayside-cloud up` starts, as processes."""

import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from queue import Queue

import pytest

from cloud.embedded.broker.mosquitto import find_mosquitto, mosquitto_command
from cloud.embedded.broker.settings import BrokerSettings
from cloud.settings import CloudSettings
from tests.support.processes import ServerProcess, free_port
from wayside.mqtt.messages import Message
from wayside.mqtt.session import MqttSession
from wayside.mqtt.settings import MqttSettings

WAIT_S = 20.0


class Device:
    """Subscribes to a topic and remembers what it hears."""

    def __init__(self, settings: MqttSettings) -> None:
        self.heard: Queue[Message] = Queue()
        self.taken: Queue[str] = Queue()
        self.connected = threading.Event()
        self.protocol = ""
        self.session: MqttSession[str] = MqttSession(settings, client_id="device", listener=self)

    def on_connected(self, protocol: str) -> None:
        self.protocol = protocol
        self.session.subscribe(["/devices/cam-1/config"])
        self.connected.set()

    def on_disconnected(self, reason: str) -> None:
        """The test ends it."""

    def on_message(self, message: Message) -> None:
        self.heard.put(message)

    def on_published(self, context: str, code: int) -> None:
        self.taken.put(context)


@contextmanager
def device(port: int) -> Iterator[Device]:
    connected = Device(MqttSettings(port=port, connect_timeout_s=1.0, retry_initial_s=0.05))
    connected.session.start()
    assert connected.connected.wait(WAIT_S)
    yield connected
    connected.session.stop()


def amqtt(folder: Path, port: int) -> ServerProcess:
    config = folder / "cloud.yaml"
    config.write_text(f"broker: {{kind: amqtt, port: {port}}}\n")
    command = [sys.executable, "-m", "cloud.cli", "broker", "run", "-c", str(config)]
    return ServerProcess(command, port, folder / "amqtt.log")


def mosquitto(folder: Path, port: int) -> ServerProcess:
    program = find_mosquitto()
    if program is None:
        pytest.skip("mosquitto is not installed; `make test` installs it")
    command = mosquitto_command(program, BrokerSettings(port=port), folder / "run")
    return ServerProcess(command, port, folder / "mosquitto.log")


@pytest.mark.parametrize(("start", "protocol"), [(mosquitto, "5"), (amqtt, "3.1.1")])
def test_broker_takes_and_delivers(tmp_path: Path, start: object, protocol: str) -> None:
    assert callable(start)
    broker: ServerProcess = start(tmp_path, free_port())
    broker.start()
    try:
        with device(broker.port) as connected:
            assert connected.protocol == protocol
            connected.session.publish("/devices/cam-1/config", b"x" * 200_000, "one")
            assert connected.taken.get(timeout=WAIT_S) == "one"
            message = connected.heard.get(timeout=WAIT_S)
            assert (len(message.payload), message.qos) == (200_000, 1)
    finally:
        broker.stop()


def test_mosquitto_gets_the_limits_of_the_settings(tmp_path: Path) -> None:
    settings = BrokerSettings(
        host="::1", port=1999, max_queued_messages=5_000, max_packet_bytes=200_000
    )
    command = mosquitto_command("/usr/sbin/mosquitto", settings, tmp_path)
    assert command == ["/usr/sbin/mosquitto", "-c", str(tmp_path / "mosquitto.conf")]
    lines = (tmp_path / "mosquitto.conf").read_text().splitlines()
    for line in ("listener 1999 ::1", "max_queued_messages 5000", "max_packet_size 200000"):
        assert line in lines


def test_amqtt_names_the_port_that_it_cannot_have(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        broker = amqtt(tmp_path, port)
        done = subprocess.run(broker.command, capture_output=True, text=True, timeout=60)
    assert done.returncode == 1
    assert f"amqtt cannot listen on 127.0.0.1:{port}" in done.stderr


def test_nobody_else_can_reach_the_broker() -> None:
    assert CloudSettings().broker == BrokerSettings(host="127.0.0.1")
    with pytest.raises(ValueError, match="run your own broker and name it in `mqtt`"):
        BrokerSettings(host="0.0.0.0")
