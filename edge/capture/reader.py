"""Reads a camera into its slot, whatever the camera does.

The decisions are `machine.step`'s. Here is what surrounds it: a thread an attempt, which reads;
and one that knows the time, starts attempts and lets those go that hang.
"""

import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import structlog

from edge.capture import machine
from edge.capture.attempt import Attempt, Open
from edge.capture.machine import Life, Limits, Phase
from edge.capture.port import Frame, Source
from edge.capture.slot import Inlet
from edge.capture.soundness import Soundness
from edge.errors import CaptureError
from edge.histogram import StageTimes
from edge.rules.port import Draft, Event
from protos.ids import Lane
from protos.v1.event_batch_pb2 import EventBatch

_log = structlog.get_logger(__name__)

JOIN_TIMEOUT_S = 15.0
"""A read that does not come back is left behind; it is a daemon thread."""

NOTE_EVERY_S = 10.0
"""A change of the stream is told as an event at most so often, for each sort of change."""


@dataclass(frozen=True, slots=True)
class CameraView:
    """How a camera is at one moment.

    Attributes:
        state: the phase of its life, see `machine`.
        reason: one word why, empty while all is well.
        decoder: what really decodes it, empty before it was open.
        width_px: of its latest picture, 0 before the first.
        height_px: of its latest picture.
        fps: pictures that it brings a second; 0 before that is known, and while it brings none.
        reconnects: times that it came back.
        clock_resets: times that its timestamps jumped.
        hanging: attempts that were replaced and have not come back.
        dropped: pictures that were useless, by cause.
    """

    state: str
    reason: str
    decoder: str
    width_px: int
    height_px: int
    fps: float
    reconnects: int
    clock_resets: int
    hanging: int
    dropped: Mapping[str, int]


