"""Everything on one machine: broker, Pub/Sub, serve and bridge, each a process of its own."""

import os
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import structlog

from cloud.app.ready import ReadyRoute
from cloud.app.run_folder import run_folder, write_effective
from cloud.embedded.broker.mosquitto import find_mosquitto, mosquitto_command
from cloud.embedded.supervisor import Part, Supervisor
from cloud.errors import StartError
from cloud.settings import PREFIX, CloudSettings
from wayside.net import host_port, port_is_open

_log = structlog.get_logger(__name__)


def run_up(
    settings: CloudSettings,
    stop: threading.Event,
    on_ready: Callable[[str], None],
    find_broker: Callable[[], str | None] = find_mosquitto,
) -> None:
    """Start every part, keep them running, and end them in reverse order when told to.

    Args:
        settings: the cloud's.
        stop: set from outside.
        on_ready: called once with the API's URL when everything answers.
        find_broker: path of Mosquitto's program; None where there is none.

    Raises:
        StartError: a part cannot be started; the message says what to do.
    """
    mosquitto = find_broker()
    settings = _with_a_broker(settings, mosquitto)
    with run_folder(settings) as folder:
        _require_free_ports(settings)
        parts = _parts(settings, folder, mosquitto)
        # Overrides are in the file already; paths in them would be taken from another folder.
        environ = {k: v for k, v in os.environ.items() if not k.startswith(f"{PREFIX}__")}
        supervisor = Supervisor(stop, pid_dir=folder, environ=environ)
        try:
            supervisor.start(*parts)
            if not stop.is_set():
                on_ready(api_url(settings))
            supervisor.watch()
        finally:
            supervisor.shut_down()


def api_url(settings: CloudSettings) -> str:
    """Where the API answers."""
    return f"{settings.api.scheme}://{host_port(settings.api.host, settings.api.port)}"


@dataclass(frozen=True, slots=True)
class _Program:
    """This program's own commands, all with the settings that are in force now."""

    config: Path

    def command(self, name: str, *options: str) -> list[str]:
        return [sys.executable, "-m", "cloud.cli", *name.split(), "-c", str(self.config), *options]


def _with_a_broker(settings: CloudSettings, mosquitto: str | None) -> CloudSettings:
    """The settings with a broker that is to be had."""
    broker = settings.broker
    if broker is None or broker.kind == "amqtt" or mosquitto is not None:
        return settings
    if broker.kind == "mosquitto":
        raise StartError(
            "Mosquitto is not installed: `apt install mosquitto`, or set broker.kind to amqtt"
        )
    _log.warning(
        "mosquitto is not installed",
        instead="amqtt, which is for trying Wayside out, not for a fleet",
        remedy="apt install mosquitto",
    )
    chosen: dict[str, object] = {"broker": broker.model_copy(update={"kind": "amqtt"})}
    if settings.mqtt.protocol == "auto":
        chosen["mqtt"] = settings.mqtt.model_copy(update={"protocol": "3.1.1"})
    return settings.model_copy(update=chosen)


def _parts(settings: CloudSettings, folder: Path, mosquitto: str | None) -> list[Part]:
    program = _Program(write_effective(settings, folder))
    parts: list[Part] = []
    if (broker := settings.broker) is not None:
        if broker.kind == "amqtt" or mosquitto is None:
            command = program.command("broker run")
        else:
            command = mosquitto_command(mosquitto, broker, folder)
        parts.append(Part("broker", command, lambda: port_is_open(broker.host, broker.port)))
    if (pubsub := settings.pubsub) is not None:
        command = program.command("pubsub run")
        parts.append(Part("pubsub", command, lambda: port_is_open(pubsub.host, pubsub.port)))
    tls = settings.api.tls
    certificate = tls.certificate_file if tls is not None else None
    route = ReadyRoute(settings.api.host, settings.api.port, certificate)
    command = program.command("serve")
    parts.append(Part("serve", command, route.is_ready, lacking=lambda: route.reason))
    ready = folder / "bridge.ready"
    ready.unlink(missing_ok=True)
    command = program.command("bridge", "--ready-file", str(ready))
    mqtt = host_port(settings.mqtt.host, settings.mqtt.port)
    why = f"no MQTT connection to {mqtt}"
    parts.append(Part("bridge", command, ready.exists, lacking=lambda: why))
    return parts


def _require_free_ports(settings: CloudSettings) -> None:
    for key, part in (
        ("broker", settings.broker), ("pubsub", settings.pubsub), ("api", settings.api),
    ):  # fmt: skip
        if part is not None and port_is_open(part.host, part.port):
            raise StartError(
                f"port {part.port} is taken, perhaps by a wayside-cloud that runs already; set "
                f"{key}.port to a free one"
            )
