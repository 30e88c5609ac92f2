"""The election among bridges, on one MQTT 3.1.1 connection after another.

What is decided stands in election.py. Here are the clock, a thread that looks at it, and the way
to the broker. Everything is done under one lock, that of the decision, so that no action goes out
over a later connection than the one that it was decided for.
"""

import secrets
import threading
import time
from collections.abc import Iterable, Sequence
from typing import Protocol

import structlog

from cloud.bridge.election import Action, Candidate, Move, Pace, Role, Said, Word, parse
from wayside.errors import NotConnectedError
from wayside.mqtt.messages import Will

_LONGEST_WAIT_S = 60.0
_TRIALS = 2
"""Connections in a row that may end before a bridge has heard its own first word."""

_ALL_ACTIVE = "every bridge is active, and each passes every message on"
_REMEDY = "have the broker's access list let bridges read and write this topic, and restart them"

_log = structlog.get_logger(__name__)


class Line(Protocol):
    """What is needed of an MQTT session; each raises NotConnectedError where there is none."""

    def tell(self, topic: str, payload: bytes) -> None:
        """Send a QoS 0 message."""

    def subscribe(self, filters: Sequence[str]) -> None:
        """Ask for messages."""

    def unsubscribe(self, filters: Sequence[str], timeout_s: float | None) -> None:
        """Ask for no more of them; None: without waiting for the answer."""


class Presence:
    """Has one of the bridges that hear each other subscribe to the devices' topics.

    Args:
        line: the session, whose listener calls `connected`, `disconnected` and `hear`.
        topic: where the bridges of one share group speak.
        filters: the devices' topics.
        pace: how long things take.
    """

    def __init__(self, line: Line, topic: str, filters: Sequence[str], pace: Pace) -> None:
        self.topic = topic
        self._line = line
        self._filters = list(filters)
        self._pace = pace
        self._changed = threading.Condition()
        self._next_id = secrets.randbits(64)
        self._candidate: Candidate | None = None
        self._was_active = False
        self._trials = 0
        self._is_mute = False
        self._deafness_told = False
        self._thread: threading.Thread | None = None
        self._stopping = False
        self._is_leaving = False

    @property
    def settled(self) -> bool:
        """True while it is known which bridge takes the devices' messages."""
        with self._changed:
            return self._is_mute or (self._candidate is not None and self._candidate.settled)

    def will(self) -> Will:
        """The last will of the next connection, which gets an id of its own.

        So a will that comes late, of a connection long replaced, means nobody who is there now.
        """
        with self._changed:
            self._next_id = secrets.randbits(64)
            return Will(self.topic, Said(self._next_id, Word.LEAVES).encode(), retain=False)

    def connected(self) -> None:
        """A connection stands, with the will that was made last."""
        with self._changed:
            if self._is_leaving:
                return
            if self._trials >= _TRIALS:
                self._work_without_words()
                return
            self._trials += 1
            self._candidate = Candidate(
                self._next_id, self._pace, time.monotonic(), was_active=self._was_active
            )
            self._was_active = False
            self._line.subscribe([self.topic])
            self._act(self._candidate.begin())
            if self._thread is None:
                self._thread = threading.Thread(
                    target=self._run, name="bridge-presence", daemon=True
                )
                self._thread.start()

    def disconnected(self) -> None:
        """The connection is gone, and with it every subscription."""
        with self._changed:
            if self._candidate is not None:
                self._was_active = self._candidate.role is Role.ACTIVE
            self._candidate = None
            self._is_mute = False
            self._changed.notify_all()

    def hear(self, payload: bytes) -> None:
        """Something came on the bridges' topic."""
        said = parse(payload)
        with self._changed:
            if said is not None and self._candidate is not None:
                if said.bridge == self._candidate.own:
                    self._trials = 0
                self._act(self._candidate.hear(said, time.monotonic()))

    def leave(self, timeout_s: float) -> None:
        """Stand back for good; returns once another bridge has subscribed, or none will."""
        with self._changed:
            self._is_leaving = True
            self._leave()
            self._changed.wait_for(self._is_gone, timeout_s)

    def abandon(self) -> None:
        """Say that this connection is about to end, so that another bridge takes over at once."""
        with self._changed:
            self._leave()

    def stop(self) -> None:
        """End the thread."""
        with self._changed:
            self._stopping = True
            self._changed.notify_all()
        if self._thread is not None:
            self._thread.join()

    def _work_without_words(self) -> None:
        """Mosquitto ends a 3.1.1 connection that says what its access list does not allow.

        The next connection tries it once more, for the list may have been mended.
        """
        self._trials -= 1
        self._is_mute = True
        _log.warning(
            "broker ends connections over the bridges' words", topic=self.topic,
            consequence=_ALL_ACTIVE, remedy=_REMEDY,
        )  # fmt: skip
        self._line.subscribe(self._filters)

    def _leave(self) -> None:
        if self._candidate is not None:
            self._act(self._candidate.leave(time.monotonic()))

    def _is_gone(self) -> bool:
        return self._candidate is None or self._candidate.role is Role.GONE

    def _run(self) -> None:
        with self._changed:
            while not self._stopping:
                wait_s = _LONGEST_WAIT_S
                if self._candidate is not None:
                    now_s = time.monotonic()
                    self._act(self._candidate.tick(now_s))
                    self._tell_deafness(self._candidate.is_deaf(now_s))
                    wait_s = min(wait_s, max(0.0, self._candidate.due_s - now_s))
                self._changed.wait(wait_s)

    def _act(self, actions: Iterable[Action]) -> None:
        """Carry out what was decided, and have whoever waits look again."""
        candidate = self._candidate
        assert candidate is not None
        try:
            for action in actions:
                if action is Move.SUBSCRIBE:
                    _log.info("bridge is active, takes the devices' messages", topic=self.topic)
                    self._line.subscribe(self._filters)
                elif action is Move.UNSUBSCRIBE:
                    _log.warning("two bridges were active, this one stands by", topic=self.topic)
                    self._line.unsubscribe(self._filters, None)
                else:
                    self._line.tell(self.topic, Said(candidate.own, action).encode())
        except NotConnectedError:
            pass  # `disconnected` follows, and everything begins anew
        self._changed.notify_all()

    def _tell_deafness(self, is_deaf: bool) -> None:
        if is_deaf and not self._deafness_told:
            _log.warning(
                "bridge does not hear itself", topic=self.topic,
                consequence=_ALL_ACTIVE, remedy=_REMEDY,
            )  # fmt: skip
        self._deafness_told = is_deaf
