"""The network that serves, and the faster engine that takes over from it."""

import threading
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

import structlog

from edge.infer.proof import Proof, as_registered, same_finds, same_outputs
from edge.infer.upgrade import Upgrade, probe_picture
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

PROBE_SHAPE = (720, 1280)
"""Height and width, px, of pictures on which engines are tried: near what cameras send."""

_log = structlog.get_logger(__name__)


def wants_tensorrt(settings: EdgeSettings) -> bool:
    """True where a TensorRT engine is to take over from the one that the agent begins with.

    Only where the engine is `auto`: one that was chosen by name is that one.
    """
    if settings.model.engine != AUTO:
        return False
    enabled = settings.model.tensorrt.enabled
    if enabled != "auto":
        return enabled
    from models.engines.gpu import find_gpu
    from models.engines.tensorrt_library import can_run, is_installed

    return is_installed() and can_run() and find_gpu() is not None


def load_network(
    settings: EdgeSettings,
) -> tuple[Detector, TrackerSettings, AbstractContextManager[object]]:
    """The detector, the tracker's settings on its scale of confidence, and what makes it faster.

    Raises:
        AssetError, EngineError, ManifestError: the network cannot be used.
    """
    manifest, path = zoo.resolve(settings.model.name)
    tracker = settings.tracker.for_threshold(settings.model.threshold(manifest))
    sensitive = manifest.with_confidence(tracker.low_confidence)
    detector = Detector.load(sensitive, path, settings.model.threads, settings.model.engine)
    _log.info("model loaded", model=manifest.name, engine=detector.engine.name, path=str(path))
    if path.suffix == TFLITE or not wants_tensorrt(settings):
        return detector, tracker, nullcontext()
    switching = SwitchingEngine(detector.engine)
    detector = Detector(sensitive, switching)
    return detector, tracker, _upgrade(settings, detector, switching, path)


def _upgrade(
    settings: EdgeSettings, detector: Detector, switching: SwitchingEngine, onnx_path: Path
) -> AbstractContextManager[object]:
    """TensorRT in the background.

    Its library is loaded now, as frames would wait for that; and so is pycuda, for without it what
    an hour had gone into could not be run.
    """
    from models.compile.tensorrt.cache import EngineCache
    from models.compile.tensorrt.compiler import Compiler
    from models.compile.tensorrt.failures import Failures
    from models.compile.tensorrt.options import Options
    from models.engines.tensorrt import TensorRtEngine, load_pycuda

    given = settings.model.tensorrt
    cache = EngineCache(given.cache_dir or settings.data_dir / "engines", given.keep)
    options = Options(
        given.precision, None, given.workspace_mb, given.dla_core, given.compute_capability
    )
    try:
        load_pycuda()
        failures = Failures(cache.folder, given.retry_after_s)
        compiler = Compiler.of_machine(cache, given.build_timeout_s, failures)
    except EngineError as error:
        _log.warning("no faster engine", engine=switching.name, reason=str(error))
        return nullcontext()

    def prepare(stop: threading.Event) -> TensorRtEngine:
        _log.info("engine is prepared", by=str(compiler.library), folder=str(cache.folder))
        name = detector.manifest.name
        made = compiler.compile(name, onnx_path, options, lambda share: None, stop)
        _log.info("engine is there", was_kept=made.was_kept, build_s=made.record.build_s)
        return TensorRtEngine(made.engine, compiler.library)

    probe, _ = detector.prepare(probe_picture(*PROBE_SHAPE))
    return Upgrade(switching, prepare, probe, _proof(settings, detector.manifest, probe))


def _proof(settings: EdgeSettings, manifest: Manifest, probe: Tensor) -> Proof:
    """That an engine answers the same, by the best that is known of the model."""
    from models.record.golden import BY_SCORE

    folder = Path(settings.model.name)
    if is_record(folder) and (record := read_record(folder).record).golden is not None:
        return as_registered(record, folder)
    if manifest.head.family in BY_SCORE:
        return same_finds(manifest, [probe_picture(*PROBE_SHAPE, seed) for seed in range(3)])
    return same_outputs(probe, settings.model.tensorrt.tolerance)
