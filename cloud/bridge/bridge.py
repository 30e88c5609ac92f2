"""One bridge: an MQTT connection on one side, Pub/Sub on the other, nothing remembered.

Any number may run; each gets its share of the devices' messages by `$share` (decision 11). Where
there is no `$share`, on MQTT 3.1.1, one of them gets all (election.py); the way down is shared by
Pub/Sub either way. Killed, a bridge loses what was in flight, and the devices send that again.
"""

import secrets
import time
from collections.abc import Callable

import structlog

from cloud.bridge.downlink import Descent, Downlink
from cloud.bridge.election import Pace
from cloud.bridge.presence import Presence
from cloud.bridge.rate_limit import RateLimit
from cloud.bridge.routing import Registry, identity_problem
from cloud.bridge.settings import BridgeSettings
from cloud.bridge.uplink import Uplink
from cloud.bus.dead_letters import refuse
from cloud.bus.port import Flow, Received, Sender, Subscriber, Subscription
from protos import topics
from wayside.errors import MqttSettingsError, NotConnectedError
from wayside.mqtt.messages import Message, Will
from wayside.mqtt.session import MqttSession
from wayside.mqtt.settings import MqttSettings

_FILTERS = (topics.EVENTS_FILTER, topics.STATE_FILTER)

_log = structlog.get_logger(__name__)


class Bridge:
    """Passes messages both ways between start and stop.

    Args:
        settings: limits.
        mqtt: the broker.
        project: the Pub/Sub project.
        publisher: the way to Pub/Sub.
        subscriber: the way from Pub/Sub.

    Raises:
        MqttSettingsError: the connection can never work as configured.
    """

    def __init__(
        self,
        settings: BridgeSettings,
        mqtt: MqttSettings,
        project: str,
        publisher: Sender,
        subscriber: Subscriber,
    ) -> None:
        self._settings = settings
        self._publisher = publisher
        self._subscriber = subscriber
        self._protocol = ""
        self._filters: list[str] = []
        self._listening: Subscription | None = None
        self._session: MqttSession[Descent] = MqttSession(
            _checkable(mqtt, settings.identity_property),
            client_id=f"bridge-{secrets.token_hex(8)}",
            listener=self,
            will=self._will,
            will_on=("3.1.1",),
            manual_ack=True,
            receive_maximum=settings.receive_maximum,
            max_in_flight=settings.downlink_in_flight,
            user_properties=settings.identity_property is not None,
        )
        topic = topics.presence(settings.share_group)
        pace = Pace(settings.presence_interval_s, settings.presence_timeout_s)
        self._presence = Presence(self._session, topic, _FILTERS, pace)
        registry = Registry(project, settings.registry, settings.region)
        self._uplink = Uplink(publisher, registry, self._session.ack, self._break)
        self._take: Callable[[Message], None] = self._uplink.take
        limit = RateLimit(settings.downlink_rate, settings.downlink_burst)
        self._downlink = Downlink(self._publish_down, self._refuse, limit)

    @property
    def connected(self) -> bool:
        """True while the broker is there."""
        return self._session.connected

    @property
    def settled(self) -> bool:
        """True while the broker is there, and some bridge takes the devices' messages."""
        return self.connected and (self._protocol == "5" or self._presence.settled)

    def start(self) -> None:
        """Connect both ways; returns at once."""
        self._session.start()
        flow = Flow(max_messages=self._settings.downlink_in_flight)
        self._listening = self._subscriber.subscribe("downlink", self._downlink.take, flow)

    def stop(self) -> None:
        """Take nothing new, finish what is in flight, disconnect."""
        if self._listening is not None:
            self._listening.stop()
        end_s = time.monotonic() + self._settings.drain_timeout_s
        self._presence.leave(_left_s(end_s) / 2)  # the other half is for what is in flight
        try:
            drained = self._drain(end_s)
        except NotConnectedError as error:
            _log.info("the bridge stops without the broker", reason=str(error))
        else:
            if not drained:
                _log.warning("messages in flight are left to their devices to send again")
        self._presence.stop()
        self._downlink.stop()
        self._session.stop()

    def on_connected(self, protocol: str) -> None:
        self._protocol = protocol
        if protocol == "5":
            self._filters = [topics.shared(self._settings.share_group, item) for item in _FILTERS]
            checks = self._settings.identity_property is not None
            self._take = self._take_identified if checks else self._uplink.take
            self._session.subscribe(self._filters)
        else:
            self._filters = list(_FILTERS)
            self._take = self._take_or_hear
            _log.info(
                "no shared subscriptions on MQTT 3.1.1",
                consequence="one bridge takes the devices' messages, any others stand by",
            )
            self._presence.connected()
        self._downlink.connected()

    def on_disconnected(self, reason: str) -> None:
        self._presence.disconnected()
        self._downlink.disconnected()

    def on_message(self, message: Message) -> None:
        self._take(message)

    def on_published(self, context: Descent, code: int) -> None:
        self._downlink.published(context, code)

    def _take_or_hear(self, message: Message) -> None:
        if message.topic != self._presence.topic:
            self._uplink.take(message)
            return
        self._presence.hear(message.payload)
        self._session.ack(message)

    def _take_identified(self, message: Message) -> None:
        name = self._settings.identity_property or ""
        problem = identity_problem(name, message.topic, message.user_properties)
        if problem:
            self._uplink.refuse(message, problem)
        else:
            self._uplink.take(message)

    def _will(self) -> Will:
        return self._presence.will()

    def _break(self, reason: str) -> None:
        self._presence.abandon()
        self._session.disconnect(reason)

    def _drain(self, end_s: float) -> bool:
        """Have the broker send no more, and see through what it has sent; False: not in time.

        The broker answers in order. So when nothing came between two UNSUBACKs with no message
        of ours in flight, its queue for us is empty.
        """
        self._session.unsubscribe(self._filters, _left_s(end_s))
        while self._uplink.drain(_left_s(end_s)):
            taken = self._uplink.taken
            self._session.unsubscribe(self._filters, _left_s(end_s))
            if self._uplink.taken == taken:
                return self._downlink.drain(_left_s(end_s))
        return False

    def _publish_down(self, descent: Descent) -> None:
        down = descent.downward
        self._session.publish(down.topic, down.payload, descent, retain=down.retain)

    def _refuse(self, received: Received, reason: str) -> None:
        refuse(self._publisher, received, "downlink", reason)


def _checkable(mqtt: MqttSettings, identity_property: str | None) -> MqttSettings:
    """The broker's settings, of MQTT 5 alone where the publisher's identity is to be checked."""
    if identity_property is None:
        return mqtt
    if mqtt.protocol == "3.1.1":
        raise MqttSettingsError(
            f"bridge.identity_property {identity_property!r} cannot be checked on MQTT 3.1.1, "
            "which has no user properties: set mqtt.protocol to 5, or remove the property"
        )
    return mqtt.model_copy(update={"protocol": "5"})


def _left_s(end_s: float) -> float:
    return max(0.0, end_s - time.monotonic())
