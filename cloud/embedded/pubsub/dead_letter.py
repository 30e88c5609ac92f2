"""What a message becomes on its way to the dead-letter topic."""

from datetime import datetime, timezone
from typing import Any

from google.pubsub_v1 import types

from cloud.embedded.pubsub.messages import Message

PubsubMessage = types.PubsubMessage.pb()


def dead_letter(subscription: str, message: Message) -> Any:
    """A PubsubMessage with the attributes by which Google tells where a message comes from.

    Args:
        subscription: full name of the subscription in which it was used up.
        message: as it was there.
    """
    _, project, _, name = subscription.split("/")
    forwarded = PubsubMessage.FromString(message.body)
    published = datetime.fromtimestamp(message.published_ns / 1e9, tz=timezone.utc)
    forwarded.attributes.update(
        {
            "CloudPubSubDeadLetterSourceDeliveryCount": str(message.attempts),
            "CloudPubSubDeadLetterSourceSubscription": name,
            "CloudPubSubDeadLetterSourceSubscriptionProject": project,
            "CloudPubSubDeadLetterSourceTopicPublishTime": published.isoformat(
                timespec="milliseconds"
            ),
        }
    )
    return forwarded
