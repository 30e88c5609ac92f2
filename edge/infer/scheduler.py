"""One network for all cameras: some threads, which take batches of frames in turn.

    camera A ── slot ── Feed ─┐                                  ┌─ results of A, in order
    camera B ── slot ── Feed ─┼─ Turns: whose frame ─ workers ───┼─ results of B
    a file ──── slot ── Feed ─┘                                  └─ results of the file

Cameras come and go while it runs, and touch none of the others. A network that fails ends it,
and every feed with it (decision 1).

The network may be exchanged between two frames: which one looks at a frame is settled when the
frame is taken, so results come from the one before up to some frame, and from then on from the
other, in the order of the frames; none is lost and none waits. One that is on trial has its
incumbent beside it, which looks at what it fails on (edge/ota/).
"""

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Generic

from edge.capture.slot import Slot
from edge.infer.batching import Batching
from edge.infer.feed import Feed, Taken
from edge.infer.port import Finder, Found, Looker, Model
from edge.infer.turns import Turns, Waiting
from edge.watchdog import Watchdog
from models.errors import EngineError


@dataclass(frozen=True, slots=True)
class SchedulerStats:
    """What a scheduler has done since it was made.

    Attributes:
        batches: that the network was given.
        frames: in these.
        waited_ns: from reading to being taken, of all frames together.
        worked_ns: in the network, of all batches together.
    """

    batches: int
    frames: int
    waited_ns: int
    worked_ns: int


class _Held(Generic[Found]):
    """A network that looks at frames, and how many batches it is at."""

    __slots__ = ("looker", "runs")

    def __init__(self, looker: Looker[Found]) -> None:
        self.looker = looker
        self.runs = 0


