"""The thread that reads a camera: opens it, fills its slot, and opens it again."""

import threading
from collections.abc import Callable

import structlog

from edge.capture.port import Source
from edge.capture.slot import Slot
from edge.capture.sources import Wait
from edge.errors import CaptureError
from edge.rules.port import Draft, Event
from protos.ids import Lane
from protos.v1.event_batch_pb2 import EventBatch
from wayside.backoff import Backoff

_log = structlog.get_logger(__name__)

JOIN_TIMEOUT_S = 15.0
"""A read that does not come back is left behind; it is a daemon thread."""

Open = Callable[[Wait], Source]
"""Opens the camera's source; raises CaptureError."""


class Reader:
    """Reads one camera into its slot, in a thread of its own.

    A stream that breaks is opened again, for as long as it takes; a file that cannot be read
    ends with its error. When nothing more will come, the slot is closed. Use it as a context:
    entering it begins to read, leaving it ends the thread.

    Args:
        camera: id of the camera.
        open_source: opens its source.
        slot: where frames go.
        report: takes the camera's CAMERA_STATE events: live, lost, ended.
        now_ns: the clock by which frames are captured.
        backoff: waits between attempts; None: a failure is final, as a file's is.
    """

    def __init__(
        self,
        camera: str,
        open_source: Open,
        slot: Slot,
        report: Callable[[Draft], None],
        now_ns: Callable[[], int],
        backoff: Backoff | None,
    ) -> None:
        self._camera = camera
        self._open = open_source
        self._slot = slot
        self._report = report
        self._now_ns = now_ns
        self._backoff = backoff
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"read-{camera}", daemon=True)
        self._last_ns = 0
        self._log = _log.bind(camera_id=camera)
        self.state = "starting"
        self.frames = 0
        self.total_frames: int | None = None
        self._error: Exception | None = None

    def __enter__(self) -> "Reader":
        self._thread.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self.stop()
        self._thread.join(JOIN_TIMEOUT_S)
        if self._thread.is_alive():
            self._log.warning("camera does not let go of its source", timeout_s=JOIN_TIMEOUT_S)

    def stop(self) -> None:
        """Ask it to end, without waiting; no further frame comes, even if a read hangs."""
        self._stop.set()
        self._slot.close()

    def check(self) -> None:
        """Raise what ended the reader, if it was an error.

        Raises:
            CaptureError: a file could not be read.
            OutboxError: or whatever else `report` raised.
        """
        if self._error is not None:
            raise self._error

    def _run(self) -> None:
        try:
            self._read_until_the_end()
        except Exception as error:  # noqa: BLE001 - raised again by `check`, in the pipeline
            self._error = error
        finally:
            self._slot.close()

    def _read_until_the_end(self) -> None:
        while not self._stop.is_set() and not self._read_once():
            if self._backoff is not None:
                self._stop.wait(self._backoff.next_s())

    def _read_once(self) -> bool:
        """Read a source; False where it broke and another attempt is due."""
        try:
            self._read_source()
        except CaptureError as error:
            self._set_state("lost", str(error), self._now_ns())
            if self._backoff is None:
                raise
            return False
        return True

    def _read_source(self) -> None:
        """Read a source until it ends or is to stop.

        Raises:
            CaptureError: it cannot be opened, or broke.
        """
        source = self._open(self._stop.wait)
        self.total_frames = source.total_frames
        try:
            while not self._stop.is_set():
                frame = source.read()
                if frame is None:
                    total = self.total_frames
                    detail = f"{self.frames} of {total} frames" if total else ""
                    self._set_state("ended", detail, self._last_ns or self._now_ns())
                    return
                self.frames += 1
                self._last_ns = frame.captured_ns
                if self.state != "live":
                    self._set_state("live", "", frame.captured_ns)
                    if self._backoff is not None:
                        self._backoff.reset()
                if not self._slot.put(frame):
                    return
        finally:
            source.close()

    def _set_state(self, state: str, detail: str, captured_ns: int) -> None:
        if state == self.state:
            return
        self.state = state
        if state != "lost" or self._backoff is not None:  # a final error is told by who runs us
            log = self._log.warning if state == "lost" else self._log.info
            log("camera state", state=state, detail=detail, frames=self.frames)
        status = EventBatch.CameraStatus(state=state, detail=detail)
        event = Event(
            camera=self._camera, captured_ns=captured_ns, kind=EventBatch.CAMERA_STATE,
            frame=max(0, self.frames - 1), camera_status=status,
        )  # fmt: skip
        self._report(Draft(Lane.STATE, event))
