"""Replay: published first, taken out then, and never the other way round."""

from collections.abc import Sequence

import pytest

from cloud.bridge.routing import Registry
from cloud.bus import topology
from cloud.bus.dead_letters import DeadLetter
from cloud.deadletter.replay import Replayed, replay
from cloud.errors import BusError
from tests.support.fake_bus import FakeBus
from tests.support.letters import letter

REGISTRY = Registry("project", "registry", "region")


class Box:
    """Remembers what was taken out, and how much had been published by then."""

    def __init__(self, bus: FakeBus) -> None:
        self.bus = bus
        self.taken: list[str] = []
        self.broken = False

    def acknowledge(self, letters: Sequence[DeadLetter]) -> None:
        if self.broken:
            raise BusError("away")
        self.taken.extend(one.message_id for one in letters)
        assert len(self.taken) <= len(self.bus.published)


def run(bus: FakeBus, box: Box, letters: Sequence[DeadLetter]) -> tuple[list[Replayed], int]:
    steps: list[int] = []
    results = replay(letters, REGISTRY, bus.publisher(), box, steps.append)
    return results, sum(steps)


def test_what_is_published_is_taken_out_and_the_rest_stays() -> None:
    bus = FakeBus()
    box = Box(bus)
    letters = [letter(number=str(n), source="ingest") for n in range(250)]
    letters.append(letter(number="lost"))
    results, steps = run(bus, box, letters)
    assert steps == 251
    assert sorted(box.taken) == sorted(str(n) for n in range(250))
    assert {topic for topic, _ in bus.published} == {topology.EVENTS}
    [stays] = [one for one in results if not one.topic]
    assert stays.letter.message_id == "lost"
    assert "came from" in stays.why


def test_what_cannot_be_published_is_not_taken_out() -> None:
    bus = FakeBus()
    bus.away = True
    box = Box(bus)
    [result], _ = run(bus, box, [letter(source="ingest")])
    assert (result.topic, result.why) == ("", "the fake bus is away")
    assert box.taken == []


def test_an_acknowledgement_that_fails_is_told() -> None:
    bus = FakeBus()
    box = Box(bus)
    box.broken = True
    with pytest.raises(BusError):
        run(bus, box, [letter(source="ingest")])
    assert len(bus.published) == 1
