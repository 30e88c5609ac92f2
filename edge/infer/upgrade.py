"""A faster engine, made ready in the background and taken while frames pass.

The engine that serves goes on until the other was built, loaded, tried and found to answer the
same. Whatever goes wrong on the way is said once, and nothing else changes.
"""

import threading
import time
from collections.abc import Callable, Mapping

import numpy as np
import structlog

from edge.infer.proof import Proof
from models.detections import Image
from models.engines.port import Engine, Tensor
from models.engines.switching import SwitchingEngine, check_same
from models.errors import ModelError

_log = structlog.get_logger(__name__)

Prepare = Callable[[threading.Event], Engine]
"""Makes the faster engine, for minutes perhaps; the event calls that off. Raises ModelError."""

_POLL_S = 0.1

JOIN_S = 10.0
"""What an engine that is just being loaded gets to end when the agent stops."""


def probe_picture(height: int, width: int, seed: int = 0) -> Image:
    """A picture (H, W, 3) uint8 with something everywhere; the same each time for a seed.

    Soft blotches of every colour at several scales, as networks are blind to plain noise.
    """
    rng = np.random.default_rng(seed)
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
        probe: input on which both are timed.
        proof: that the other answers the same, or it is refused.
    """

    def __init__(
        self, engine: SwitchingEngine, prepare: Prepare, probe: Tensor, proof: Proof
    ) -> None:
        self._engine = engine
        self._prepare = prepare
        self._probe = probe
        self._proof = proof
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="upgrade", daemon=True)

    def __enter__(self) -> "Upgrade":
        self.begin()
        return self

    def __exit__(self, *exception: object) -> None:
        self.call_off()

    def begin(self) -> None:
        """Make the other engine ready in the background."""
        self._thread.start()

    def call_off(self) -> None:
        """End it, if it has begun; what has taken over serves on."""
        self._stop.set()
        if self._thread.ident is not None:
            self._thread.join(JOIN_S)

    def hurry(self, stop: threading.Event) -> None:
        """Begin, and return when the other engine has taken over or will not.

        Args:
            stop: calls it off.
        """
        self.begin()
        while self._thread.is_alive():
            if stop.wait(_POLL_S):
                self.call_off()
                return
            self._thread.join(_POLL_S)

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

    def _compared(self, faster: Engine) -> Mapping[str, float]:
        """How the engine does beside the one that serves.

        Raises:
            ModelError: it fails, or answers otherwise.
        """
        check_same(self._engine, faster)
        figures = self._proof(self._engine, faster)
        return {
            **figures, "before_ms": self._timed_ms(self._engine),
            "after_ms": self._timed_ms(faster),
        }  # fmt: skip

    def _timed_ms(self, engine: Engine) -> float:
        """Of the second run, as the first one warms up."""
        engine.run(self._probe)
        begun_s = time.monotonic()
        engine.run(self._probe)
        return round((time.monotonic() - begun_s) * 1e3, 1)
