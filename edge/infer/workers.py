"""N threads over one detector; results come out in the order of the frames."""

import threading
import time
from collections.abc import Iterator
from queue import SimpleQueue

from edge.capture.slot import Arrival, Slot
from edge.histogram import StageTimes
from edge.infer.burst import Burst, Inferred
from edge.infer.port import Detector
from edge.watchdog import Watchdog

READ_AHEAD = 2
"""Results that may wait for the consumer, besides the frames that are worked on."""


class Workers:
    """Infers the frames of a slot.

    A worker takes a frame and a place for its result under one lock, so that the places
    stand in the order of the frames, whoever is ready first. Use it as a context,
    and iterate over it: leaving the context ends the threads and closes the slot.

    Args:
        slot: where frames come from.
        detector: what looks at them.
        count: number of threads.
        watchdog: ends the process when an inference does not come back.
        burst: results that are handed on together. What follows, tracking and rules, is code
            that each inference drives out of the caches: in bursts it takes less than half the
            time. 1 for a live camera, whose results nobody may hold back.
        times: told how long each frame waited.
    """

    def __init__(
        self,
        slot: Slot,
        detector: Detector,
        count: int,
        watchdog: Watchdog,
        *,
        burst: int = 1,
        times: StageTimes | None = None,
    ) -> None:
        self._slot = slot
        self._burst_size = burst
        self._detector = detector
        self._watchdog = watchdog
        self._times = times or StageTimes()
        self._take = threading.Lock()
        self._room = threading.Semaphore(count + READ_AHEAD + burst - 1)
        self._open = Burst(burst)
        self._bursts: SimpleQueue[Burst | None] = SimpleQueue()
        self._bursts.put(self._open)
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
        while (burst := self._bursts.get()) is not None:
            results = burst.wait()
            if results:
                self._room.release(len(results))
            for result in results:
                if isinstance(result, Inferred):
                    yield result
                elif result is not None:
                    raise result

    def _run(self) -> None:
        while (taken := self._next()) is not None:
            arrival, burst, place = taken
            try:
                burst.put(place, self._infer(arrival))
            except BaseException as error:  # noqa: BLE001 - raised where the result is awaited
                burst.put(place, error)
                self._end()
                return
            del taken, arrival  # the picture's memory is for the next one

    def _next(self) -> tuple[Arrival, Burst, int] | None:
        """The next frame, and where its result belongs."""
        self._room.acquire()
        with self._take:
            arrival = None if self._stopped else self._slot.take()
            if arrival is not None:
                self._times.wait.record(time.monotonic_ns() - arrival.read_ns)
                if self._open.is_sealed:
                    self._open = Burst(self._burst_size)
                    self._bursts.put(self._open)
                return arrival, self._open, self._open.join()
        self._end()
        return None

    def _infer(self, arrival: Arrival) -> Inferred:
        frame = arrival.frame
        height_px, width_px = frame.image.shape[:2]
        with self._watchdog.working("inference"):
            detections = self._detector.detect(frame.image)
        return Inferred(
            frame.number, frame.captured_ns, arrival.read_ns, width_px, height_px, detections
        )

    def _end(self) -> None:
        """Nobody may wait for a burst that will not fill."""
        with self._take:
            self._open.seal()
        self._bursts.put(None)
