"""From a network to an engine: out of the cache, or built into it."""

import threading
from contextlib import nullcontext, suppress
from dataclasses import dataclass
from pathlib import Path

import structlog

from models.checksum import sha256_of
from models.compile.tensorrt.build import Job, build
from models.compile.tensorrt.cache import EngineCache
from models.compile.tensorrt.failures import Failures
from models.compile.tensorrt.messages import Tell
from models.compile.tensorrt.options import BUILD_TIMEOUT_S, Options
from models.compile.tensorrt.record import EngineRecord, KeyParts
from models.engines.choice import TFLITE
from models.engines.gpu import Gpu, find_gpu
from models.engines.tensorrt_library import Library, load_library
from models.errors import EngineError

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Compiled:
    """An engine.

    Attributes:
        engine: its bytes, checked.
        record: of it.
        path: where it is kept.
        was_kept: True where nothing had to be built.
    """

    engine: bytes
    record: EngineRecord
    path: Path
    was_kept: bool


class Compiler:
    """Compiles networks for this machine.

    Args:
        library: that builds.
        gpu: of this machine.
        cache: where engines are kept.
        timeout_s: s of a build, and of waiting for another's, after which it is given up.
        failures: builds that are not tried again yet; None: each is tried whenever it is asked
            for, as a person does who has mended something.
    """

    def __init__(
        self,
        library: Library,
        gpu: Gpu | None,
        cache: EngineCache,
        timeout_s: float = BUILD_TIMEOUT_S,
        failures: Failures | None = None,
    ) -> None:
        self.library = library
        self._gpu = gpu
        self._cache = cache
        self._timeout_s = timeout_s
        self._failures = failures

    @classmethod
    def of_machine(
        cls,
        cache: EngineCache,
        timeout_s: float = BUILD_TIMEOUT_S,
        failures: Failures | None = None,
    ) -> "Compiler":
        """With the TensorRT and the GPU that are here.

        Raises:
            EngineError: there is no TensorRT.
        """
        return cls(load_library(), find_gpu(), cache, timeout_s, failures)

    def compile(
        self, model: str, onnx: Path, options: Options, tell: Tell, stop: threading.Event
    ) -> Compiled:
        """The engine of a network; seconds where it is kept, up to an hour where it is not.

        Args:
            model: the network's name; engines of one name share a limit.
            onnx: its file.
            options: how.
            tell: is told how far the build is.
            stop: calls it off.

        Raises:
            EngineError: there is none, and why; nothing half-done stays behind.
        """
        if onnx.suffix == TFLITE:
            raise EngineError(
                f"{onnx}: is a TensorFlow Lite file, and TensorRT takes ONNX files; name the one "
                "that it was converted from"
            )
        try:
            parts = KeyParts.of(sha256_of(onnx), self.library, self._gpu, options)
        except OSError as error:
            raise EngineError(f"{onnx}: cannot be read: {error.strerror}") from error
        with suppress(EngineError):  # said below, once it is clear that nobody mends it just now
            if kept := self._kept(parts):
                return kept
        if self._failures:
            self._failures.require_due(parts, onnx)
        with self._cache.building(stop, self._timeout_s) as lock:
            try:
                if kept := self._kept(parts):  # another built it while this one waited
                    return kept
            except EngineError as error:
                _log.warning("engine is built again", reason=str(error))
            self._build(model, onnx, options, parts, tell, stop, lock)
        return self._read_back(parts)

    def _build(
        self, model: str, onnx: Path, options: Options, parts: KeyParts, tell: Tell,
        stop: threading.Event, lock: int,
    ) -> None:  # fmt: skip
        """Bring an engine into the cache, whose lock is held."""
        self._cache.sweep()
        job = Job(
            self.library.name, onnx, parts.onnx_sha256, options, self._cache.part_path(parts),
            self._cache.timing_path(parts),
        )  # fmt: skip
        with self._failures.attempt(parts, stop) if self._failures else nullcontext():
            whole = build(job, tell, stop, self._timeout_s, lock)
            record = EngineRecord(
                model=model, parts=parts, sha256=whole.sha256, size_bytes=whole.size_bytes,
                build_s=whole.build_s,
            )  # fmt: skip
            self._cache.commit(record)

    def _kept(self, parts: KeyParts) -> Compiled | None:
        found = self._cache.read(parts)
        if found is None:
            return None
        return Compiled(*found, self._cache.engine_path(parts), was_kept=True)

    def _read_back(self, parts: KeyParts) -> Compiled:
        """What was just written, as the disk has it."""
        found = self._cache.read(parts)
        path = self._cache.engine_path(parts)
        if found is None:
            raise EngineError(f"{path}: was built, and is gone already")
        return Compiled(*found, path, was_kept=False)
