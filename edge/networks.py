"""All networks that cameras use: each loaded once, each with one scheduler for all cameras."""

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import structlog

from edge.histogram import Distribution, NetworkTimes
from edge.infer.batching import GPU_WORKERS, batching_for, is_gpu
from edge.infer.probe import probe_workers
from edge.infer.scheduler import Scheduler
from edge.infer.settings import InferSettings
from edge.meter import NetworkStats
from edge.network import PROBE_SHAPE, LoadedNetwork, load_network
from edge.settings import EdgeSettings
from edge.track.settings import TrackerSettings
from edge.watchdog import Watchdog
from models.areas import Areas
from models.detections import Detections
from models.manifest import Manifest
from models.segmenter import Segmenter

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class DetectorInUse:
    """A network that finds objects: its manifest, who runs it, and its tracker's settings."""

    manifest: Manifest
    scheduler: Scheduler[Detections]
    tracker: TrackerSettings


@dataclass(frozen=True, slots=True)
class SegmenterInUse:
    """A network that finds areas: its manifest, and who runs it."""

    manifest: Manifest
    scheduler: Scheduler[Areas]


class Networks:
    """All networks that cameras use.

    Args:
        settings: of the agent.
        watchdog: ends the process when an inference does not come back.

    Raises:
        AssetError, EngineError, ManifestError: a network cannot be used; none stays loaded.
    """

    def __init__(self, settings: EdgeSettings, watchdog: Watchdog) -> None:
        with ExitStack() as undo:
            self._loaded: dict[str | None, LoadedNetwork] = {}
            self._times = {key: NetworkTimes() for key in settings.models_in_use}
            for key, model in settings.models_in_use.items():
                self._loaded[key] = load_network(settings, model)
                undo.callback(self._loaded[key].network.close)
                self._loaded[key].network.steps = self._times[key]
            self._schedulers: Mapping[str | None, Scheduler[Any]] = {
                key: _scheduler(settings.infer, key, loaded, watchdog)
                for key, loaded in self._loaded.items()
            }
            undo.pop_all()
        if None not in self._loaded:
            _log.info("model not loaded, as every camera names another", model=settings.model.name)

    @contextmanager
    def at_work(self) -> Iterator[None]:
        """While frames are inferred; at the end the networks are closed."""
        with ExitStack() as ends:
            for key, scheduler in self._schedulers.items():
                ends.callback(self._loaded[key].network.close)
                ends.enter_context(scheduler)
            yield

    @contextmanager
    def upgraded(self) -> Iterator[None]:
        """While faster engines are made ready and take over."""
        with ExitStack() as ends:
            for loaded in self._loaded.values():
                ends.enter_context(loaded.upgrade)
            yield

    def detector(self, key: str | None) -> DetectorInUse:
        """The network that finds objects for cameras that name it so."""
        loaded = self._loaded[key]
        assert loaded.tracker is not None, "the settings were checked"
        return DetectorInUse(loaded.network.manifest, self._schedulers[key], loaded.tracker)

    def segmenter(self, key: str) -> SegmenterInUse:
        """The network that finds areas for cameras that name it so."""
        return SegmenterInUse(self._loaded[key].network.manifest, self._schedulers[key])

    @property
    def stats(self) -> list[NetworkStats]:
        """Every network now, the agent's `model` first."""
        return [
            NetworkStats(
                key,
                loaded.network.manifest.name,
                loaded.network.manifest.version,
                loaded.network.engine.name,
                self._schedulers[key].stats,
                loaded.record,
            )
            for key, loaded in self._loaded.items()
        ]

    def steps(self) -> dict[str | None, dict[str, Distribution]]:
        """How long the steps of each network take, in the order of `stats`."""
        return {key: times.distributions() for key, times in self._times.items()}


def _scheduler(
    settings: InferSettings, key: str | None, loaded: LoadedNetwork, watchdog: Watchdog
) -> Scheduler[Any]:
    network: Any = loaded.network
    return Scheduler(
        network,
        _workers(settings, loaded),
        watchdog,
        lambda: batching_for(settings, network.engine),
        f"infer-{key or 'model'}",
    )


def _workers(settings: InferSettings, loaded: LoadedNetwork) -> int:
    """Threads of a network, for all cameras: on a CPU as many as pay.

    A network for areas looks at few frames beside one for objects, on the same cores: it gets one.
    """
    from edge.capture.opencv import prepare_opencv

    network = loaded.network
    if settings.workers != "auto":
        return settings.workers
    if is_gpu(network.engine):
        return GPU_WORKERS
    if isinstance(network, Segmenter):
        return 1
    prepare_opencv()
    return probe_workers(network, np.zeros((*PROBE_SHAPE, 3), np.uint8))
