"""The one thread that writes, and keeps trying while the disk refuses.

Two locks: `disk` guards the ledger, `state` everything in memory. Whoever needs both takes
`disk` first. No pipeline ever waits for `disk`.
"""

import sqlite3
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

import structlog

from edge.errors import OutboxError
from edge.histogram import Histogram
from edge.publish.clock import ClockState
from edge.publish.commit import REASON_OVERSIZED, REASON_STAGING, Committed, Work, commit
from edge.publish.eviction import Evicted
from edge.publish.ledger import Ledger
from edge.publish.ranges import Ranges
from edge.publish.rows import SeqRange, Stream
from edge.publish.schema import is_damage, is_full, suspect, translated
from edge.publish.settings import MIB, OutboxSettings
from edge.publish.staging import Staged, Staging
from protos.ids import Lane

_MAX_COMMIT_BYTES = MIB
_MAX_AGE_CHECK_S = 60.0

_log = structlog.get_logger(__name__)


class Writer:
    """Commits what was staged and deletes what has a receipt, until it is closed.

    Args:
        path: of the SQLite file, for messages.
        ledger: its tables.
        settings: bounds and waits.
        clock: what is known of the clock now.
        now_ns: Unix time.

    Attributes:
        disk: held around every use of the ledger.
        on_commit: called after each commit, without a lock.
        commit_times: from an event's being put until it is durable, by lane.
    """

    def __init__(
        self,
        path: Path,
        ledger: Ledger,
        settings: OutboxSettings,
        clock: Callable[[], ClockState],
        now_ns: Callable[[], int],
    ) -> None:
        self.disk = threading.Lock()
        self.on_commit: Callable[[], None] = lambda: None
        self.commit_times = {lane: Histogram() for lane in Lane}
        self._path = path
        self._ledger = ledger
        self._settings = settings
        self._clock = clock
        self._now_ns = now_ns
        self._ages_s = time.monotonic()
        self._state = threading.Condition()
        self._staging = Staging(settings.staging_max_bytes)
        self._stored: dict[Stream, Ranges] = {}
        self._taken: dict[Stream, Ranges] = {}
        self._given_up: Counter[tuple[Lane, str]] = Counter()
        self._evicted = 0
        self._lost_without_seq = 0
        self._waiters = 0
        self._unsaid = False
        self._refused = False
        self._closing = False
        self._failure: OutboxError | None = None
        self._thread = threading.Thread(target=self._run, name="outbox-writer", daemon=True)

    @property
    def lost(self) -> int:
        """Events given up since this start of the agent."""
        with self._state:
            dropped = sum(self._staging.dropped.values())
            return self._evicted + self._lost_without_seq + dropped

    @property
    def staged(self) -> int:
        """Events in memory that no commit has reached yet."""
        with self._state:
            return len(self._staging)

    def start(self, *, unsaid: bool) -> None:
        """Begin; `unsaid` where the ledger holds losses that no event says yet."""
        self._unsaid = unsaid
        self._thread.start()

    def put(self, drafts: Iterable[Staged], oversized: Iterable[Lane] = ()) -> None:
        """Take drafts over, and note those that are too large to be taken at all.

        Raises:
            OutboxError: the thread has ended, by `close` or over a damaged file.
        """
        with self._state:
            self._check()
            if self._closing:
                raise OutboxError(f"{self._path} is closed: events come too late")
            for lane in oversized:
                self._given_up[lane, REASON_OVERSIZED] += 1
                self._lost_without_seq += 1
            self._staging.put(drafts)
            self._state.notify_all()

    def delete(self, ranges: Iterable[SeqRange]) -> None:
        """Have rows deleted; only those that are durable now."""
        with self._state:
            for item in ranges:
                stream = self._ledger.find(item.boot, item.lane)
                tally = None if stream is None else self._ledger.committed.get(stream)
                if stream is not None and tally is not None:
                    last = min(item.last, tally.last_seq)
                    self._stored.setdefault(stream, Ranges()).add(max(item.first, 1), last)
            self._state.notify_all()

    def mark_taken(self, stream: Stream, first: int, last: int) -> None:
        """These rows have a PUBACK."""
        with self._state:
            self._taken.setdefault(stream, Ranges()).add(first, last)

    def wait_durable(self, timeout_s: float) -> bool:
        """Wait until all that was put before is durable or given up; False: not in time.

        Raises:
            OutboxError: the thread has ended over a damaged file.
        """
        with self._state:
            last = self._staging.last
            return self._wait(lambda: self._staging.oldest > last, timeout_s)

    def wait_empty(self, timeout_s: float) -> bool:
        """Wait until nothing is staged, stored, or to be said; False: not in time.

        Raises:
            OutboxError: the thread has ended over a damaged file.
        """
        with self._state:
            return self._wait(
                lambda: (
                    not self._has_work()
                    and not len(self._staging)
                    and not any(tally.rows for tally in self._ledger.committed.values())
                ),
                timeout_s,
            )

    def close(self) -> int:
        """Write what is staged, trying once where the disk refuses; the events that are left."""
        with self._state:
            self._closing = True
            self._state.notify_all()
        self._thread.join()
        return len(self._staging)

    def fail(self, error: sqlite3.Error) -> OutboxError:
        """The error to raise for one of SQLite's; damage ends the writer as well."""
        failure = translated(error, self._path)
        if is_damage(error):
            suspect(self._path.parent)
            with self._state:
                self._failure = self._failure or failure
                self._state.notify_all()
        return failure

    def _check(self) -> None:
        if self._failure is not None:
            raise self._failure

    def _wait(self, done: Callable[[], bool], timeout_s: float) -> bool:
        self._waiters += 1
        self._state.notify_all()
        try:
            result = self._state.wait_for(lambda: self._failure is not None or done(), timeout_s)
        finally:
            self._waiters -= 1
        self._check()
        return result

    def _has_work(self) -> bool:
        return bool(
            len(self._staging)
            or any(self._stored.values())
            or self._staging.dropped
            or self._given_up
            or self._unsaid
        )

    def _run(self) -> None:
        while (work := self._gather()) is not None:
            if not self._write(work) and self._closing:
                return

    def _write(self, work: Work) -> bool:
        """Do the work; False where the disk refuses for now.

        Raises:
            OutboxError: the file is damaged.
        """
        try:
            with self.disk:
                committed = commit(
                    self._ledger, work, max_bytes=self._settings.max_bytes,
                    now_ns=self._now_ns(), clock=self._clock(),
                )  # fmt: skip
        except sqlite3.Error as error:
            self._give_back(work)
            if is_damage(error):
                raise self.fail(error) from error
            self._refuse(error, work)
            return False
        self._done(work, committed)
        self._note_times(work)
        self.on_commit()
        return True

    def _gather(self) -> Work | None:
        """Wait for work, and a little longer for company; None when it is time to end."""
        with self._state:
            if self._refused:
                self._state.wait_for(self._ends, self._settings.retry_s)
            self._wait_for_work()
            if not self._hurried():
                self._state.wait_for(self._hurried, self._settings.commit_linger_ms / 1000)
            self._check()
            ages = self._ages()
            if not ages and not self._has_work():
                return None
            given_up = self._given_up + Counter(
                {(lane, REASON_STAGING): n for lane, n in self._staging.dropped.items()}
            )
            stored = self._stored
            self._lost_without_seq += sum(self._staging.dropped.values())
            self._stored, self._given_up = {}, Counter()
            self._staging.dropped.clear()
            limit = min(_MAX_COMMIT_BYTES, self._settings.max_bytes // 8)
            return Work(
                stored, self._staging.take(limit), given_up, self._taken_now,
                max_age_s=self._settings.max_age_s if ages else None,
            )  # fmt: skip

    def _wait_for_work(self) -> None:
        if self._settings.max_age_s is None:
            self._state.wait_for(lambda: self._has_work() or self._ends())
            return
        while not (self._has_work() or self._ends() or self._ages()):
            self._state.wait(max(0.0, self._ages_s - time.monotonic()))

    def _ages(self) -> bool:
        """True where it is time to look for what is too old."""
        return self._settings.max_age_s is not None and time.monotonic() >= self._ages_s

    def _ends(self) -> bool:
        return self._closing or self._failure is not None

    def _hurried(self) -> bool:
        return self._staging.urgent or self._waiters > 0 or self._unsaid or self._ends()

    def _taken_now(self) -> Mapping[Stream, Ranges]:
        with self._state:
            return {stream: held.copy() for stream, held in self._taken.items()}

    def _give_back(self, work: Work) -> None:
        with self._state:
            for stream, held in work.stored.items():
                for first, last in held:
                    self._stored.setdefault(stream, Ranges()).add(first, last)
            self._given_up.update(work.given_up)
            self._staging.give_back()

    def _refuse(self, error: sqlite3.Error, work: Work) -> None:
        """Say it once, and make what room there is: deletions alone may still be possible."""
        if not self._refused:
            _log.error(
                "outbox cannot be written, events wait in memory",
                file=str(self._path), reason=str(error),
                remedy="free space on this disk" if is_full(error) else "check this disk",
            )  # fmt: skip
        self._refused = True
        try:
            with self.disk:
                with self._ledger.transaction():
                    for stream, held in work.stored.items():
                        for first, last in held:
                            self._ledger.delete(stream, first, last)
                            self._ledger.losses.stored(stream, first, last)
                self._ledger.checkpoint()
        except sqlite3.Error as again:
            _log.debug("outbox cannot make room", reason=str(again))

    def _done(self, work: Work, committed: Committed) -> None:
        if self._refused:
            _log.info("outbox can be written again", file=str(self._path))
        with self._state:
            self._refused = False
            self._staging.done()
            self._unsaid = committed.unsaid
            for stream, held in work.stored.items():
                for first, last in held:
                    self._unmark(stream, first, last)
            for item in (*committed.evicted, *committed.expired):
                self._unmark(item.stream, item.first, item.last)
                self._evicted += item.last - item.first + 1
            if work.max_age_s is not None and not committed.expired:
                self._ages_s = time.monotonic() + min(_MAX_AGE_CHECK_S, work.max_age_s / 10)
            self._state.notify_all()
        self._tell("outbox full, oldest events given up", committed.evicted)
        self._tell("events too old, given up", committed.expired)

    def _tell(self, what: str, gone: list[Evicted]) -> None:
        if gone:
            _log.warning(
                what, file=str(self._path),
                events_lost=sum(item.last - item.first + 1 for item in gone),
                lanes=sorted({item.stream.lane.slug for item in gone}),
            )  # fmt: skip

    def _note_times(self, work: Work) -> None:
        now_ns = time.monotonic_ns()
        for draft in work.drafts:
            if draft.staged_ns is not None:
                self.commit_times[draft.lane].record(now_ns - draft.staged_ns)

    def _unmark(self, stream: Stream, first: int, last: int) -> None:
        held = self._taken.get(stream)
        if held is not None:
            held.remove(first, last)
            if not held:
                del self._taken[stream]
