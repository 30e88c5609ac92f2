"""N threads over one detector; results come out in the order of the frames."""

import itertools
import threading
from collections.abc import Iterator
from concurrent import futures
from concurrent.futures import Future
from dataclasses import dataclass
from queue import SimpleQueue

from edge.capture.slot import Arrival, Slot
from edge.infer.port import Detector
from edge.watchdog import Watchdog
from models.detections import Detections

READ_AHEAD = 2
"""Results that may wait for the consumer, besides the frames that are worked on."""


@dataclass(frozen=True, slots=True, eq=False)
class Inferred:
    """What was found in a frame."""

    arrival: Arrival
    detections: Detections


class Workers:
    """Infers the frames of a slot.

    A worker takes a frame and queues the promise of its result under one lock, so that the
    promises stand in the order of the frames, whoever is ready first. Use it as a context,
    and iterate over it: leaving the context ends the threads and closes the slot.

    Args:
        slot: where frames come from.
        detector: what looks at them.
        count: number of threads.
        watchdog: ends the process when an inference does not come back.
        burst: results that are handed on together. What follows, tracking and rules, is code
            that each inference drives out of the caches: in bursts it takes less than half the
            time. 1 for a live camera, whose results nobody may hold back.
    """

    def __init__(
        self, slot: Slot, detector: Detector, count: int, watchdog: Watchdog, *, burst: int = 1
    ) -> None:
        self._slot = slot
        self._burst = burst
        self._detector = detector
        self._watchdog = watchdog
        self._take = threading.Lock()
        self._room = threading.Semaphore(count + READ_AHEAD + burst - 1)
        self._promises: SimpleQueue[tuple[Arrival, Future[Detections]] | None] = SimpleQueue()
        self._stopped = False
        self._threads = [
            threading.Thread(target=self._run, name=f"infer-{number}", daemon=True)
            for number in range(1, count + 1)
        ]

    def __enter__(self) -> "Workers":
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._stopped = True
        self._slot.close(discard=True)
        for _ in self._threads:
            self._room.release()
        for thread in self._threads:
            thread.join()

    def __iter__(self) -> Iterator[Inferred]:
        """Results in the order of the frames, until the slot is closed and empty.

        Raises:
            EngineError: the network failed on the frame whose turn it is.
        """
        ended = False
        while not ended:
            promises = list(itertools.islice(iter(self._promises.get, None), self._burst))
            ended = len(promises) < self._burst
            if promises:
                futures.wait([result for _, result in promises])
            for arrival, result in promises:
                self._room.release()
                yield Inferred(arrival, result.result())

    def _run(self) -> None:
        while (promise := self._next()) is not None:
            arrival, result = promise
            try:
                with self._watchdog.working("inference"):
                    detections = self._detector.detect(arrival.frame.image)
            except BaseException as error:  # noqa: BLE001 - raised where the result is awaited
                result.set_exception(error)
                self._promises.put(None)  # nobody may wait for a burst that will not fill
                return
            result.set_result(detections)

    def _next(self) -> tuple[Arrival, Future[Detections]] | None:
        """The next frame with the promise of its result, which is queued."""
        self._room.acquire()
        with self._take:
            arrival = None if self._stopped else self._slot.take()
            promise = None if arrival is None else (arrival, Future[Detections]())
            self._promises.put(promise)
        return promise
