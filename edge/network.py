"""A network that serves, and the faster engine that takes over from it."""

import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path

import structlog

from edge.infer.batching import most_together
from edge.infer.port import Model
from edge.infer.proof import Proof, as_registered, same_finds, same_outputs
from edge.infer.upgrade import Upgrade, probe_picture
from edge.misfits import OBJECTS
from edge.model_settings import ModelSettings
from edge.settings import EdgeSettings
from edge.track.settings import TrackerSettings
from models import zoo
from models.detector import Detector
from models.engines.choice import AUTO, TFLITE
from models.engines.port import Tensor
from models.engines.switching import SwitchingEngine
from models.errors import EngineError
from models.manifest import Manifest
from models.record.reading import is_record, read_record
from models.segmenter import Segmenter
from models.selection import network_class

PROBE_SHAPE = (720, 1280)
"""Height and width, px, of pictures on which engines are tried: near what cameras send."""

_log = structlog.get_logger(__name__)

_building = threading.Lock()
"""One engine is built at a time: two at once would take the memory of a small board."""


@dataclass(frozen=True, slots=True)
class LoadedNetwork:
    """A network, and what belongs to it.

    Attributes:
        network: as it serves.
        model: that it is of.
        upgrade: what makes it faster while it is entered.
        record: sha256 of its record, hexadecimal; empty where it is no registered model.
    """

    network: Detector | Segmenter
    model: Model
    upgrade: AbstractContextManager[object]
    record: str = ""

    @property
    def tracker(self) -> TrackerSettings | None:
        """Settings on its scale of confidence; None where it finds no objects."""
        return self.model.tracker

    def hurry(self, stop: threading.Event) -> None:
        """Return when the faster engine has taken over, or will not; `stop` calls it off."""
        if isinstance(self.upgrade, Upgrade):
            self.upgrade.hurry(stop)

    def begin_upgrade(self) -> None:
        """Have the faster engine made in the background; `close` calls it off."""
        if isinstance(self.upgrade, Upgrade):
            self.upgrade.begin()

    def close(self) -> None:
        """Give the engine back, and call off what was to take over from it."""
        if isinstance(self.upgrade, Upgrade):
            self.upgrade.call_off()
        self.network.close()


def wants_tensorrt(model: ModelSettings) -> bool:
    """True where a TensorRT engine is to take over from the one that the agent begins with.

    Only where the engine is `auto`: one that was chosen by name is that one.
    """
    if model.engine != AUTO:
        return False
    enabled = model.tensorrt.enabled
    if enabled != "auto":
        return enabled
    from models.engines.gpu import find_gpu
    from models.engines.tensorrt_library import can_run, is_installed

    return is_installed() and can_run() and find_gpu() is not None


def load_network(settings: EdgeSettings, model: ModelSettings) -> LoadedNetwork:
    """One of the agent's networks.

    Raises:
        AssetError, EngineError, ManifestError: the network cannot be used.
    """
    manifest, path = zoo.resolve(model.name)
    tracker = None
    if manifest.head.task in OBJECTS:
        tracker = settings.tracker.for_threshold(model.threshold(manifest))
        manifest = manifest.with_confidence(tracker.low_confidence)
    made = network_class(manifest)
    network = made.load(manifest, path, model.threads, model.engine)
    assert isinstance(network, Detector | Segmenter), "the settings were checked"
    _log.info("model loaded", model=manifest.name, engine=network.engine.name, path=str(path))
    record = _record_digest(model.name)
    if path.suffix == TFLITE or not wants_tensorrt(model):
        return LoadedNetwork(network, Model(manifest, tracker), nullcontext(), record)
    switching = SwitchingEngine(network.engine)
    network = type(network)(manifest, switching)
    upgrade = _upgrade(settings, model, network, switching, path)
    return LoadedNetwork(network, Model(manifest, tracker), upgrade, record)


def _record_digest(name: str) -> str:
    """Of the record that a setting names; empty where it names something else."""
    folder = Path(name)
    is_one = zoo.is_path(name) and is_record(folder)
    return read_record(folder).digest if is_one else ""


def _upgrade(
    settings: EdgeSettings,
    model: ModelSettings,
    network: Detector | Segmenter,
    switching: SwitchingEngine,
    onnx_path: Path,
) -> AbstractContextManager[object]:
    """TensorRT in the background.

    Its library is loaded now, as frames would wait for that; and so is pycuda, for without it what
    an hour had gone into could not be run.
    """
    from models.compile.tensorrt.cache import EngineCache
    from models.compile.tensorrt.compiler import Compiler
    from models.compile.tensorrt.failures import Failures
    from models.compile.tensorrt.options import Batch, Options
    from models.engines.tensorrt import TensorRtEngine, load_pycuda

    given = model.tensorrt
    cache = EngineCache(given.cache_dir or settings.data_dir / "engines", given.keep)
    most = most_together(settings.infer, switching, on_gpu=True)
    options = Options(
        given.precision, Batch(1, most, most) if most > 1 else None, given.workspace_mb,
        given.dla_core, given.compute_capability,
    )  # fmt: skip
    try:
        load_pycuda()
        failures = Failures(cache.folder, given.retry_after_s)
        compiler = Compiler.of_machine(cache, given.build_timeout_s, failures)
    except EngineError as error:
        _log.warning("no faster engine", engine=switching.name, reason=str(error))
        return nullcontext()

    def prepare(stop: threading.Event) -> TensorRtEngine:
        with _alone(stop):
            _log.info("engine is prepared", by=str(compiler.library), folder=str(cache.folder))
            name = network.manifest.name
            made = compiler.compile(name, onnx_path, options, lambda share: None, stop)
            _log.info("engine is there", was_kept=made.was_kept, build_s=made.record.build_s)
            return TensorRtEngine(made.engine, compiler.library)

    probe, _ = network.prepare(probe_picture(*PROBE_SHAPE))
    return Upgrade(switching, prepare, probe, _proof(model, network.manifest, probe))


@contextmanager
def _alone(stop: threading.Event) -> Iterator[None]:
    """While no other engine is built.

    Raises:
        EngineError: it was called off before its turn came.
    """
    while not _building.acquire(timeout=0.5):
        if stop.is_set():
            raise EngineError("called off before its turn came")
    try:
        yield
    finally:
        _building.release()


def _proof(model: ModelSettings, manifest: Manifest, probe: Tensor) -> Proof:
    """That an engine answers the same, by the best that is known of the model."""
    from models.record.golden import BY_SCORE

    folder = Path(model.name)
    if is_record(folder) and (record := read_record(folder).record).golden is not None:
        return as_registered(record, folder)
    if manifest.head.family in BY_SCORE:
        return same_finds(manifest, [probe_picture(*PROBE_SHAPE, seed) for seed in range(3)])
    return same_outputs(probe, model.tensorrt.tolerance)
