"""Where a letter came from, and so where it goes when it is replayed. No I/O."""

from cloud.bridge.routing import Outgoing, Registry, upward
from cloud.bus.dead_letters import DeadLetter
from cloud.bus.topology import DEAD_LETTER, SUBSCRIPTIONS

_TOPICS = {item.name: item.topic for item in SUBSCRIPTIONS if item.topic != DEAD_LETTER}


def original(letter: DeadLetter, registry: Registry) -> Outgoing:
    """The message that was refused, on its topic; `refusal` says where it cannot be sent again.

    What the bridge refused is routed as the bridge would route it today: where the rules have not
    changed, it is refused again, and stays where it is.

    Args:
        letter: as it was found.
        registry: whose devices they are.
    """
    if letter.size_bytes > len(letter.data):
        kept = len(letter.data)
        return _stays(letter, f"only {kept} of its {letter.size_bytes} bytes were kept")
    if letter.source.startswith("/"):
        return upward(registry, letter.source, letter.data)
    topic = _TOPICS.get(letter.source)
    if topic is None:
        return _stays(letter, "it does not say which topic or subscription it came from")
    return Outgoing(topic, letter.data, letter.own_attributes())


def topic_of(letter: DeadLetter) -> str:
    """The Pub/Sub topic that it was on, or was meant for; empty where that is not known."""
    if not letter.source.startswith("/"):
        return _TOPICS.get(letter.source, "")
    found = upward(Registry("", "", ""), letter.source, letter.data)
    return "" if found.refusal else found.topic


def _stays(letter: DeadLetter, why: str) -> Outgoing:
    return Outgoing(DEAD_LETTER, letter.data, {}, refusal=why)
