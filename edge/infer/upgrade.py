"""A faster engine, made ready in the background and taken while frames pass.

The engine that serves goes on until the other was built, loaded, tried on a picture and found to
answer the same. Whatever goes wrong on the way is said once, and nothing else changes.
"""

import threading
import time
from collections.abc import Callable, Sequence

import numpy as np
import structlog

from models.detections import Image
from models.engines.deviation import deviation
from models.engines.port import Engine, Tensor
from models.engines.switching import SwitchingEngine, check_same
from models.errors import EngineError, ModelError

_log = structlog.get_logger(__name__)

Prepare = Callable[[threading.Event], Engine]
"""Makes the faster engine, for minutes perhaps; the event calls that off. Raises ModelError."""

JOIN_S = 10.0
"""What an engine that is just being loaded gets to end when the agent stops."""


def probe_picture(height: int, width: int) -> Image:
    """A picture (H, W, 3) uint8 with something everywhere; the same each time.

    Soft blotches of every colour at several scales, as networks are blind to plain noise.
    """
    rng = np.random.default_rng(0)
    picture = np.zeros((height, width, 3))
    for cells in (2, 8, 32):
        rows = np.arange(height) * cells // height
        columns = np.arange(width) * cells // width
        picture += rng.uniform(0, 85, (cells, cells, 3))[rows[:, None], columns]
    return picture.astype(np.uint8)


class Upgrade:
    """Replaces an engine by a faster one. Use it as a context: leaving it calls a build off.

    Args:
        engine: that serves.
        prepare: makes the other.
        probe: input on which both are tried.
        tolerance: see `deviation`; an engine that differs by more is refused.
    """

    def __init__(
        self, engine: SwitchingEngine, prepare: Prepare, probe: Tensor, tolerance: float
    ) -> None:
        self._engine = engine
        self._prepare = prepare
        self._probe = probe
        self._tolerance = tolerance
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="upgrade", daemon=True)

    def __enter__(self) -> "Upgrade":
        self._thread.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._stop.set()
        self._thread.join(JOIN_S)

    def _run(self) -> None:
        try:
            self._take(self._prepare(self._stop))
        except Exception as error:  # noqa: BLE001 - what serves must serve on, whatever this was
            if not self._stop.is_set():
                expected = isinstance(error, ModelError)
                _log.warning(
                    "no faster engine", engine=self._engine.name, reason=str(error),
                    exc_info=not expected,
                )  # fmt: skip

    def _take(self, faster: Engine) -> None:
        """Switch to an engine, or close it where it is no good."""
        before = self._engine.name
        try:
            figures = self._compared(faster)
            self._engine.switch(faster)
        except BaseException:
            faster.close()
            raise
        _log.info("faster engine taken", engine=faster.name, before=before, **figures)

    def _compared(self, faster: Engine) -> dict[str, float]:
        """How the engine does beside the one that serves.

        Raises:
            EngineError: it fails, or answers otherwise.
        """
        check_same(self._engine, faster)
        before_ms, expected = self._tried(self._engine)
        after_ms, actual = self._tried(faster)
        off = deviation(expected, actual)
        if not off <= self._tolerance:
            raise EngineError(
                f"{faster.name} answers otherwise than {self._engine.name}: off by {off:.3g}, "
                f"and {self._tolerance:g} is allowed"
            )
        return {"off": round(off, 5), "before_ms": before_ms, "after_ms": after_ms}

    def _tried(self, engine: Engine) -> tuple[float, Sequence[Tensor]]:
        """Milliseconds of the second run, as the first one warms up; and its answer."""
        engine.run(self._probe)
        begun_s = time.monotonic()
        answer = engine.run(self._probe)
        return round((time.monotonic() - begun_s) * 1e3, 1), answer
