"""One attempt to read a camera: a thread that opens its source and reads until it breaks."""

import threading
from collections.abc import Callable
from typing import Protocol

from edge.capture.port import Frame, Source
from edge.errors import CaptureError

Open = Callable[[Callable[[float], object]], Source]
"""Opens the camera's source, given how it may wait; raises CaptureError."""


class Listener(Protocol):
    """Who hears what an attempt finds; asked by the attempt's own thread."""

    def opened(self, attempt: "Attempt", source: Source) -> None:
        """The source is open."""

    def pictured(self, attempt: "Attempt", frame: Frame, source: Source) -> bool:
        """A frame was read; False when no further one is wanted."""

    def broke(self, attempt: "Attempt", error: CaptureError) -> None:
        """The source cannot be opened, or broke."""

    def ended(self, attempt: "Attempt", source: Source) -> None:
        """The source has come to its end."""

    def crashed(self, attempt: "Attempt", error: Exception) -> None:
        """Something went wrong that is no fault of the camera."""

    def left(self, attempt: "Attempt") -> None:
        """The thread is about to end."""


class Attempt:
    """Opens and reads one source, in a daemon thread that may be left behind.

    Attributes:
        number: of the attempt.
        is_open: it has opened the source.
        was_replaced: it hangs, or its source is to be opened again; nobody waits for its end.

    Args:
        camera: id of the camera, for the thread's name.
        number: as above.
        open_source: opens the source.
        listener: hears what comes of it.
    """

    def __init__(self, camera: str, number: int, open_source: Open, listener: Listener) -> None:
        self.number = number
        self.is_open = False
        self.was_replaced = False
        self._open = open_source
        self._listener = listener
        self._let_go = threading.Event()
        self._thread = threading.Thread(
            target=self._run, name=f"read-{camera}-{number}", daemon=True
        )

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def let_go(self) -> None:
        """Ask it to end, as soon as what it is in comes back."""
        self._let_go.set()

    def join(self, timeout_s: float) -> bool:
        """True when it has ended within so many seconds."""
        self._thread.join(timeout_s)
        return not self._thread.is_alive()

    def _run(self) -> None:
        try:
            self._read()
        except CaptureError as error:
            self._listener.broke(self, error)
        except Exception as error:  # noqa: BLE001 - raised again in the pipeline
            self._listener.crashed(self, error)
        finally:
            self._listener.left(self)

    def _read(self) -> None:
        source = self._open(self._let_go.wait)
        try:
            self.is_open = True
            self._listener.opened(self, source)
            while not self._let_go.is_set():
                frame = source.read()
                if frame is None:
                    self._listener.ended(self, source)
                    return
                if not self._listener.pictured(self, frame, source):
                    return
        finally:
            source.close()
