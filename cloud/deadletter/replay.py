"""Letters published where they came from, and only then taken out.

A letter can be published twice, where the acknowledgement gets lost; it is never lost itself.
Twice is harmless: the store keeps each event once, and states are ordered by their seq.
"""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Protocol

from cloud.bridge.routing import Registry
from cloud.bus.dead_letters import DeadLetter
from cloud.bus.port import Publisher
from cloud.deadletter.origin import original

_AT_ONCE = 100


class Box(Protocol):
    """What replaying needs of `cloud.bus.dead_letter_box`."""

    def acknowledge(self, letters: Sequence[DeadLetter]) -> None:
        """Take them out for good."""


@dataclass(frozen=True, slots=True)
class Replayed:
    """What became of a letter.

    Attributes:
        topic: where it went; empty where it stays.
        why: it stays.
    """

    letter: DeadLetter
    topic: str = ""
    why: str = ""


def replay(
    letters: Sequence[DeadLetter],
    registry: Registry,
    publisher: Publisher,
    box: Box,
    on_done: Callable[[int], None],
) -> list[Replayed]:
    """Publish letters and take out those that are published.

    Args:
        letters: held by the box.
        registry: whose devices they are.
        publisher: to where they came from.
        box: where they lie.
        on_done: told how many more are done.

    Raises:
        BusError: what is published cannot be acknowledged; it may come again.
    """
    results: list[Replayed] = []
    for first in range(0, len(letters), _AT_ONCE):
        some = list(_published(letters[first : first + _AT_ONCE], registry, publisher))
        box.acknowledge([one.letter for one in some if one.topic])
        on_done(len(some))
        results.extend(some)
    return results


def _published(
    letters: Sequence[DeadLetter], registry: Registry, publisher: Publisher
) -> Iterator[Replayed]:
    on_their_way: list[tuple[DeadLetter, str, Future[str]]] = []
    for letter in letters:
        outgoing = original(letter, registry)
        if outgoing.refusal:
            yield Replayed(letter, why=outgoing.refusal)
            continue
        future = publisher.publish(outgoing.topic, outgoing.data, outgoing.attributes)
        on_their_way.append((letter, outgoing.topic, future))
    for letter, topic, future in on_their_way:
        error = future.exception()
        yield Replayed(letter, topic) if error is None else Replayed(letter, why=str(error))
