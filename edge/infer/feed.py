"""What one camera shows one network, and what comes back, in the order of the frames."""

from collections.abc import Callable, Iterator
from queue import SimpleQueue
from typing import Generic

from edge.capture.slot import Arrival, Slot, Waits
from edge.infer.burst import Burst, Inferred
from edge.infer.port import Found, Model

READ_AHEAD = 2
"""Results that may wait for the consumer, besides the frames that are worked on."""


class Taken(Generic[Found]):
    """A frame that is worked on, and where its result belongs.

    Args:
        feed: that it is of.
        arrival: the frame.
        taken_ns: when it was taken, by the monotonic clock.
        burst: that its result is in.
        place: of its result in there.
    """

    __slots__ = ("_burst", "_feed", "_place", "arrival", "taken_ns")

    def __init__(
        self, feed: "Feed[Found]", arrival: Arrival, taken_ns: int, burst: Burst[Found], place: int
    ) -> None:
        self._feed = feed
        self.arrival = arrival
        self.taken_ns = taken_ns
        self._burst = burst
        self._place = place

    def put(self, found: Found, inferred_ns: int, model: Model | None = None) -> None:
        """What the network found in it, when, and of which model it is."""
        frame = self.arrival.frame
        height_px, width_px = frame.image.shape[:2]
        self._burst.put(
            self._place,
            Inferred(
                frame.number, frame.captured_ns, self.arrival.read_ns, self.taken_ns, inferred_ns,
                width_px, height_px, found, frame.image if self._feed.keeps_pictures else None,
                model,
            ),
        )  # fmt: skip

    def fail(self, error: BaseException) -> None:
        """It was not looked at, and this is why."""
        self._burst.put(self._place, error)


class Feed(Generic[Found]):
    """The frames of a slot on their way through a network.

    Use it as a context, and iterate over it: leaving the context closes the slot and takes it
    away from the network. All but `__iter__` is for the scheduler, under its lock.

    Attributes:
        number: it is known by.
        slot: where frames come from.
        keeps_pictures: results carry their pictures.

    Args:
        number: as above.
        slot: as above.
        burst: results that are handed on together. What follows, tracking and rules, is code
            that each inference drives out of the caches: in bursts it takes less than half the
            time. 1 for a live camera, whose results nobody may hold back.
        keeps_pictures: as above.
        consumed: is told, without a lock, how many results the consumer has taken.
        left: is told that the context was left.
    """

    def __init__(
        self,
        number: int,
        slot: Slot,
        burst: int,
        keeps_pictures: bool,
        consumed: Callable[["Feed[Found]", int], None],
        left: Callable[["Feed[Found]"], None],
    ) -> None:
        self.number = number
        self.slot = slot
        self.keeps_pictures = keeps_pictures
        self._outstanding = 0
        self._burst_size = burst
        self._tell_consumed = consumed
        self._left = left
        self._open: Burst[Found] = Burst(burst)
        self._bursts: SimpleQueue[Burst[Found] | None] = SimpleQueue()
        self._bursts.put(self._open)
        self._error: BaseException | None = None
        self._has_ended = False

    def __enter__(self) -> "Feed[Found]":
        return self

    def __exit__(self, *exception: object) -> None:
        self.slot.close(discard=True)
        self._left(self)

    def __iter__(self) -> Iterator[Inferred[Found]]:
        """Results in the order of the frames, until the slot is closed and empty.

        Raises:
            EngineError: the network failed on the frame whose turn it is, or on another camera's.
        """
        while (burst := self._bursts.get()) is not None:
            results = burst.wait()
            if results:
                self._tell_consumed(self, len(results))
            for result in results:
                if isinstance(result, Inferred):
                    yield result
                elif result is not None:
                    raise result
        if self._error is not None:
            raise self._error

    def waits(self, in_flight: int) -> Waits | None:
        """Whether it has a frame to be taken; None where it has none, or must not run ahead.

        Args:
            in_flight: frames that the network's workers may be at together.
        """
        if self._outstanding >= in_flight + READ_AHEAD + self._burst_size - 1:
            return None
        return self.slot.waits

    def consumed(self, results: int) -> None:
        """The consumer took so many results."""
        self._outstanding -= results

    def take(self, now_ns: int) -> Taken[Found] | None:
        """The next frame; None where it was too old."""
        arrival = self.slot.poll()
        if arrival is None:
            return None
        self._outstanding += 1
        if self._open.is_sealed:
            self._open = Burst(self._burst_size)
            self._bursts.put(self._open)
        return Taken(self, arrival, now_ns, self._open, self._open.join())

    def end(self, error: BaseException | None = None) -> None:
        """No further frame will be taken; nobody may wait for a burst that will not fill.

        Args:
            error: that the consumer gets after the results; None: all is well.
        """
        if self._has_ended:
            return
        self._has_ended, self._error = True, error
        self._open.seal()
        self._bursts.put(None)