class Scheduler(Generic[Found]):
    """Has a network look at the frames of all cameras. Use it as a context.

    One worker at a time waits for frames and takes them, so that each feed's results have their
    places in the order of its frames, whoever is ready first. Leave all feeds before the
    scheduler.

    Args:
        network: what looks at them; with what belongs to it, where that is to be told.
        workers: number of threads.
        watchdog: ends the process when an inference does not come back.
        batching: asked for each batch, as engines may change.
        name: of its threads.
    """

    def __init__(
        self,
        network: Finder[Found] | Looker[Found],
        workers: int,
        watchdog: Watchdog,
        batching: Callable[[], Batching] = Batching,
        name: str = "infer",
    ) -> None:
        self._held = _Held(network if isinstance(network, Looker) else Looker(network))
        self._workers = workers
        self._watchdog = watchdog
        self._batching = batching
        self._turns = Turns()
        self._feeds: dict[int, Feed[Found]] = {}
        self._joined = 0
        self._collecting = threading.Lock()
        lock = threading.RLock()
        self._changed = threading.Condition(lock)
        self._idle = threading.Condition(lock)
        self._busy = 0
        self._is_over = False
        self._error: BaseException | None = None
        self._batches = self._frames = self._waited_ns = self._worked_ns = 0
        self._threads = [
            threading.Thread(target=self._work, name=f"{name}-{number}", daemon=True)
            for number in range(1, workers + 1)
        ]

    def __enter__(self) -> "Scheduler[Found]":
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._stop(EngineError("the network is closed"))
        for thread in self._threads:
            thread.join()

    def feed(
        self,
        slot: Slot,
        *,
        burst: int = 1,
        min_fps: float | None = None,
        keep_pictures: bool = False,
    ) -> Feed[Found]:
        """Frames of one more camera.

        Args:
            slot: where they come from.
            burst: results that are handed on together, see `Feed`.
            min_fps: frames a second that are inferred at least, while it brings so many and the
                network can; None: as many as are left to it.
            keep_pictures: results carry their pictures.
        """
        with self._changed:
            self._joined += 1
            feed = Feed(self._joined, slot, burst, keep_pictures, self._consumed, self._left)
            self._turns.join(feed.number, min_fps)
            self._feeds[feed.number] = feed
            if self._is_over:
                feed.end(self._error)
        slot.listen(lambda: self._heard(feed))
        self._heard(feed)
        return feed

    def exchange(self, looker: Looker[Found]) -> None:
        """Have another network look at the frames that are taken from now on.

        Returns when the one before has ended the last batch that it was at; frames go on
        meanwhile. It is not closed: it may come back.
        """
        with self._changed:
            before, self._held = self._held, _Held(looker)
            self._idle.wait_for(lambda: before.runs == 0 or self._is_over)

    @property
    def model(self) -> Model | None:
        """Of the network that looks at the next frame."""
        return self._held.looker.model

    @property
    def stats(self) -> SchedulerStats:
        """What it has done so far."""
        with self._changed:
            return SchedulerStats(self._batches, self._frames, self._waited_ns, self._worked_ns)

    # What feeds and their slots tell, each in a thread of its own.

    def _heard(self, feed: Feed[Found]) -> None:
        with self._changed:
            if feed.slot.is_over:
                feed.end()
            self._changed.notify()

    def _consumed(self, feed: Feed[Found], results: int) -> None:
        with self._changed:
            feed.consumed(results)
            self._changed.notify()

    def _left(self, feed: Feed[Found]) -> None:
        with self._changed:
            del self._feeds[feed.number]
            self._turns.leave(feed.number)
            feed.end()

    def _stop(self, error: BaseException) -> None:
        """Take nothing any more; feeds that are still there end with this error."""
        with self._changed:
            if self._is_over:
                return
            self._is_over, self._error = True, error
            for feed in self._feeds.values():
                feed.end(error)
            self._changed.notify_all()
            self._idle.notify_all()

    # What the workers do.

    def _work(self) -> None:
        try:
            while True:
                self._infer(*self._next_batch())
        except BaseException as error:  # noqa: BLE001 - raised where results are awaited
            self._stop(error)

    def _infer(self, held: _Held[Found], batch: list[Taken[Found]]) -> None:
        begun_ns = time.monotonic_ns()
        with _failing(batch), self._leaving(held):
            looker, found = self._look_at(held.looker, batch)
        now_ns = time.monotonic_ns()
        for one, seen in zip(batch, found, strict=True):
            one.put(seen, now_ns, looker.model)
        with self._changed:
            self._busy -= 1
            self._worked_ns += now_ns - begun_ns
            self._changed.notify()

    def _look_at(
        self, looker: Looker[Found], batch: list[Taken[Found]]
    ) -> tuple[Looker[Found], Sequence[Found]]:
        """What is found in a batch, and who found it."""
        pictures = [one.arrival.frame.image for one in batch]
        begun_ns = time.monotonic_ns()
        try:
            with self._watchdog.working("inference"):
                found = _one_for_each(batch, looker.network.find_all(pictures))
        except Exception as error:
            if looker.incumbent is None:
                raise
            if looker.observer is not None:
                looker.observer.failed(error)
            return self._look_at(looker.incumbent, batch)
        if looker.observer is not None:
            looker.observer.looked(found, time.monotonic_ns() - begun_ns)
        return looker, found

    @contextmanager
    def _leaving(self, held: _Held[Found]) -> Iterator[None]:
        """While a network is at a batch; whoever waits for its last one is told."""
        try:
            yield
        finally:
            with self._changed:
                held.runs -= 1
                self._idle.notify_all()

    def _next_batch(self) -> tuple[_Held[Found], list[Taken[Found]]]:
        """Frames that are looked at together, and the network that looks at them.

        Raises:
            BaseException: what ended the scheduler; there will be none.
        """
        batch: list[Taken[Found]] = []
        with self._collecting, self._changed, _failing(batch):
            while not self._is_over and not self._is_collected(batch):
                pass
            if self._error is not None:
                raise self._error
            self._held.runs += 1
            self._busy += 1
            self._batches += 1
            self._frames += len(batch)
            self._waited_ns += sum(one.taken_ns - one.arrival.read_ns for one in batch)
            return self._held, batch

    def _is_collected(self, batch: list[Taken[Found]]) -> bool:
        """Add what there is to a batch; True when it is to go, else something may have changed."""
        batching = self._batching()
        if batching.at_once is not None and self._busy >= batching.at_once:
            self._changed.wait()
            return False
        while len(batch) < batching.most and (one := self._take(batching.most)) is not None:
            batch.append(one)
        if not batch:
            self._changed.wait()
            return False
        if len(batch) >= min(batching.most, sum(f.slot.capacity for f in self._feeds.values())):
            return True
        left_ns = batch[0].arrival.read_ns + batching.deadline_ns - time.monotonic_ns()
        return left_ns <= 0 or not self._changed.wait(left_ns / 1e9)

    def _take(self, most: int) -> Taken[Found] | None:
        """The next frame, of whosever turn it is; None where nobody has one."""
        in_flight = self._workers * most
        while True:
            waiting = [
                Waiting(number, waits.since_ns, waits.read_ns)
                for number, feed in self._feeds.items()
                if (waits := feed.waits(in_flight)) is not None
            ]
            if not waiting:
                return None
            now_ns = time.monotonic_ns()
            turn = self._turns.choose(waiting, now_ns)
            feed = self._feeds[turn.feed]
            taken = feed.take(now_ns)
            if feed.slot.is_over:
                feed.end()
            if taken is not None:
                self._turns.served(turn, waiting, now_ns)
                return taken


def _one_for_each(batch: Sequence[object], found: Sequence[Found]) -> Sequence[Found]:
    if len(found) != len(batch):
        raise ValueError(f"expected {len(batch)} results, got {len(found)}")
    return found


@contextmanager
def _failing(batch: list[Taken[Found]]) -> Iterator[None]:
    """While an error is one of every frame in a batch, so that nobody waits for their results."""
    try:
        yield
    except BaseException as error:
        for one in batch:
            one.fail(error)
        raise
