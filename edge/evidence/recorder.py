"""Frames of one camera into clips, by a thread of its own that nobody waits for.

    reader ──offer──> queue ──> paint, scale, JPEG ──> Cutter ──> clips
    rules  ──tell───> queue ────────────────────────────┘

A frame costs its reader a look at its time. What the thread cannot take is dropped and counted;
only the reader of a lossless file waits, as it does for inference.
"""

import threading
from collections import deque
from collections.abc import Callable

import structlog

from edge.capture.port import Frame
from edge.errors import EvidenceError
from edge.evidence import opencv
from edge.evidence.cutter import LAG_S, LOSSLESS_LAG_S, Cause, Clip, Cutter, Still
from edge.evidence.masks import Masks
from edge.evidence.settings import ClipSettings
from edge.evidence.stats import RecorderStats

QUEUE_FRAMES = 4
"""Frames that may wait for the thread; each is a whole picture in memory."""

MAX_CAUSES = 1000
"""Events that may wait for it."""

SOURCE_GONE_S = 5.0
"""Beyond `after_s`: a clip ends when nothing came for so long."""

_EARLY = 0.1
"""Share of the period by which a frame may come early: cameras tremble."""

_log = structlog.get_logger(__name__)


class Recorder:
    """Keeps the last seconds of a camera, and cuts clips out of them.

    Args:
        camera: id of the camera.
        settings: lengths, rate, size.
        masks: what the network may see and clips may not.
        keep: takes a clip; for a live camera it must not wait.
        is_lossless: whoever offers a frame waits for room.
        source_gone_s: beyond `after_s`, a clip ends when nothing came for so long.
    """

    def __init__(
        self,
        camera: str,
        settings: ClipSettings,
        masks: Masks,
        keep: Callable[[Clip], None],
        *,
        is_lossless: bool = False,
        source_gone_s: float = SOURCE_GONE_S,
    ) -> None:
        self._settings = settings
        self._masks = masks
        self._keep = keep
        self._is_lossless = is_lossless
        self._period_ns = round(1e9 / settings.fps * (1 - _EARLY))
        self._patience_s = settings.after_s + source_gone_s
        self._cutter = Cutter(settings, LOSSLESS_LAG_S if is_lossless else LAG_S)
        self._changed = threading.Condition()
        self._queue: deque[Frame | Cause] = deque()
        self._frames = self._causes = 0
        self._taken_ns = 0
        self._is_over = False
        self._stills = self._dropped = self._clips = 0
        self._log = _log.bind(camera_id=camera)
        self._has_failed = False
        self._thread = threading.Thread(target=self._run, name=f"clips-{camera}", daemon=True)

    @property
    def stats(self) -> RecorderStats:
        """Its figures now."""
        return RecorderStats(self._stills, self._dropped, self._clips)

    @property
    def held_bytes(self) -> int:
        """What the pictures of the last seconds occupy."""
        return self._cutter.ring_bytes

    def start(self) -> None:
        """Begin; returns at once."""
        self._thread.start()

    def stop(self) -> None:
        """Work off what waits, hand the open clip on, and end; no picture is held any longer."""
        with self._changed:
            self._is_over = True
            self._changed.notify_all()
        self._thread.join()
        self._cutter.clear()

    def offer(self, frame: Frame) -> None:
        """A frame was read; it is taken where it is due. One thread at a time calls it."""
        if 0 <= frame.captured_ns - self._taken_ns < self._period_ns:
            return
        with self._changed:
            while self._is_lossless and self._frames >= QUEUE_FRAMES and not self._is_over:
                self._changed.wait()
            if self._is_over:
                return
            if self._frames >= QUEUE_FRAMES:
                self._dropped += 1
                return
            self._taken_ns = frame.captured_ns
            self._frames += 1
            self._queue.append(frame)
            self._changed.notify_all()

    def tell(self, cause: Cause) -> None:
        """An event wants a clip."""
        with self._changed:
            if self._is_over or self._causes >= MAX_CAUSES:
                self._dropped += 1
                return
            self._causes += 1
            self._queue.append(cause)
            self._changed.notify_all()

    def _run(self) -> None:
        while True:
            item = self._next()
            if item is None:
                done = self._cutter.end("source")
            elif isinstance(item, Cause):
                done = self._cutter.tell(item)
            else:
                still = self._still(item)
                done = None if still is None else self._cutter.see(still)
            if done is not None:
                self._clips += 1
                self._keep(done)
            if item is None and self._is_over:
                return

    def _next(self) -> Frame | Cause | None:
        """What is next; None at the end, or where a clip is open and nothing comes."""
        with self._changed:
            patience_s = self._patience_s if self._cutter.is_open else None
            self._changed.wait_for(lambda: self._queue or self._is_over, patience_s)
            if not self._queue:
                return None
            item = self._queue.popleft()
            if isinstance(item, Cause):
                self._causes -= 1
            else:
                self._frames -= 1
            self._changed.notify_all()
            return item

    def _still(self, frame: Frame) -> Still | None:
        image = frame.image
        height_px, width_px = image.shape[:2]
        image = self._masks.painted(image, (0, 0, width_px, height_px))
        if height_px > self._settings.height_px:
            # H.264 has colours for pairs of lines and columns: even sides need no filling up.
            scale = self._settings.height_px / height_px
            width_px, height_px = max(2, round(width_px * scale / 2) * 2), self._settings.height_px
            image = opencv.scaled(image, width_px, height_px)
        try:
            jpeg = opencv.jpeg_of(image, self._settings.quality)
        except EvidenceError as error:
            self._dropped += 1
            if not self._has_failed:
                self._log.error("frame left out of clips", error=str(error))
            self._has_failed = True
            return None
        self._stills += 1
        return Still(frame.captured_ns, width_px, height_px, jpeg)
