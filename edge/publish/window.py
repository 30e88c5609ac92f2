"""The messages that are out: on their way, settling after PUBACK, waiting for a receipt."""

import heapq
from collections import Counter
from collections.abc import Iterator

from edge.publish.rows import Stream
from edge.publish.trials import Sent
from protos.ids import Lane


class Window:
    """Sent messages by token.

    A message is unsettled until a while after its PUBACK, because a broker may take a message
    and close the connection on it.

    Args:
        settle_s: how long that while is.

    Attributes:
        unacked: how many have no PUBACK.
        old_unacked: how many of these are old.
    """

    def __init__(self, settle_s: float) -> None:
        self.unacked = 0
        self.old_unacked = 0
        self._settle_s = settle_s
        self._sent: dict[int, Sent] = {}
        self._awaiting: Counter[Lane] = Counter()
        self._old_awaiting: Counter[Lane] = Counter()
        self._settling: dict[int, float] = {}
        self._due: list[tuple[float, int]] = []
        self._token = 0

    def __len__(self) -> int:
        return len(self._sent)

    def get(self, token: int) -> Sent | None:
        """The message of that name, while it is out."""
        return self._sent.get(token)

    def awaiting(self, lane: Lane) -> int:
        """Messages of a lane that are out."""
        return self._awaiting[lane]

    def old_awaiting(self, lane: Lane) -> int:
        """Old messages of a lane that are out."""
        return self._old_awaiting[lane]

    def begin(self, sent: Sent) -> int:
        """A message goes out; the token that names it."""
        self._token += 1
        self._sent[self._token] = sent
        self._awaiting[sent.stream.lane] += 1
        self._old_awaiting[sent.stream.lane] += sent.old
        self.unacked += 1
        self.old_unacked += sent.old
        return self._token

    def acked(self, token: int, due_s: float, now_s: float) -> None:
        """A message has its PUBACK, and its receipt is due at that time."""
        sent = self._sent[token]
        self.unacked -= 1
        self.old_unacked -= sent.old
        sent.acked_s = now_s
        self._settling[token] = now_s + self._settle_s
        heapq.heappush(self._due, (due_s, token))

    def drop(self, token: int) -> Sent | None:
        """Take a message out, if it is in."""
        sent = self._sent.pop(token, None)
        if sent is not None:
            self._awaiting[sent.stream.lane] -= 1
            self._old_awaiting[sent.stream.lane] -= sent.old
            self.unacked -= sent.acked_s is None
            self.old_unacked -= sent.old and sent.acked_s is None
            self._settling.pop(token, None)
        return sent

    def clear(self) -> list[Sent]:
        """Take all messages out."""
        everything = list(self._sent.values())
        self._sent.clear()
        self._awaiting.clear()
        self._old_awaiting.clear()
        self._settling.clear()
        self._due.clear()
        self.unacked = self.old_unacked = 0
        return everything

    def overlapping(self, stream: Stream, first: int, last: int) -> list[tuple[int, Sent]]:
        """The messages that hold any of these events."""
        return [
            (token, sent)
            for token, sent in self._sent.items()
            if sent.stream == stream and sent.first <= last and first <= sent.last
        ]

    def unsettled(self, lane: Lane | None = None) -> list[Sent]:
        """The messages without a PUBACK that has settled, of one lane or of all."""
        if self.unacked == 0 and not self._settling:
            return []
        return [
            sent
            for token, sent in self._sent.items()
            if (sent.acked_s is None or token in self._settling)
            and (lane is None or sent.stream.lane is lane)
        ]

    def settle(self, now_s: float) -> list[Sent]:
        """The messages whose PUBACK has settled since the last call."""
        tokens = [token for token, until_s in self._settling.items() if until_s <= now_s]
        for token in tokens:
            del self._settling[token]
        return [self._sent[token] for token in tokens]

    def overdue(self, now_s: float) -> Iterator[Sent]:
        """Take out the messages whose receipt did not come in time."""
        while self._due and self._due[0][0] <= now_s:
            sent = self.drop(heapq.heappop(self._due)[1])
            if sent is not None:
                yield sent

    def next_s(self) -> list[float]:
        """When the next PUBACK settles, and when the next receipt is due."""
        return [*list(self._settling.values())[:1], *(due_s for due_s, _ in self._due[:1])]