class Reader:
    """Reads one camera into its slot, in threads of its own.

    A stream that breaks is opened again, for as long as it takes; a file that cannot be read
    ends with its error. When nothing more will come, the slot is closed. Use it as a context:
    entering it begins to read, leaving it ends the threads.

    Args:
        camera: id of the camera.
        open_source: opens its source.
        slot: where frames go.
        report: takes the camera's CAMERA_STATE events.
        now_ns: the clock by which frames are captured.
        limits: what the camera may take.
        soundness: judges its pictures.
        draw: an even draw from [0, 1), for jitter.
        times: told how long a picture takes to its slot.
        passed: sees each usable frame before anybody else, and says what they see; None: the frame.
    """

    def __init__(
        self,
        camera: str,
        open_source: Open,
        slot: Inlet,
        report: Callable[[Draft], None],
        now_ns: Callable[[], int],
        limits: Limits,
        soundness: Soundness,
        draw: Callable[[], float] = random.random,
        times: StageTimes | None = None,
        passed: Callable[[Frame], Frame] | None = None,
    ) -> None:
        self._camera = camera
        self._open = open_source
        self._slot = slot
        self._report = report
        self._now_ns = now_ns
        self._limits = limits
        self._soundness = soundness
        self._passed = passed
        self._draw = draw
        self._times = times or StageTimes()
        self._changed = threading.Condition(threading.RLock())
        self._life = Life()
        self._attempts: dict[int, Attempt] = {}
        self._thread = threading.Thread(target=self._keep_time, name=f"keep-{camera}", daemon=True)
        self._is_over = False
        self._error: Exception | None = None
        self._last_ns = 0
        self._noted_s: dict[str, float] = {}
        self._dropped: Counter[str] = Counter()
        self._decoder = ""
        self._resets = 0
        self._log = _log.bind(camera_id=camera)
        self.frames = 0
        self.total_frames: int | None = None

    def __enter__(self) -> "Reader":
        self._thread.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self.stop()
        self._thread.join(JOIN_TIMEOUT_S)
        deadline_s = time.monotonic() + JOIN_TIMEOUT_S
        with self._changed:
            awaited = [a for a in self._attempts.values() if not a.was_replaced]
        for attempt in awaited:
            if not attempt.join(max(0.0, deadline_s - time.monotonic())):
                self._log.warning("camera does not let go of its source", timeout_s=JOIN_TIMEOUT_S)

    @property
    def state(self) -> str:
        """The phase of the camera's life."""
        return self._life.phase.value

    @property
    def view(self) -> CameraView:
        """How the camera is now."""
        life, sound = self._life, self._soundness
        is_heard = life.phase in (Phase.LIVE, Phase.STALLED) and life.reason != "silent"
        return CameraView(
            state=life.phase.value,
            reason=life.reason,
            decoder=self._decoder,
            width_px=sound.width_px,
            height_px=sound.height_px,
            fps=sound.fps if is_heard else 0.0,
            reconnects=life.reconnects,
            clock_resets=self._resets,
            hanging=life.hanging,
            dropped=dict(self._dropped),
        )

    def stop(self) -> None:
        """Ask it to end, without waiting; no further frame comes, even if a read hangs."""
        with self._changed:
            self._end()

    def check(self) -> None:
        """Raise what ended the reader, if it was an error.

        Raises:
            CaptureError: a file could not be read.
            OutboxError: or whatever else `report` raised.
        """
        if self._error is not None:
            raise self._error

    # What the attempts find, each in its own thread.

    def opened(self, attempt: Attempt, source: Source) -> None:
        """The source is open."""
        with self._changed:
            if attempt.number == self._life.attempt:
                self.total_frames = source.total_frames
                self._decoder = source.decoder
                self._resets = source.clock_resets
                self._soundness.reconnected()
            self._step(machine.Answered(attempt.number))

    def pictured(self, attempt: Attempt, frame: Frame, source: Source) -> bool:
        """A frame was read; False when no further one is wanted."""
        begun_ns = time.monotonic_ns()
        with self._changed:
            if self._is_over or attempt.number != self._life.attempt:
                return False
            self.frames += 1
            self._last_ns = frame.captured_ns
            if not self._is_usable(attempt, frame, source):
                return not self._is_over
            self._times.capture.record(time.monotonic_ns() - begun_ns)
            if not source.lossless:
                return self._put(frame)
        return self._put(frame)  # it may wait for room, and nobody else shall wait for that

    def broke(self, attempt: Attempt, error: CaptureError) -> None:
        """The source cannot be opened, or broke."""
        with self._changed:
            if self._limits.is_final and not self._is_over:
                self._error = error
            reason = "lost" if attempt.is_open else "unreachable"
            self._step(machine.Broke(attempt.number, reason, str(error)))

    def ended(self, attempt: Attempt, source: Source) -> None:
        """The source has come to its end."""
        with self._changed:
            total = source.total_frames
            detail = f"{self.frames} of {total} frames" if total else ""
            self._step(machine.Ended(attempt.number, detail))

    def crashed(self, attempt: Attempt, error: Exception) -> None:
        """Something went wrong that is no fault of the camera."""
        with self._changed:
            self._error = error
            self._end()

    def left(self, attempt: Attempt) -> None:
        """The thread is about to end."""
        with self._changed:
            del self._attempts[attempt.number]
            if attempt.was_replaced:
                self._step(machine.CameBack())

    def _put(self, frame: Frame) -> bool:
        if self._slot.put(self._passed(frame) if self._passed else frame):
            return True
        self.frames -= 1  # it was told to end meanwhile: as if the frame had not been read
        return False

    def _is_usable(self, attempt: Attempt, frame: Frame, source: Source) -> bool:
        verdict = self._soundness.judge(frame.image, frame.captured_ns, time.monotonic())
        number, at_ns = attempt.number, frame.captured_ns
        if verdict.is_usable:
            self._step(machine.Pictured(number), at_ns)
        else:
            self._dropped[verdict.flaw or "corrupt"] += 1
            what = machine.Pictured(number, verdict.flaw, verdict.detail)
            self._step(what if verdict.flaw else machine.Answered(number), at_ns)
        changes = list(verdict.changes)
        if source.clock_resets != self._resets:
            self._resets = source.clock_resets
            changes.append(("timestamps", "they jumped; their mapping to time begins anew"))
        for reason, detail in changes:
            self._note(number, reason, detail, at_ns)
        return verdict.is_usable

    def _note(self, number: int, reason: str, detail: str, at_ns: int) -> None:
        now_s = time.monotonic()
        if now_s - self._noted_s.get(reason, -NOTE_EVERY_S) >= NOTE_EVERY_S:
            self._noted_s[reason] = now_s
            self._step(machine.Noted(number, reason, detail), at_ns)

    # The machine, and what it asks for.

    def _step(self, happening: machine.Happening, at_ns: int | None = None) -> None:
        """Let the machine decide, and do what it asks for; the lock is held."""
        if self._is_over:
            return
        self._life, actions = machine.step(
            self._life, happening, time.monotonic(), self._limits, self._draw()
        )
        try:
            for action in actions:
                self._act(action, at_ns)
        except Exception as error:  # noqa: BLE001 - raised again in the pipeline
            self._error = error
            self._end()
        if actions or not isinstance(happening, machine.Pictured | machine.Answered):
            self._changed.notify_all()

    def _act(self, action: machine.Action, at_ns: int | None) -> None:
        match action:
            case machine.Open(number):
                attempt = Attempt(self._camera, number, self._open, self)
                self._attempts[number] = attempt
                attempt.start()
            case machine.LetGo(number):
                self._attempts[number].was_replaced = True
                self._attempts[number].let_go()
            case machine.Tell():
                self._tell(action, at_ns)
            case machine.Finish():
                self._end()

    def _end(self) -> None:
        self._is_over = True
        self._slot.close()
        for attempt in self._attempts.values():
            attempt.let_go()
        self._changed.notify_all()

    def _tell(self, told: machine.Tell, at_ns: int | None) -> None:
        state, detail = told.phase.value, ": ".join(filter(None, (told.reason, told.detail)))
        if told.phase is not Phase.FAILED or not self._limits.is_final:
            # A file's error is told by who runs us.
            is_well = told.phase in (Phase.LIVE, Phase.ENDED)
            log = self._log.info if is_well else self._log.warning
            log("camera state", state=state, detail=detail, frames=self.frames)
        captured_ns = at_ns or self._now_ns()
        if told.phase is Phase.ENDED:
            captured_ns = self._last_ns or captured_ns
        event = Event(
            camera=self._camera, captured_ns=captured_ns, kind=EventBatch.CAMERA_STATE,
            frame=max(0, self.frames - 1),
            camera_status=EventBatch.CameraStatus(state=state, detail=detail),
        )  # fmt: skip
        self._report(Draft(Lane.STATE, event))

    def _keep_time(self) -> None:
        with self._changed:
            self._step(machine.Started())
            while not self._is_over:
                due_s = machine.deadline_s(self._life, self._limits)
                left_s = None if due_s is None else due_s - time.monotonic()
                if left_s is None or left_s > 0:
                    self._changed.wait(left_s)
                else:
                    self._step(machine.Ticked())
