"""An engine whose network may be replaced while threads run it."""

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import numpy as np

from models.engines.batches import run_in_parts
from models.engines.fit import shapes_fit
from models.engines.port import Engine, Tensor, TensorSpec
from models.errors import EngineError


class _Held:
    """An engine, and how many threads are inside it."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.runs = 0


class SwitchingEngine:
    """Runs one engine, until it is given another; see `Engine`.

    A run that is under way finishes on the engine it began on. Nobody waits for it but the thread
    that replaces the engine, so frames pass all the time.

    Args:
        engine: the first; this closes it.
    """

    def __init__(self, engine: Engine) -> None:
        self._held = _Held(engine)
        self._closed = False
        self._idle = threading.Condition()

    @property
    def name(self) -> str:
        """Of the engine that the next run will use."""
        return self._held.engine.name

    @property
    def inputs(self) -> Sequence[TensorSpec]:
        """What `run` takes."""
        return self._held.engine.inputs

    @property
    def outputs(self) -> Sequence[TensorSpec]:
        """What `run` returns, in this order."""
        return self._held.engine.outputs

    @property
    def most_at_once(self) -> int | None:
        """Of the engine that the next run will probably use; more are taken in parts."""
        return self._held.engine.most_at_once

    def run(self, *inputs: Tensor) -> Sequence[Tensor]:
        """See `Engine.run`."""
        with self._entered() as engine:
            return run_in_parts(engine, *inputs)

    def switch(self, engine: Engine) -> None:
        """Run this engine from now on, and close the one before once its last run is over.

        Args:
            engine: of the same inputs and outputs; this closes it, unless it is refused.

        Raises:
            EngineError: its inputs or outputs differ, or this is closed; all stays as it was.
        """
        check_same(self._held.engine, engine)
        with self._idle:
            if self._closed:
                raise EngineError("the engine is closed")
            before, self._held = self._held, _Held(engine)
            self._idle.wait_for(lambda: before.runs == 0)
        before.engine.close()

    def close(self) -> None:
        """Close the engine in use; runs that are under way finish as it lets them."""
        with self._idle:
            self._closed = True
            held = self._held
        held.engine.close()

    @contextmanager
    def _entered(self) -> Iterator[Engine]:
        with self._idle:
            held = self._held
            held.runs += 1
        try:
            yield held.engine
        finally:
            with self._idle:
                held.runs -= 1
                if held.runs == 0:
                    self._idle.notify_all()


def check_same(engine: Engine, other: Engine) -> None:
    """Return when two engines take and return the same; a free dimension fits any.

    Raises:
        EngineError: they do not; the message names the first tensor that differs.
    """
    for what, mine, others in (
        ("input", engine.inputs, other.inputs),
        ("output", engine.outputs, other.outputs),
    ):
        if len(mine) != len(others):
            raise EngineError(
                f"{other.name} has {len(others)} {what}s, {engine.name} has {len(mine)}"
            )
        for a, b in zip(mine, others, strict=True):
            same = a.name == b.name and np.dtype(a.dtype) == np.dtype(b.dtype)
            if not same or not shapes_fit(a.shape, b.shape):
                raise EngineError(f"{what} of {other.name} is {b}, of {engine.name} {a}")
