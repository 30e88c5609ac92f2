"""All networks that cameras use: each loaded once, each with one scheduler for all cameras.

A network's model may be exchanged while frames pass (edge/ota/); its scheduler, its cameras and
its settings stay.
"""

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import structlog

from edge.histogram import Distribution, NetworkTimes
from edge.infer.batching import GPU_WORKERS, batching_for, is_gpu
from edge.infer.port import Looker, Model, Observer
from edge.infer.probe import probe_workers
from edge.infer.scheduler import Scheduler
from edge.infer.settings import InferSettings
from edge.meter import NetworkStats
from edge.network import PROBE_SHAPE, LoadedNetwork, load_network
from edge.settings import EdgeSettings
from edge.track.settings import TrackerSettings
from edge.watchdog import Watchdog
from models import zoo
from models.areas import Areas
from models.detections import Detections
from models.errors import ModelError
from models.manifest import Manifest
from models.segmenter import Segmenter

Observe = Callable[[str, LoadedNetwork], Observer[Any]]
"""Makes who is told what the network of a model finds, by the model's name."""

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class DetectorInUse:
    """A network that finds objects: its model, who runs it, and its tracker's settings."""

    model: Model
    scheduler: Scheduler[Detections]
    tracker: TrackerSettings


@dataclass(frozen=True, slots=True)
class SegmenterInUse:
    """A network that finds areas: its model, and who runs it."""

    model: Model
    scheduler: Scheduler[Areas]


class Networks:
    """All networks that cameras use.

    Args:
        settings: of the agent.
        watchdog: ends the process when an inference does not come back.
        folders: of records that are loaded in the place of the settings' own models, by their
            names.
        refused: asked for another folder when one cannot be loaded; None: the settings' own.
        observe: makes who is told what a network finds; None: nobody is.

    Raises:
        AssetError, EngineError, ManifestError: a network cannot be used; none stays loaded.
    """

    def __init__(
        self,
        settings: EdgeSettings,
        watchdog: Watchdog,
        folders: Mapping[str, Path] | None = None,
        refused: Callable[[str, ModelError], Path | None] = lambda family, error: None,
        observe: Observe | None = None,
    ) -> None:
        self._settings = settings
        self._families = {
            key: zoo.manifest(model.name).name for key, model in settings.models_in_use.items()
        }
        self._exchanging = threading.Lock()
        with ExitStack() as undo:
            self._loaded: dict[str | None, LoadedNetwork] = {}
            self._times = {key: NetworkTimes() for key in settings.models_in_use}
            for key, family in self._families.items():
                folder = (folders or {}).get(family)
                self._loaded[key] = loaded = self._first(key, family, folder, refused)
                undo.callback(loaded.close)
                loaded.network.steps = self._times[key]
            self._schedulers: Mapping[str | None, Scheduler[Any]] = {
                key: self._scheduler(
                    key, watchdog, observe(family, self._loaded[key]) if observe else None
                )
                for key, family in self._families.items()
            }
            undo.pop_all()
        if None not in self._loaded:
            _log.info("model not loaded, as every camera names another", model=settings.model.name)

    @contextmanager
    def at_work(self) -> Iterator[None]:
        """While frames are inferred; at the end the networks are closed."""
        with ExitStack() as ends:
            ends.callback(self._close)
            for scheduler in self._schedulers.values():
                ends.enter_context(scheduler)
            yield

    @contextmanager
    def upgraded(self) -> Iterator[None]:
        """While faster engines are made ready and take over."""
        with ExitStack() as ends:
            for loaded in list(self._loaded.values()):
                ends.enter_context(loaded.upgrade)
            yield

    def keys(self, family: str) -> Sequence[str | None]:
        """The networks that are of a model of this name, by the ids that cameras name."""
        return [key for key, name in self._families.items() if name == family]

    @property
    def families(self) -> Sequence[str]:
        """Names of the models in use, as the settings have them."""
        return list(dict.fromkeys(self._families.values()))

    @property
    def manifests(self) -> Mapping[str | None, Manifest]:
        """Of the networks that look at frames now, by the ids that cameras name."""
        return {key: loaded.model.manifest for key, loaded in self._loaded.items()}

    def load(self, key: str | None, folder: Path | None = None) -> LoadedNetwork:
        """A network of its own, with the settings of one in use; who asks for it closes it.

        Args:
            key: of the one in use.
            folder: of a record that takes the place of the settings' own model; None: that.

        Raises:
            AssetError, EngineError, ManifestError, RecordError: it cannot be used.
        """
        model = self._settings.models_in_use[key]
        if folder is not None:
            model = model.model_copy(update={"name": str(folder)})
        return load_network(self._settings, model)

    def loaded(self, key: str | None) -> LoadedNetwork:
        """The network that looks at frames now."""
        return self._loaded[key]

    def exchange(
        self,
        key: str | None,
        loaded: LoadedNetwork,
        observer: Observer[Any] | None = None,
        incumbent: LoadedNetwork | None = None,
    ) -> LoadedNetwork:
        """Have another network look at the frames that come next, between two frames.

        Args:
            key: of the network.
            loaded: that looks from now on; closed with all others at the end.
            observer: is told what it finds.
            incumbent: that looks at what it fails on; None: a failure ends the agent.

        Returns:
            the one that looked before, which has ended its last frame; who asks closes it.
        """
        with self._exchanging:
            before, self._loaded[key] = self._loaded[key], loaded
            loaded.network.steps = self._times[key]
            beside = None if incumbent is None else _looker(incumbent, None)
            self._schedulers[key].exchange(_looker(loaded, observer, beside))
        return before

    def _first(
        self,
        key: str | None,
        family: str,
        folder: Path | None,
        refused: Callable[[str, ModelError], Path | None],
    ) -> LoadedNetwork:
        """The first network that can be loaded: of a folder, of others, the settings' own."""
        tried: set[Path] = set()
        while folder is not None and folder not in tried:
            tried.add(folder)
            try:
                return self.load(key, folder)
            except ModelError as error:
                folder = refused(family, error)
        return self.load(key)

    def _close(self) -> None:
        for loaded in self._loaded.values():
            loaded.close()

    def _scheduler(
        self, key: str | None, watchdog: Watchdog, observer: Observer[Any] | None
    ) -> Scheduler[Any]:
        loaded, settings = self._loaded[key], self._settings.infer
        return Scheduler(
            _looker(loaded, observer),
            _workers(settings, loaded),
            watchdog,
            lambda: batching_for(settings, self._loaded[key].network.engine),
            f"infer-{key or 'model'}",
        )

    def detector(self, key: str | None) -> DetectorInUse:
        """The network that finds objects for cameras that name it so."""
        loaded = self._loaded[key]
        assert loaded.tracker is not None, "the settings were checked"
        return DetectorInUse(loaded.model, self._schedulers[key], loaded.tracker)

    def segmenter(self, key: str) -> SegmenterInUse:
        """The network that finds areas for cameras that name it so."""
        return SegmenterInUse(self._loaded[key].model, self._schedulers[key])

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


def _looker(
    loaded: LoadedNetwork, observer: Observer[Any] | None, incumbent: Looker[Any] | None = None
) -> Looker[Any]:
    network: Any = loaded.network
    return Looker(network, loaded.model, observer, incumbent)


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
