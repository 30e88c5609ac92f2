"""The dead letter's subscription, looked through without losing anything.

Pub/Sub has no way to look at messages and leave them: they are pulled, held for the time of the
lease, and put back. Three things follow, and no client can change them. One pull rarely brings
all, so it is repeated until nothing new comes. What somebody else holds at that moment is not
seen. And who is killed while he looks leaves the messages invisible until his lease is over.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from google.api_core import exceptions

from cloud.bus.client import subscriber_client, translate
from cloud.bus.dead_letters import DeadLetter
from cloud.bus.settings import BusSettings
from cloud.bus.topology import subscription_path
from cloud.errors import BusError

SUBSCRIPTION = "dead-letter"

_PULLED_AT_ONCE = 100
_IDS_IN_A_REQUEST = 500
_EMPTY_PULLS = 2
_MAX_BYTES = 256 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Found:
    """What lies there.

    Attributes:
        letters: the oldest first.
        complete: nothing new came at the end; False: a limit ended the search before.
    """

    letters: Sequence[DeadLetter]
    complete: bool


class DeadLetterBox:
    """The dead letter of a Pub/Sub, Google's or any other. For one thread.

    Args:
        settings: where Pub/Sub is.
        quiet_s: of silence that end the looking; two pulls have to be empty.
        clock_s: monotonic time.

    Raises:
        BusError: there are no credentials for Google.
    """

    def __init__(
        self,
        settings: BusSettings,
        quiet_s: float = 4.0,
        clock_s: Callable[[], float] = time.monotonic,
    ) -> None:
        self._settings = settings
        self._pull_s = quiet_s / _EMPTY_PULLS
        self._clock_s = clock_s
        self._client = subscriber_client(settings)
        self._path = subscription_path(settings.project, SUBSCRIPTION)

    def collect(self, max_letters: int, within_s: float, lease_s: int) -> Found:
        """Everything that can be found; it is held until it is put back or acknowledged.

        Args:
            max_letters: how many at most.
            within_s: how long to go on pulling.
            lease_s: how long to hold them, 10 to 600, from the pull that brought each.

        Raises:
            BusError: Pub/Sub does not answer, or there is no such subscription.
        """
        self._require_subscription()
        found: dict[str, DeadLetter] = {}
        room, empty, end_s = _MAX_BYTES, 0, self._clock_s() + within_s
        while empty < _EMPTY_PULLS:
            if len(found) >= max_letters or room <= 0 or self._clock_s() >= end_s:
                break
            pulled = self._pull(min(_PULLED_AT_ONCE, max_letters - len(found)))
            self._set_deadline(pulled, lease_s)
            new = [letter for letter in pulled if letter.message_id not in found]
            found.update((letter.message_id, letter) for letter in pulled)
            room -= sum(len(letter.data) for letter in new)
            empty = 0 if new else empty + 1
        letters = sorted(found.values(), key=lambda letter: letter.published_ns)
        return Found(letters, complete=empty == _EMPTY_PULLS)

    def put_back(self, letters: Sequence[DeadLetter]) -> None:
        """Let them be seen again, at once.

        Raises:
            BusError: Pub/Sub does not answer; they are seen again when their lease is over.
        """
        self._set_deadline(letters, 0)

    def acknowledge(self, letters: Sequence[DeadLetter]) -> None:
        """Take them out for good.

        Raises:
            BusError: Pub/Sub does not answer; they come again.
        """
        for ids in _chunks(letters):
            with _Translated(f"acknowledge on {self._path}"):
                self._client.acknowledge(
                    subscription=self._path, ack_ids=ids, timeout=self._settings.attempt_timeout_s
                )

    def close(self) -> None:
        """Disconnect."""
        self._client.close()

    def _require_subscription(self) -> None:
        """Pulling alone could not tell a server that is away from one that has nothing."""
        endpoint = self._settings.endpoint
        try:
            self._client.get_subscription(
                subscription=self._path, timeout=self._settings.attempt_timeout_s, retry=None
            )
        except exceptions.NotFound as error:
            raise BusError(
                f"there is no {self._path}: make it by `wayside-cloud pubsub apply`"
            ) from error
        except (exceptions.DeadlineExceeded, exceptions.ServiceUnavailable) as error:
            where = f"Pub/Sub at {endpoint}" if endpoint else "Google's Pub/Sub"
            raise BusError(
                f"{where} does not answer: start it, or name another in `bus.endpoint`"
            ) from error
        except exceptions.GoogleAPIError as error:
            raise translate(error, f"look at {self._path}") from error

    def _pull(self, count: int) -> list[DeadLetter]:
        try:
            response = self._client.pull(
                subscription=self._path, max_messages=count, timeout=self._pull_s, retry=None
            )
        except exceptions.DeadlineExceeded:
            return []
        except exceptions.GoogleAPIError as error:
            raise translate(error, f"pull from {self._path}") from error
        return [_letter(one.message, one.ack_id) for one in response.received_messages]

    def _set_deadline(self, letters: Sequence[DeadLetter], seconds: int) -> None:
        for ids in _chunks(letters):
            with _Translated(f"hold messages of {self._path}"):
                self._client.modify_ack_deadline(
                    subscription=self._path, ack_ids=ids, ack_deadline_seconds=seconds,
                    timeout=self._settings.attempt_timeout_s,
                )  # fmt: skip


class _Translated:
    """Google's errors inside become BusError."""

    def __init__(self, what: str) -> None:
        self._what = what

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, exceptions.GoogleAPIError):
            raise translate(error, self._what) from error


def _chunks(letters: Sequence[DeadLetter]) -> Iterator[list[str]]:
    ids = [letter.ack_id for letter in letters]
    for first in range(0, len(ids), _IDS_IN_A_REQUEST):
        yield ids[first : first + _IDS_IN_A_REQUEST]


def _letter(message: Any, ack_id: str) -> DeadLetter:
    published_ns = round(message.publish_time.timestamp() * 1e6) * 1000
    return DeadLetter(
        message.message_id, message.data, dict(message.attributes), published_ns, ack_id
    )
