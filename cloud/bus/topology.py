"""Topics, subscriptions and schemas of Pub/Sub, as DESIGN's wire names them."""

from dataclasses import dataclass

EVENTS = "wayside-events"
EVIDENCE = "wayside-evidence"
STATE = "wayside-state"
UPDATES = "wayside-updates"
DOWNLINK = "wayside-downlink"
DEAD_LETTER = "wayside-dead-letter"

EVENT_BATCH_SCHEMA = "wayside-event-batch"

DELETED = "(deleted)"
"""Stands where Pub/Sub only remembers that there was something."""

_DAY_S = 86_400
_LAST_RESORT = 100
"""Deliveries before Pub/Sub itself dead-letters: the most that it allows. What can be known to be
bad goes to the dead letter at once, with the reason; this is for what kills who reads it."""


@dataclass(frozen=True, slots=True)
class Schema:
    """A Protocol Buffers schema.

    Attributes:
        name: id within the project.
        definition: the text of a .proto file with one top-level message and no imports.
    """

    name: str
    definition: str


@dataclass(frozen=True, slots=True)
class Topic:
    """A topic.

    Attributes:
        name: id within the project.
        schema: id of the schema that its messages obey, in binary encoding; None: anything goes.
    """

    name: str
    schema: str | None = None


@dataclass(frozen=True, slots=True)
class Subscription:
    """A subscription and its limits.

    Attributes:
        name: id within the project.
        topic: id of its topic.
        ack_deadline_s: a message that is not acknowledged within this comes again.
        retention_s: a message that nobody acknowledged is dropped after this.
        expires_after_s: idle time after which Pub/Sub deletes the subscription; None: never.
        dead_letter_topic: id of the topic for what was delivered too often; None: no such limit.
        max_delivery_attempts: deliveries before that, 5 to 100; None without a topic for it.
        min_backoff_s: wait before a message that was given back comes again; it doubles. None:
            it comes at once.
        max_backoff_s: longest such wait.
        ordered: messages of one ordering key come one after the other; fixed when it is made.
        filter: which messages it gets, by attributes; fixed when it is made. Empty: all.
    """

    name: str
    topic: str
    ack_deadline_s: int = 60
    retention_s: int = 7 * _DAY_S
    expires_after_s: int | None = None
    dead_letter_topic: str | None = None
    max_delivery_attempts: int | None = None
    min_backoff_s: float | None = 1
    max_backoff_s: float | None = 10
    ordered: bool = False
    filter: str = ""


def _with_last_resort(name: str, topic: str) -> Subscription:
    """A subscription that dead-letters what was delivered 100 times.

    The long backoff gives those deliveries 15 hours: a database that is away for a night must
    not send good messages to the dead letter.
    """
    return Subscription(
        name, topic, max_backoff_s=600,
        dead_letter_topic=DEAD_LETTER, max_delivery_attempts=_LAST_RESORT,
    )  # fmt: skip


SUBSCRIPTIONS = (
    _with_last_resort("ingest", EVENTS),
    # No last resort: archiving decodes as ingest does, so only an outage brings a batch again.
    Subscription("archive", EVENTS, max_backoff_s=600),
    _with_last_resort("evidence", EVIDENCE),
    _with_last_resort("fleet-state", STATE),
    _with_last_resort("fleet-updates", UPDATES),
    # No last resort: a device's config must outlast any time without a broker.
    Subscription("downlink", DOWNLINK, ack_deadline_s=10),
    # No backoff: people look at what lies there and put it back, and want to see it again.
    Subscription("dead-letter", DEAD_LETTER, min_backoff_s=None, max_backoff_s=None),
)
TOPICS = (EVENTS, EVIDENCE, STATE, UPDATES, DOWNLINK, DEAD_LETTER)
TOPIC_SCHEMAS = {EVENTS: EVENT_BATCH_SCHEMA}
"""By topic. The others carry several messages, or what their readers check themselves."""


def topic_path(project: str, topic: str) -> str:
    """The full name of a topic."""
    return f"projects/{project}/topics/{topic}"


def subscription_path(project: str, subscription: str) -> str:
    """The full name of a subscription."""
    return f"projects/{project}/subscriptions/{subscription}"


def schema_path(project: str, schema: str) -> str:
    """The full name of a schema."""
    return f"projects/{project}/schemas/{schema}"
