"""Whether a broker would let us in, and why not."""

import threading

from wayside.errors import NotConnectedError
from wayside.mqtt.connection import Connection, Plan
from wayside.mqtt.credentials import check_password, tls_context
from wayside.mqtt.messages import Message
from wayside.mqtt.settings import MqttSettings


def probe(settings: MqttSettings, client_id: str) -> str:
    """Connect, say goodbye, and tell the protocol's version that the broker speaks.

    Raises:
        MqttSettingsError: certificates, key or password cannot be read.
        NotConnectedError: the broker does not let us in; the message says why.
    """
    check_password(settings)
    plan = Plan(
        settings=settings, client_id=client_id, listener=_Nobody(), will=None,
        tls=tls_context(settings), manual_ack=False, receive_maximum=1, max_in_flight=1,
    )  # fmt: skip
    at_once = threading.Event()
    at_once.set()
    protocol = "3.1.1" if settings.protocol == "3.1.1" else "5"
    connection = Connection(protocol, plan)
    outcome = connection.live(at_once)
    if not connection.was_up and outcome.wrong_protocol and settings.protocol == "auto":
        connection = Connection("3.1.1", plan)
        outcome = connection.live(at_once)
    if not connection.was_up:
        raise NotConnectedError(outcome.reason)
    return connection.protocol


class _Nobody:
    """Wants to know nothing."""

    def on_connected(self, protocol: str) -> None: ...

    def on_disconnected(self, reason: str) -> None: ...

    def on_message(self, message: Message) -> None: ...

    def on_published(self, context: None, code: int) -> None: ...
