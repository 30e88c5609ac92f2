"""The way to the broker: its name, its port, its TLS, its word on who we are."""

import secrets
import socket
from collections.abc import Iterator

from edge.doctor.finding import Finding, ok, wrong
from wayside.errors import MqttSettingsError, NotConnectedError
from wayside.mqtt.probe import probe
from wayside.mqtt.settings import MqttSettings


def broker(settings: MqttSettings, device: str) -> Iterator[Finding]:
    """How far one comes on the way to the broker.

    A client id of its own keeps it from throwing out an agent that runs.
    """
    where = f"{settings.host}:{settings.port}"
    try:
        with socket.create_connection(
            (settings.host, settings.port), settings.connect_timeout_s
        ) as there:
            address = there.getpeername()[0]
    except (socket.gaierror, UnicodeError) as error:  # the latter: a part of it is too long
        why = error.strerror if isinstance(error, OSError) else "not possible as a name"
        yield wrong("broker", f"{settings.host}: no such name ({why})",
                    "see mqtt.host, and that this device can ask a DNS server")  # fmt: skip
        return
    except OSError as error:
        told = error.strerror or str(error)
        yield wrong("broker", f"{where}: {told}",
                    "see mqtt.host and mqtt.port, that the broker runs, and that no firewall "
                    "stands between; events wait on disk meanwhile")  # fmt: skip
        return
    yield ok("broker", f"{where} answers at {address}")
    yield _welcome(settings, device, where)


def _welcome(settings: MqttSettings, device: str, where: str) -> Finding:
    try:
        protocol = probe(settings, f"{device}-doctor-{secrets.token_hex(4)}")
    except MqttSettingsError as error:
        return wrong("mqtt", str(error))
    except NotConnectedError as error:
        return wrong("mqtt", f"{where}: {error}",
                     "see that mqtt.port is that of an MQTT broker, with TLS where mqtt.tls is "
                     "set; mqtt.username and password_file, the certificates, and the broker's log",
                     )  # fmt: skip
    secured = "TLS" if settings.tls is not None else "plain text"
    return ok("mqtt", f"{where} welcomes us, MQTT {protocol}, {secured}")
