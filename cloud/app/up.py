"""Everything on one machine: broker, Pub/Sub, serve and bridge, each a process of its own."""

import sys
import threading
from collections.abc import Callable
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

import structlog
import yaml

from cloud.embedded.broker.mosquitto import find_mosquitto, mosquitto_command
from cloud.embedded.broker.settings import BrokerSettings
from cloud.embedded.supervisor import Part, Supervisor
from cloud.errors import StartError
from cloud.settings import CloudSettings
from wayside.net import port_is_open

_log = structlog.get_logger(__name__)


def run_up(settings: CloudSettings, stop: threading.Event, on_ready: Callable[[str], None]) -> None:
    """Start every part in order, keep them running, and end them when told to.

    Args:
        settings: the cloud's.
        stop: set from outside.
        on_ready: called once with the API's URL when everything answers.

    Raises:
        StartError: a part cannot be started; the message says what to do.
    """
    folder = _run_folder(settings)
    supervisor = Supervisor(stop, pid_dir=folder)
    try:
        for part in _parts(settings, folder):
            supervisor.start(part)
        if not stop.is_set():
            on_ready(api_url(settings))
        supervisor.watch()
    finally:
        supervisor.shut_down()


def api_url(settings: CloudSettings) -> str:
    """Where the API answers."""
    return f"http://{settings.api.host}:{settings.api.port}"


def _parts(settings: CloudSettings, folder: Path) -> list[Part]:
    command = _command_maker(settings, folder)
    parts: list[Part] = []
    if settings.broker is not None:
        broker = settings.broker
        _require_free(broker.port, "broker.port")
        run = _broker_command(broker, folder, command)
        parts.append(Part("broker", run, lambda: port_is_open(broker.host, broker.port)))
    if settings.pubsub is not None:
        pubsub = settings.pubsub
        _require_free(pubsub.port, "pubsub.port")
        parts.append(
            Part("pubsub", command("pubsub"), lambda: port_is_open(pubsub.host, pubsub.port))
        )
    _require_free(settings.api.port, "api.port")
    parts.append(Part("serve", command("serve"), lambda: _answers(f"{api_url(settings)}/readyz")))
    ready = folder / "bridge.ready"
    ready.unlink(missing_ok=True)
    parts.append(Part("bridge", command("bridge", "--ready-file", str(ready)), ready.exists))
    return parts


def _run_folder(settings: CloudSettings) -> Path:
    folder = settings.data_dir / "run"
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StartError(
            f"data_dir {settings.data_dir} cannot be made: {error.strerror}"
        ) from error
    return folder


def _command_maker(settings: CloudSettings, folder: Path) -> Callable[..., list[str]]:
    """Commands of this program's processes, all with the same settings: those in force now."""
    effective = folder / "effective.yaml"
    effective.write_text(yaml.safe_dump(settings.model_dump(mode="json")), encoding="utf-8")

    def command(*arguments: str) -> list[str]:
        return [
            sys.executable,
            "-m",
            "cloud.cli",
            arguments[0],
            "-c",
            str(effective),
            *arguments[1:],
        ]

    return command


def _broker_command(
    broker: BrokerSettings, folder: Path, command: Callable[..., list[str]]
) -> list[str]:
    program = find_mosquitto()
    if broker.kind == "amqtt" or (broker.kind == "auto" and program is None):
        return command("broker")
    if program is None:
        raise StartError(
            "Mosquitto is not installed: `apt install mosquitto`, or broker.kind: amqtt"
        )
    return mosquitto_command(program, broker, folder)


def _require_free(port: int, key: str) -> None:
    if port_is_open("127.0.0.1", port):
        raise StartError(f"port {port} is taken by another program; set {key} to a free one")


def _answers(url: str) -> bool:
    try:
        with urlopen(url, timeout=2) as answer:  # noqa: S310 - our own address
            return bool(answer.status == 200)
    except (URLError, OSError):
        return False
