"""The thread that does effects, one after the other; what cannot wait is done in between."""

import threading
from collections import deque
from collections.abc import Callable
from functools import partial

from edge.ota.life import Effect, Happening, Life

JOIN_S = 10.0
"""What an effect gets to end when the agent stops."""


class Job:
    """An effect that is to be done.

    Attributes:
        life: as it was when the effect was decided.
        effect: any but STOP.
        stop: ends the attempt that is under way.
        is_off: nothing is heard of it any more.
    """

    __slots__ = ("effect", "is_off", "life", "stop")

    def __init__(self, life: Life, effect: Effect) -> None:
        self.life = life
        self.effect = effect
        self.stop = threading.Event()
        self.is_off = False


Perform = Callable[[Life, Effect, threading.Event, Callable[[Happening], None]], bool]
"""Does an effect; False where it was stopped before it had told its end."""


class Worker:
    """Does jobs, one at a time. Use it as a context.

    Args:
        perform: does an effect.
        tell: is told what came of a job, in between and at its end.
    """

    def __init__(self, perform: Perform, tell: Callable[[Job, Happening], None]) -> None:
        self._perform = perform
        self._tell = tell
        self._changed = threading.Condition()
        self._jobs: deque[Job] = deque()
        self._urgent: deque[Callable[[], None]] = deque()
        self._latest: dict[str, Job] = {}
        self._current: Job | None = None
        self._is_over = False
        self._thread = threading.Thread(target=self._run, name="updates-work", daemon=True)

    def __enter__(self) -> "Worker":
        self._thread.start()
        return self

    def __exit__(self, *exception: object) -> None:
        with self._changed:
            self._is_over = True
            if self._current is not None:
                self._current.stop.set()
            self._changed.notify()
        self._thread.join(JOIN_S)

    def do(self, life: Life, effect: Effect) -> None:
        """Have an effect done after those that wait; but a roll-back is the next one."""
        job = Job(life, effect)
        with self._changed:
            self._latest[life.order.family] = job
            if effect is Effect.ROLL_BACK:
                self._jobs.appendleft(job)
            else:
                self._jobs.append(job)
            self._changed.notify()

    def call_off(self, family: str) -> None:
        """Hear nothing any more of what was last to be done for a family."""
        with self._changed:
            job = self._latest.pop(family, None)
            if job is not None:
                job.is_off = True
                job.stop.set()

    def first(self, act: Callable[[], None]) -> None:
        """Have something done at once, which must not raise; what is under way begins anew then.

        It can: effects may be done again, and find what they did before.
        """
        with self._changed:
            self._urgent.append(act)
            if self._current is not None:
                self._current.stop.set()
            self._changed.notify()

    def _run(self) -> None:
        while (act := self._next()) is not None:
            act()

    def _next(self) -> Callable[[], None] | None:
        """What is to be done now; None at the end."""
        with self._changed:
            self._changed.wait_for(lambda: self._urgent or self._jobs or self._is_over)
            if self._is_over:
                return None
            if self._urgent:
                return self._urgent.popleft()
            job = self._current = self._jobs.popleft()
            return partial(self._do, job)

    def _do(self, job: Job) -> None:
        is_done = job.is_off or self._perform(
            job.life, job.effect, job.stop, partial(self._tell, job)
        )
        with self._changed:
            self._current = None
            if not is_done and not job.is_off:
                job.stop = threading.Event()
                self._jobs.appendleft(job)
