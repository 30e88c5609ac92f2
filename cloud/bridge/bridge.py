"""One bridge: an MQTT connection on one side, Pub/Sub on the other, nothing remembered.

Any number may run; each gets its share of the devices' messages by `$share` (decision 11).
Killed, it loses what was in flight, and the devices send that again.
"""

import secrets
import time

import structlog

from cloud.bridge.downlink import Descent, Downlink
from cloud.bridge.rate_limit import RateLimit
from cloud.bridge.routing import Registry
from cloud.bridge.settings import BridgeSettings
from cloud.bridge.uplink import Uplink
from cloud.bus.dead_letters import refuse
from cloud.bus.port import Flow, Received, Sender, Subscriber, Subscription
from protos import topics
from wayside.errors import NotConnectedError
from wayside.mqtt.messages import Message
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
        self._filters: list[str] = []
        self._listening: Subscription | None = None
        self._session: MqttSession[Descent] = MqttSession(
            mqtt,
            client_id=f"bridge-{secrets.token_hex(8)}",
            listener=self,
            manual_ack=True,
            receive_maximum=settings.receive_maximum,
            max_in_flight=settings.downlink_in_flight,
        )
        registry = Registry(project, settings.registry, settings.region)
        self._uplink = Uplink(publisher, registry, self._session.ack, self._session.disconnect)
        limit = RateLimit(settings.downlink_rate, settings.downlink_burst)
        self._downlink = Downlink(self._publish_down, self._refuse, limit)

    @property
    def connected(self) -> bool:
        """True while the broker is there."""
        return self._session.connected

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
        try:
            drained = self._drain(end_s)
        except NotConnectedError as error:
            _log.info("the bridge stops without the broker", reason=str(error))
        else:
            if not drained:
                _log.warning("messages in flight are left to their devices to send again")
        self._downlink.stop()
        self._session.stop()

    def on_connected(self, protocol: str) -> None:
        if protocol == "5":
            self._filters = [topics.shared(self._settings.share_group, item) for item in _FILTERS]
        else:
            self._filters = list(_FILTERS)
            _log.warning(
                "no shared subscriptions on MQTT 3.1.1",
                consequence="each bridge passes every message on: a second one is a standby that "
                "doubles the work, and loses nothing",
            )
        self._session.subscribe(self._filters)
        self._downlink.connected()

    def on_disconnected(self, reason: str) -> None:
        self._downlink.disconnected()

    def on_message(self, message: Message) -> None:
        self._uplink.take(message)

    def on_published(self, context: Descent, code: int) -> None:
        self._downlink.published(context, code)

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


def _left_s(end_s: float) -> float:
    return max(0.0, end_s - time.monotonic())
