"""The models of a running agent, exchanged between two frames; see `Serving`.

prepare    load beside the one that serves, does it fit, its engine, its golden inputs
activate   the next frames go to it, those in flight end where they began
roll back  the same the other way round: the incumbent was never let go
"""

import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import structlog

from edge.errors import OtaError
from edge.infer.batching import is_gpu
from edge.infer.upgrade import probe_picture
from edge.misfits import misfits
from edge.network import PROBE_SHAPE, LoadedNetwork
from edge.networks import Networks
from edge.ota.probation import Baseline, ProbationLimits
from edge.ota.serving import Trial
from edge.ota.sightings import Sightings, areas_of, objects_of
from edge.ota.states import Code
from edge.settings import EdgeSettings
from models.errors import (
    AssetError,
    EngineError,
    ManifestError,
    ModelError,
    RecordError,
)
from models.record.reading import read_record
from models.record.selftest import self_test
from wayside.errors import SettingsError
from wayside.settings import dotted

_POLL_S = 0.5
_PATIENCE = 3
"""Times the time of a whole baseline that an activation waits for it."""

_log = structlog.get_logger(__name__)

Key = str | None


class Counts:
    """Who counts what each network finds.

    Args:
        limits: of probation.
        monotonic_s: the monotonic clock.
    """

    def __init__(
        self, limits: ProbationLimits, monotonic_s: Callable[[], float] = time.monotonic
    ) -> None:
        self.limits = limits
        self._monotonic_s = monotonic_s
        self._of: dict[str, Sightings[Any]] = {}

    def incumbent(self, family: str, loaded: LoadedNetwork) -> Sightings[Any]:
        """Of the network that serves a family; the same for all that do."""
        return self._of.setdefault(family, self._new(loaded, self.limits.least_blocks, 0))

    def anew(self, family: str, loaded: LoadedNetwork) -> Sightings[Any]:
        """The same, from now on another's."""
        self._of.pop(family, None)
        return self.incumbent(family, loaded)

    def trial(self, loaded: LoadedNetwork) -> Sightings[Any]:
        """Of a network on trial."""
        return self._new(loaded, 100 * self.limits.least_blocks, 1)

    def baseline(self, family: str) -> Baseline:
        """What the network that serves a family did of late."""
        return self._of[family].baseline

    def _new(self, loaded: LoadedNetwork, keep: int, skip: int) -> Sightings[Any]:
        measure: Any = areas_of(loaded.model)
        if loaded.tracker is not None:
            measure = objects_of(loaded.model, loaded.tracker.high_confidence)
        return Sightings(measure, self.limits.block_s, keep, skip, self._monotonic_s)


@dataclass(slots=True)
class _OnTrial:
    """A model on trial: the networks that it replaced, and what it finds."""

    digest: str
    incumbents: dict[Key, LoadedNetwork]
    sightings: Sightings[Any]
    baseline: Baseline


@dataclass(slots=True)
class _Ready:
    """A model that is loaded and was tested."""

    digest: str
    networks: dict[Key, LoadedNetwork]

    def close(self) -> None:
        for loaded in self.networks.values():
            loaded.close()


