"""A project on a Pub/Sub server, asked by Google's client."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from google.api_core import exceptions
from google.cloud.pubsub_v1 import SubscriberClient
from google.cloud.pubsub_v1.subscriber.message import Message

from tests.support.processes import ServerProcess, wait_until

TIMEOUT_S = 15.0


@dataclass
class Project:
    """A project of its own on a server, with one topic and one subscription."""

    process: ServerProcess
    is_emulator: bool
    publisher: Any
    subscriber: SubscriberClient
    project: str

    @property
    def topic(self) -> str:
        return self.topic_path("topic")

    @property
    def subscription(self) -> str:
        return self.subscription_path("subscription")

    def topic_path(self, name: str) -> str:
        return f"{self.project}/topics/{name}"

    def subscription_path(self, name: str) -> str:
        return f"{self.project}/subscriptions/{name}"

    def publish(self, *texts: str, key: str = "", topic: str = "") -> list[str]:
        messages = [{"data": text.encode(), "ordering_key": key} for text in texts]
        request = {"topic": topic or self.topic, "messages": messages}
        return list(self.publisher.publish(request).message_ids)

    def subscribe(self, **config: Any) -> None:
        name = config.pop("name", self.subscription)
        topic = config.pop("topic", self.topic)
        self.subscriber.create_subscription(request={"name": name, "topic": topic, **config})

    def pull(self, count: int, subscription: str = "", limit: int = 100) -> list[Any]:
        """At least `count` messages, by as many pulls as it takes."""
        got: list[Any] = []

        def enough() -> bool:
            got.extend(self.pull_now(subscription, limit))
            return len(got) >= count

        wait_until(enough, f"{count} messages", TIMEOUT_S)
        return got

    def pull_now(self, subscription: str = "", limit: int = 100) -> list[Any]:
        """What a pull finds; empty where nothing comes within a moment."""
        try:
            response = self.subscriber.pull(
                subscription=subscription or self.subscription,
                max_messages=limit,
                timeout=0.8,
                retry=None,
            )
        except exceptions.DeadlineExceeded:
            return []
        return list(response.received_messages)

    def ack(self, *received: Any) -> None:
        ids = [item.ack_id for item in received]
        self.subscriber.acknowledge(subscription=self.subscription, ack_ids=ids)

    def deadline(self, seconds: int, *received: Any) -> None:
        self.subscriber.modify_ack_deadline(
            subscription=self.subscription,
            ack_ids=[item.ack_id for item in received],
            ack_deadline_seconds=seconds,
        )


def texts(received: list[Any]) -> list[str]:
    return [item.message.data.decode() for item in received]


@dataclass
class Stream:
    """A streaming pull's callback."""

    act: Callable[[Message], None] = Message.ack
    messages: list[Message] = field(default_factory=list)

    def __call__(self, message: Message) -> None:
        self.messages.append(message)
        self.act(message)

    @property
    def texts(self) -> list[str]:
        return [message.data.decode() for message in self.messages]

    def wait_for(self, count: int) -> None:
        wait_until(lambda: len(self.messages) >= count, f"{count} messages", TIMEOUT_S)
