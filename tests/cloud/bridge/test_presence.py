"""What is decided is done, over the connection that it was decided for."""

import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

import pytest
from structlog.testing import capture_logs

from cloud.bridge.election import Pace, Said, Word, parse
from cloud.bridge.presence import Presence
from tests.support.processes import wait_until
from wayside.errors import NotConnectedError

TOPIC = "/bridges/g/presence"
FILTERS = ["/devices/#"]


@dataclass
class Session:
    """A broker that has other bridges, and what it was told."""

    away: bool = False
    words: list[Said] = field(default_factory=list)
    subscribed: list[str] = field(default_factory=list)
    changed: threading.Condition = field(default_factory=threading.Condition)

    def tell(self, topic: str, payload: bytes) -> None:
        self._standing()
        said = parse(payload)
        assert topic == TOPIC
        assert said is not None
        self.words.append(said)

    def subscribe(self, filters: Sequence[str]) -> None:
        self._standing()
        self.subscribed += filters

    def unsubscribe(self, filters: Sequence[str], timeout_s: float | None) -> None:
        self._standing()
        assert timeout_s is None, "the network's thread cannot wait for itself"
        for item in filters:
            self.subscribed.remove(item)

    def _standing(self) -> None:
        if self.away:
            raise NotConnectedError("away")


@pytest.fixture
def make() -> Iterator[Callable[..., tuple[Presence, Session]]]:
    begun: list[Presence] = []

    def one(interval_s: float = 0.05, timeout_s: float = 0.2) -> tuple[Presence, Session]:
        session = Session()
        presence = Presence(session, TOPIC, FILTERS, Pace(interval_s, timeout_s))
        begun.append(presence)
        presence.will()
        presence.connected()
        return presence, session

    yield one
    for presence in begun:
        presence.stop()


Make = Callable[..., tuple[Presence, Session]]


def echo(presence: Presence, session: Session) -> None:
    """Bring a bridge its own last word, as the broker does."""
    presence.hear(session.words[-1].encode())


def active(presence: Presence, session: Session) -> int:
    """Wait until it is, and return its id."""
    wait_until(lambda: Word.ACTIVE in [said.word for said in session.words], "a claim")
    assert session.subscribed == [TOPIC, *FILTERS]
    wait_until(lambda: presence.settled, "it to be believed without an answer")
    return session.words[-1].bridge


def test_one_alone_asks_waits_and_is_active(make: Make) -> None:
    presence, session = make()
    assert session.words[0].word is Word.ASKS
    active(presence, session)
    wait_until(lambda: len(session.words) > 4, "a word each interval")


def test_will_is_of_the_connection_that_it_was_made_for(make: Make) -> None:
    presence, session = make()
    will = parse(presence.will().payload)
    presence.disconnected()
    presence.connected()
    assert will == Said(session.words[-1].bridge, Word.LEAVES)
    assert session.words[0].bridge != session.words[-1].bridge


def test_standby_takes_over_from_one_that_has_left(make: Make) -> None:
    presence, session = make(interval_s=30.0, timeout_s=90.0)
    assert not presence.settled
    presence.hear(b"active 0000000000000001")
    assert presence.settled
    assert session.subscribed == [TOPIC]
    presence.hear(b"no word of ours")
    presence.leave(timeout_s=0.0)
    assert session.words[-1].word is Word.ASKS, "who is not active leaves without a word"


def test_one_that_steps_down_unsubscribes(make: Make) -> None:
    presence, session = make()
    own = active(presence, session)
    presence.hear(Said(own - 1, Word.ACTIVE).encode())
    assert session.subscribed == [TOPIC]
    assert presence.settled


def test_one_that_leaves_waits_for_its_successor(make: Make) -> None:
    presence, session = make(interval_s=0.1, timeout_s=30.0)
    own = active(presence, session)
    leaving = threading.Thread(target=presence.leave, args=[20.0])
    leaving.start()
    wait_until(lambda: session.words[-1] == Said(own, Word.LEAVES), "the goodbye")
    assert session.subscribed == [TOPIC, *FILTERS], "until somebody else is there"
    presence.hear(Said(own + 1, Word.ACTIVE).encode())
    leaving.join(10)
    assert not leaving.is_alive()


def test_connection_that_is_to_break_is_given_up_at_once(make: Make) -> None:
    presence, session = make(interval_s=0.1, timeout_s=30.0)
    own = active(presence, session)
    presence.abandon()
    presence.abandon()
    assert [said for said in session.words if said.word is Word.LEAVES] == [Said(own, Word.LEAVES)]


def test_what_finds_no_connection_is_done_by_the_next_one(make: Make) -> None:
    presence, session = make()
    echo(presence, session)
    session.away = True
    wait_until(lambda: presence.settled, "a decision that cannot be carried out")
    assert session.subscribed == [TOPIC]
    presence.disconnected()
    assert not presence.settled
    session.away = False
    session.subscribed.clear()
    session.words.clear()
    presence.will()
    presence.connected()
    active(presence, session)


def test_deafness_is_told_once(make: Make) -> None:
    with capture_logs() as logs:
        presence, session = make(interval_s=0.05, timeout_s=0.1)
        active(presence, session)
        wait_until(lambda: any("hear itself" in log["event"] for log in logs), "a warning")
        count = len(session.words)
        wait_until(lambda: len(session.words) > count + 3, "it goes on")
    assert sum("hear itself" in log["event"] for log in logs) == 1


def test_words_that_cost_the_connection_are_not_said_for_ever(make: Make) -> None:
    presence, session = make(interval_s=30.0, timeout_s=90.0)
    presence.disconnected()
    presence.connected()
    assert [said.word for said in session.words] == [Word.ASKS, Word.ASKS]
    presence.disconnected()
    session.subscribed.clear()
    presence.connected()
    assert session.subscribed == FILTERS
    assert presence.settled
    assert len(session.words) == 2
    presence.disconnected()
    presence.connected()
    assert len(session.words) == 3, "the access list may have been mended"
    echo(presence, session)
    presence.disconnected()
    presence.connected()
    assert len(session.words) == 4
    presence.leave(timeout_s=0.0)


def test_a_bridge_that_leaves_does_not_stand_again_at_its_next_connection(make: Make) -> None:
    presence, session = make()
    wait_until(lambda: FILTERS[0] in session.subscribed, "the bridge to be active")
    presence.disconnected()
    session.subscribed.clear()
    presence.leave(1.0)
    words = len(session.words)
    presence.will()
    presence.connected()
    assert session.subscribed == []
    assert len(session.words) == words