class HotSwap:
    """See `Serving`. One thread at a time exchanges; any may ask.

    Args:
        networks: of the agent.
        counts: who counts what they find.
        settings: that cameras and rules run by, now.
    """

    def __init__(
        self, networks: Networks, counts: Counts, settings: Callable[[], EdgeSettings]
    ) -> None:
        self._networks = networks
        self._counts = counts
        self._settings = settings
        self._ready: dict[str, _Ready] = {}
        self._trials: dict[str, _OnTrial] = {}

    @property
    def families(self) -> Sequence[str]:
        """See `Serving.families`."""
        return self._networks.families

    def version(self, family: str) -> str:
        """See `Serving.version`."""
        keys = self._networks.keys(family)
        return self._networks.loaded(keys[0]).model.manifest.version if keys else ""

    def prepare(self, family: str, folder: Path, stop: threading.Event) -> None:
        """See `Serving.prepare`."""
        with _as_ota_errors():
            self._check_fits(family, folder)
            ready = self._made(family, folder, stop)
            try:
                _test(folder, next(iter(ready.networks.values())))
            except BaseException:
                ready.close()
                raise
        self._forget_ready(family)
        self._ready[family] = ready

    def activate(self, family: str, folder: Path, stop: threading.Event) -> Baseline:
        """See `Serving.activate`."""
        with _as_ota_errors():
            digest = read_record(folder).digest
            trial = self._trials.get(family)
            if trial is not None and trial.digest == digest:
                return trial.baseline
            if trial is not None:
                self.roll_back(family)  # another, which could not be sent back when it was to be
            self._wait_for_baseline(family, stop)
            self._check_fits(family, folder)  # cameras and rules may have changed since
            ready = self._ready.pop(family, None)
            if ready is None or ready.digest != digest:  # the agent began anew, perhaps
                if ready is not None:
                    ready.close()
                ready = self._made(family, folder, stop)
        networks, baseline = ready.networks, self._counts.baseline(family)
        sightings = self._counts.trial(next(iter(networks.values())))
        incumbents: dict[Key, LoadedNetwork] = {}
        for key, loaded in networks.items():
            before = self._networks.loaded(key)
            incumbents[key] = self._networks.exchange(key, loaded, sightings, before)
        self._trials[family] = _OnTrial(digest, incumbents, sightings, baseline)
        return baseline

    def trial(self, family: str) -> Trial | None:
        """See `Serving.trial`."""
        trial = self._trials.get(family)
        return None if trial is None else trial.sightings.trial

    def commit(self, family: str) -> None:
        """See `Serving.commit`."""
        trial = self._trials.pop(family, None)
        if trial is None:
            return
        taken = {key: self._networks.loaded(key) for key in trial.incumbents}
        counted = self._counts.anew(family, next(iter(taken.values())))
        for key, loaded in taken.items():
            self._networks.exchange(key, loaded, counted)  # alone from now on
            trial.incumbents[key].close()

    def roll_back(self, family: str) -> None:
        """See `Serving.roll_back`."""
        self._forget_ready(family)
        trial = self._trials.pop(family, None)
        if trial is None:
            return
        for key, incumbent in trial.incumbents.items():
            observer = self._counts.incumbent(family, incumbent)
            self._networks.exchange(key, incumbent, observer).close()

    def exchange(self, family: str, folder: Path | None) -> None:
        """See `Serving.exchange`."""
        self.roll_back(family)
        with _as_ota_errors():
            networks = self._loaded(family, folder)
        counted = self._counts.anew(family, next(iter(networks.values())))
        for key, loaded in networks.items():
            self._networks.exchange(key, loaded, counted).close()
            loaded.begin_upgrade()

    def close(self) -> None:
        """Give back what is loaded and looks at no frame; call it when no frame comes any more."""
        for family in list(self._ready):
            self._forget_ready(family)
        for trial in self._trials.values():
            for incumbent in trial.incumbents.values():
                incumbent.close()
        self._trials.clear()

    def _check_fits(self, family: str, folder: Path) -> None:
        check_fits(self._settings(), family, self._networks.keys(family), folder)

    def _made(self, family: str, folder: Path, stop: threading.Event) -> _Ready:
        """A model loaded, each of its networks on an engine as fast as the incumbent's."""
        made = _Ready(read_record(folder).digest, self._loaded(family, folder))
        try:
            self._make_engines(made.networks, stop)
        except BaseException:
            made.close()
            raise
        return made

    def _loaded(self, family: str, folder: Path | None) -> dict[Key, LoadedNetwork]:
        """A network for each that is of the family; none stays loaded where one cannot be."""
        networks: dict[Key, LoadedNetwork] = {}
        try:
            for key in self._networks.keys(family):
                networks[key] = self._networks.load(key, folder)
        except BaseException:
            _Ready("", networks).close()
            raise
        return networks

    def _make_engines(self, networks: Mapping[Key, LoadedNetwork], stop: threading.Event) -> None:
        """Have each on an engine as fast as the incumbent's, so that both can be compared.

        Raises:
            OtaError: one is not to be had.
        """
        for key, loaded in networks.items():
            loaded.hurry(stop)
            before, after = self._networks.loaded(key).network.engine, loaded.network.engine
            if is_gpu(before) and not is_gpu(after):
                told = f"serves on {after.name} only, and the incumbent on {before.name}"
                raise OtaError(Code.ENGINE, told)

    def _wait_for_baseline(self, family: str, stop: threading.Event) -> None:
        limits = self._counts.limits
        left_s = _PATIENCE * limits.least_blocks * limits.block_s
        while self._counts.baseline(family).blocks < limits.least_blocks and left_s > 0:
            if stop.wait(_POLL_S):
                raise OtaError(Code.ENGINE, "called off", is_passing=True)
            left_s -= _POLL_S

    def _forget_ready(self, family: str) -> None:
        ready = self._ready.pop(family, None)
        if ready is not None:
            ready.close()


def check_fits(
    settings: EdgeSettings, family: str, keys: Sequence[str | None], folder: Path
) -> None:
    """Return when a record's model fits the cameras in the place of the settings' own.

    Args:
        settings: that cameras and rules run by.
        family: name of the model.
        keys: of the networks that are of the family.
        folder: of the record.

    Raises:
        OtaError: a rule names a class that it does not have, or it is of another kind.
        RecordError: the folder holds none.
    """
    manifest = read_record(folder).record.manifest
    if manifest.name != family:
        raise OtaError(Code.INCOMPATIBLE, f"is {manifest.name}, not {family}")
    models = dict(settings.models_in_use)
    for key in keys:
        models[key] = models[key].model_copy(update={"name": str(folder)})
    for place, message, _ in misfits(models, settings.cameras, settings.tracker):
        raise OtaError(
            Code.INCOMPATIBLE, f"{family} {manifest.version}: {dotted(place)}: {message}"
        )


def _test(folder: Path, loaded: LoadedNetwork) -> None:
    """Return when the network does what was registered, on the engine that it will serve on.

    Raises:
        EngineError: it fails.
        OtaError: it does something else.
    """
    record = read_record(folder).record
    if record.golden is not None:
        problems = self_test(record, folder, loaded.network.engine).problems(record.golden)
        if problems:
            raise OtaError(Code.SELF_TEST, f"{loaded.network.engine.name}: {'; '.join(problems)}")
    else:
        _log.warning("no golden inputs to test with", model=record.manifest.name)
    loaded.network.find_all([probe_picture(*PROBE_SHAPE)])


@contextmanager
def _as_ota_errors() -> Iterator[None]:
    """While errors of models are those of an update."""
    try:
        yield
    except EngineError as error:
        raise OtaError(Code.ENGINE, str(error)) from error
    except (ManifestError, SettingsError) as error:
        raise OtaError(Code.INCOMPATIBLE, str(error)) from error
    except (RecordError, AssetError) as error:
        raise OtaError(Code.TAMPERED, str(error)) from error
    except ModelError as error:
        raise OtaError(Code.SELF_TEST, str(error)) from error
