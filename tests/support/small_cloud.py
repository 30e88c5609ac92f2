"""The cloud as a device sees it: something that stores events and sends receipts.

For tests of the device's side alone; the real line has tests of its own.
"""

import threading
from collections import Counter
from collections.abc import Callable

from protos import codec, topics
from protos.ids import EventId, Lane
from protos.v1.event_batch_pb2 import EventBatch
from protos.v1.receipt_pb2 import Receipt
from protos.v1.update_report_pb2 import UpdateReport
from wayside.backoff import Backoff
from wayside.errors import NotConnectedError
from wayside.mqtt.messages import Message
from wayside.mqtt.session import MqttSession
from wayside.mqtt.settings import MqttSettings

Judge = Callable[[EventBatch], bool]


class SmallCloud:
    """Subscribes to all devices' events, keeps them in memory, and answers with receipts.

    Reports of updates are kept as they come.

    Args:
        broker: its port, or how to come to it.
        stores: asked for each batch; False: the batch is lost, as a dying bridge loses it.
        receipts: asked for each batch that was stored; False: its receipt is lost.
    """

    def __init__(
        self,
        broker: int | MqttSettings,
        *,
        stores: Judge = lambda batch: True,
        receipts: Judge = lambda batch: True,
    ) -> None:
        self.deliveries: Counter[EventId] = Counter()
        self.events: dict[EventId, EventBatch.Event] = {}
        self.batches: list[EventBatch] = []
        self.reports: list[UpdateReport] = []
        self.subscribed = threading.Event()
        self._stores = stores
        self._receipts = receipts
        self._session: MqttSession[None] = MqttSession(
            MqttSettings(port=broker, protocol="5") if isinstance(broker, int) else broker,
            client_id="small-cloud",
            listener=self,
            backoff=Backoff(0.02, 0.05),
        )

    def start(self) -> None:
        self._session.start()

    def stop(self) -> None:
        self._session.stop()

    def seqs(self, boot: int, lane: Lane) -> list[int]:
        """The seqs that are stored of a stream."""
        return sorted(e.seq for e in list(self.events) if e.boot == boot and e.lane is lane)

    def on_connected(self, protocol: str) -> None:
        self._session.subscribe([topics.EVENTS_FILTER])
        self.subscribed.set()

    def on_disconnected(self, reason: str) -> None:
        self.subscribed.clear()

    def on_published(self, context: None, code: int) -> None:
        """A receipt that nobody takes is a receipt lost."""

    def on_message(self, message: Message) -> None:
        if topics.parse_uplink(message.topic).subfolder == topics.UPDATE:
            self.reports.append(codec.decode(UpdateReport, message.payload))
            return
        batch = codec.decode_batch(message.payload)
        assert topics.parse_uplink(message.topic).lane == Lane(batch.lane)
        if not self._stores(batch):
            return
        self.batches.append(batch)
        for event in batch.events:
            name = EventId(batch.device, batch.boot, Lane(batch.lane), event.seq)
            self.deliveries[name] += 1
            self.events[name] = event
        if self._receipts(batch):
            receipt = Receipt(schema=codec.SCHEMA, device=batch.device)
            receipt.ranges.add(
                boot=batch.boot,
                lane=Receipt.Lane.Name(int(batch.lane)),
                first_seq=batch.first_seq,
                last_seq=batch.first_seq + batch.count - 1,
            )
            topic = topics.command(batch.device, topics.RECEIPTS)
            try:
                self._session.publish(topic, codec.encode(receipt), None)
            except NotConnectedError:
                return
