"""A real Mosquitto as `wayside-cloud broker config` sets it up, its CA, and clients of it."""

import os
import pwd
import shutil
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from queue import Queue

import pytest

from cloud.identity.authority import CertificateAuthority, utc_now
from cloud.identity.identities import Role, identify
from cloud.identity.mosquitto import write_broker_config
from cloud.identity.settings import IdentitySettings, ListenerSettings
from tests.support.processes import ServerProcess, free_port
from wayside.backoff import Backoff
from wayside.mqtt.messages import Message, Will
from wayside.mqtt.session import MqttSession
from wayside.mqtt.settings import MqttSettings


class SecureBroker:
    """A broker that takes certificates of one CA only.

    Args:
        folder: for everything.
    """

    def __init__(self, folder: Path) -> None:
        program = shutil.which("mosquitto") or shutil.which("mosquitto", path="/usr/sbin")
        if program is None:
            pytest.skip("mosquitto is not installed; `make test` installs it")
        self.folder = folder
        self.port = free_port()
        self.pid_file = folder / "mosquitto.pid"
        self.settings = IdentitySettings(
            folder=folder / "ca",
            listener=ListenerSettings(
                host="127.0.0.1",
                port=self.port,
                pid_file=self.pid_file,
                user=pwd.getpwuid(os.getuid()).pw_name,
            ),
        )
        self.authority = CertificateAuthority.create(self.settings)
        self.out = folder / "broker"
        server = identify(Role.SERVER, "broker", ["127.0.0.1", "localhost"])
        self.authority.issue(server, self.out)
        self.write_config()
        self.process = ServerProcess(
            [program, "-c", str(self.out / "mosquitto.conf")],
            self.port,
            folder / "mosquitto.log",
        )

    def write_config(self) -> None:
        """As `wayside-cloud broker config` does, for the services there are now."""
        write_broker_config(self.settings.listener, self.authority, self.out)

    def issue(
        self,
        name: str,
        role: Role = Role.DEVICE,
        *,
        authority: CertificateAuthority | None = None,
        now: Callable[[], datetime] = utc_now,
    ) -> MqttSettings:
        """A certificate of the CA, or of another one, as settings of a client."""
        issuer = authority or CertificateAuthority(self.settings, now)
        out = self.folder / f"{name}-{len(list(self.folder.iterdir()))}"
        hosts = ["127.0.0.1"] if role is Role.SERVER else ()
        issuer.issue(identify(role, name, hosts), out)
        return self.client(cert_file=str(out / "cert.pem"), key_file=str(out / "key.pem"))

    def client(self, **own: str) -> MqttSettings:
        """Settings that trust the broker; `own` are the client's certificate and key, if any."""
        return MqttSettings.model_validate(
            {"port": self.port, "tls": {"ca_file": str(self.folder / "ca/ca.pem"), **own}}
        )


@dataclass
class Party:
    """Somebody with an MQTT session; remembers what it is told.

    Attributes:
        settings: the broker, and its certificate.
        client_id: what it says it is called.
        filters: what it subscribes to at each connection.
        will: its last will.
    """

    settings: MqttSettings
    client_id: str
    filters: tuple[str, ...] = ()
    will: Will | None = None
    connections: list[str] = field(default_factory=list)
    ends: list[str] = field(default_factory=list)
    heard: "Queue[Message]" = field(default_factory=Queue)
    pubacks: "Queue[tuple[str, int]]" = field(default_factory=Queue)

    def __enter__(self) -> "Party":
        will = self.will
        self.session: MqttSession[str] = MqttSession(
            self.settings,
            client_id=self.client_id,
            listener=self,
            will=None if will is None else lambda: will,
            backoff=Backoff(0.02, 0.1),
        )
        self.session.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self.session.stop()

    def on_connected(self, protocol: str) -> None:
        if self.filters:
            self.session.subscribe(self.filters)
        self.connections.append(protocol)

    def on_disconnected(self, reason: str) -> None:
        self.ends.append(reason)

    def on_message(self, message: Message) -> None:
        self.heard.put(message)

    def on_published(self, context: str, code: int) -> None:
        self.pubacks.put((context, code))
