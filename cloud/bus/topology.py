"""Topics and subscriptions of Pub/Sub, as DESIGN's wire names them."""

from dataclasses import dataclass

EVENTS = "wayside-events"
EVIDENCE = "wayside-evidence"
STATE = "wayside-state"
UPDATES = "wayside-updates"
DOWNLINK = "wayside-downlink"
DEAD_LETTER = "wayside-dead-letter"


@dataclass(frozen=True, slots=True)
class Subscription:
    """A subscription and its limits.

    Attributes:
        name: id within the project.
        topic: id of its topic.
        ack_deadline_s: a message that is not acknowledged within this comes again.
        max_delivery_attempts: deliveries after which Pub/Sub dead-letters; None: never.
        min_backoff_s: wait before a message that was given back comes again; it doubles.
        max_backoff_s: longest such wait.
    """

    name: str
    topic: str
    ack_deadline_s: int = 60
    max_delivery_attempts: int | None = None
    min_backoff_s: int = 1
    max_backoff_s: int = 10


SUBSCRIPTIONS = (
    Subscription("ingest", EVENTS),
    Subscription("evidence", EVIDENCE),
    Subscription("fleet-state", STATE),
    Subscription("fleet-updates", UPDATES),
    Subscription("downlink", DOWNLINK, ack_deadline_s=10),
    Subscription("dead-letter", DEAD_LETTER),
)
TOPICS = (EVENTS, EVIDENCE, STATE, UPDATES, DOWNLINK, DEAD_LETTER)


def topic_path(project: str, topic: str) -> str:
    """The full name of a topic."""
    return f"projects/{project}/topics/{topic}"


def subscription_path(project: str, subscription: str) -> str:
    """The full name of a subscription."""
    return f"projects/{project}/subscriptions/{subscription}"
