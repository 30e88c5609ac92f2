"""A revocation cuts the live session.

Mosquitto judges certificates when a client connects and never again, so a revoked client stays
until its connection breaks. Three steps end that: SIGHUP makes the broker read the revocation list;
a probe, which bears the revoked serial number, connects until it is refused, which proves that the
list counts; and a connection in the client's own name takes its session over (MQTT 5, 3.1.4-3), for
which the CA signs credentials that live for minutes and never leave this process's own folder.
"""

import os
import signal
import tempfile
import threading
import time
from dataclasses import dataclass
from pathlib import Path

from cloud.errors import IdentityError
from cloud.identity import files
from cloud.identity.authority import CertificateAuthority, Credentials
from cloud.identity.identities import Identity
from wayside.backoff import Backoff
from wayside.mqtt.connection import Connection, Outcome, Plan
from wayside.mqtt.credentials import tls_context
from wayside.mqtt.messages import Message
from wayside.mqtt.settings import MqttSettings
from wayside.net import TlsSettings, host_port

_PROGRAM = "mosquitto"


def reload_broker(pid_file: Path) -> None:
    """Make a Mosquitto of this machine read certificates, access list and revocation list again.

    Raises:
        IdentityError: no Mosquitto of that process id runs, or it is somebody else's.
    """
    try:
        pid = int(pid_file.read_text(encoding="ascii"))
        # A stale file may name any process by now, and SIGHUP ends most of them.
        name = Path(f"/proc/{pid}/comm").read_text(encoding="utf-8").strip()
        if name != _PROGRAM:
            raise IdentityError(f"{pid_file}: process {pid} is {name!r}, not {_PROGRAM}")
        os.kill(pid, signal.SIGHUP)
    except (FileNotFoundError, ProcessLookupError) as error:
        raise IdentityError(f"{pid_file}: no {_PROGRAM} runs under it") from error
    except OSError as error:
        raise IdentityError(f"{pid_file}: {error.strerror}; run this as who may") from error
    except ValueError as error:
        raise IdentityError(f"{pid_file} holds no process id") from error


def evict(
    authority: CertificateAuthority,
    identity: Identity,
    host: str,
    port: int,
    timeout_s: float = 10.0,
) -> None:
    """Cut the session of a revoked identity, once it is sure that it cannot return.

    Args:
        authority: it has revoked the identity already.
        identity: whose session.
        host: name or address of the broker, as its certificate says it.
        port: its TLS port.
        timeout_s: the broker gets this long to read the revocation list.

    Raises:
        IdentityError: the broker does not answer, or still takes what is revoked.
    """
    broker = _Broker(host, port, identity.common_name)
    serial = authority.listed_serial(identity)
    if serial is not None:
        _wait_until_refused(broker, authority.impersonate(identity, serial), timeout_s)
    outcome = broker.connect(authority.impersonate(identity))
    if outcome is not None:
        raise IdentityError(f"{broker} does not let us take the session over: {outcome.reason}")


@dataclass(frozen=True, slots=True)
class _Broker:
    """Where we connect to, and under which client id."""

    host: str
    port: int
    client_id: str

    def __str__(self) -> str:
        return f"the broker at {host_port(self.host, self.port)}"

    def connect(self, own: Credentials) -> Outcome | None:
        """Connect and disconnect; None when the broker took us, else why it did not."""
        with tempfile.TemporaryDirectory(prefix="wayside-ca-") as name:
            folder = Path(name)
            files.write_credentials(folder, own.as_files())
            tls = TlsSettings(
                ca_file=folder / files.CA_FILE,
                cert_file=folder / files.CERTIFICATE_FILE,
                key_file=folder / files.KEY_FILE,
            )
            settings = MqttSettings(host=self.host, port=self.port, tls=tls)
            context = tls_context(settings)
        connection = Connection(
            "3.1.1",
            Plan(
                settings, self.client_id, _Silence(), None, context,
                manual_ack=False, receive_maximum=1, max_in_flight=1,
            ),
        )  # fmt: skip
        goodbye_at_once = threading.Event()
        goodbye_at_once.set()
        outcome = connection.live(goodbye_at_once)
        return None if connection.was_up else outcome


def _wait_until_refused(broker: _Broker, probe: Credentials, timeout_s: float) -> None:
    waits = Backoff(0.1, 1.0)
    deadline = time.monotonic() + timeout_s
    while True:
        outcome = broker.connect(probe)
        if outcome is not None and outcome.certificate_refused:
            return
        if time.monotonic() > deadline:
            break
        time.sleep(waits.next_s())
    if outcome is not None:
        raise IdentityError(f"{broker} does not answer as it should: {outcome.reason}")
    raise IdentityError(
        f"{broker} still takes revoked certificates: give it the new revocation list and SIGHUP, "
        "then run this again"
    )


class _Silence:
    """Is told what happens and has nothing to do about it."""

    def on_connected(self, protocol: str) -> None:
        """The session is ours."""

    def on_disconnected(self, reason: str) -> None:
        """Only sessions tell this."""

    def on_message(self, message: Message) -> None:
        """Nothing was subscribed."""

    def on_published(self, context: None, code: int) -> None:
        """Nothing was published."""
