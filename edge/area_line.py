"""One camera's frames through a network for areas, beside the one for objects.

    slot ──Scheduler──> areas ──AreaRules──> drafts ──> sink

It runs in a thread of its own, so neither network waits for the other's rules.
"""

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from edge.capture.slot import Slot
from edge.infer.port import Model
from edge.infer.scheduler import Scheduler
from edge.infer.settings import ShareSettings
from edge.meter import AreaStats, Meter
from edge.rules.areas.port import AreaRules
from edge.rules.port import Draft
from models.areas import Areas


@dataclass(frozen=True, slots=True)
class AreaStages:
    """What a frame passes on its way to events about areas.

    Attributes:
        model: id of the network.
        scheduler: of the network, at work.
        rules: about what it finds.
        share: frames that it looks at.
        found_by: the model that the rules were made for; None where the scheduler knows none.
    """

    model: str
    scheduler: Scheduler[Areas]
    rules: AreaRules
    share: ShareSettings
    found_by: Model | None = None


class AreaLine:
    """A camera's frames on their way to events about areas. Use it as a context.

    Leaving it waits until frames that were put into a slot that is closed are worked off.

    Args:
        camera: id of the camera.
        stages: what a frame passes.
        slot: where its frames come from; this closes it when it fails.
        burst: results that are handed on together, see `Feed`.
        sink: takes events over.
        failed: is told when the network or the sink has failed.
    """

    def __init__(
        self,
        camera: str,
        stages: AreaStages,
        slot: Slot,
        burst: int,
        sink: Callable[[Sequence[Draft]], None],
        failed: Callable[[], None],
    ) -> None:
        self._stages = stages
        self._slot = slot
        self._burst = burst
        self._sink = sink
        self._failed = failed
        self._error: BaseException | None = None
        self._meter = Meter()
        self._thread = threading.Thread(target=self._run, name=f"areas-{camera}-{stages.model}")

    def __enter__(self) -> "AreaLine":
        self._thread.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._slot.close()
        self._thread.join()

    def check(self) -> None:
        """Raise what ended it, if it was an error.

        Raises:
            EngineError: the network failed.
            OutboxError: of the sink.
        """
        if self._error is not None:
            raise self._error

    @property
    def stats(self) -> AreaStats:
        """Its figures now."""
        return AreaStats(
            model=self._stages.model,
            frames_inferred=self._meter.frames,
            dropped={str(cause): count for cause, count in self._slot.dropped.items()},
            fps=self._meter.fps,
            latency_ms=self._meter.latency_ms,
        )

    def _run(self) -> None:
        stages = self._stages
        feed = stages.scheduler.feed(self._slot, burst=self._burst, min_fps=stages.share.min_fps)
        model = stages.found_by
        try:
            with feed:
                for inferred in feed:
                    self._meter.tracked(inferred.read_ns, 0)
                    if inferred.model is not None and inferred.model is not model:
                        model, manifest = inferred.model, inferred.model.manifest
                        stages.rules.follow(manifest.classes, manifest.name, manifest.version)
                    self._sink(
                        stages.rules.step(inferred.found, inferred.captured_ns, inferred.number)
                    )
        except BaseException as error:  # noqa: BLE001 - raised by `check`
            self._error = error
            self._failed()
