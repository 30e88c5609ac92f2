"""An ONNX file into an engine's bytes, by TensorRT 8.6 to 11 or TensorRT-RTX.

|                        | 8.6    | 10       | 11     | RTX       |
|------------------------|--------|----------|--------|-----------|
| batch is a dimension   | flag   | always   | always | always    |
| types of the file hold | no     | flag     | always | flag      |
| FP16 and INT8 by flag  | yes    | yes      | no     | no        |
| contexts share shapes  | flag   | always   | always | always    |
| progress               | no     | yes      | yes    | yes       |
| timing cache           | yes    | yes      | yes    | no        |
| other GPUs as target   | no     | no       | no     | yes       |

What a version has is asked of its module: a flag that is not there is not needed, or refused.

Reference: https://docs.nvidia.com/deeplearning/tensorrt/latest/api/migration/tensorrt-10x-to-11x.html
"""

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from models.compile.tensorrt.messages import Tell, cause, collecting_logger, progress_monitor
from models.compile.tensorrt.options import AS_IN_FILE, Batch, Options
from models.engines.tensorrt_library import Library
from models.errors import EngineError

_MIB = 1024 * 1024
_PROFILE_SHARING_BY_ITSELF = 10
"""Major version from which several contexts may use one profile of shapes at once."""


@dataclass(frozen=True, slots=True)
class Built:
    """What came out.

    Attributes:
        engine: its bytes.
        timing_cache: what was measured on the way, for the next build; empty: nothing.
    """

    engine: bytes
    timing_cache: bytes


def build_engine(
    library: Library, onnx: Path, options: Options, timing_cache: bytes, tell: Tell
) -> Built:
    """An engine of a network; takes seconds to an hour.

    Args:
        library: that builds it.
        onnx: the network.
        options: how.
        timing_cache: of an earlier build by the same library and GPU, or empty.
        tell: is told how far it is, where the version knows.

    Raises:
        EngineError: the options do not fit the library or the network, or it cannot be built.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of what another version still needs
        return _Building(library, onnx, options).run(timing_cache, tell)


class _Building:
    """One build: TensorRT's objects, and the options laid on them."""

    def __init__(self, library: Library, onnx: Path, options: Options) -> None:
        self._library, self._onnx, self._options = library, onnx, options
        self._trt = library.module
        self._refuse_what_the_version_lacks()
        self._logger, self._errors = collecting_logger(library)
        try:
            self._builder = self._trt.Builder(self._logger)
        except (TypeError, RuntimeError) as error:  # pybind11's answer to a null pointer
            raise self._failed("has no builder", str(error)) from error
        self._refuse_a_missing_dla()
        self._network = self._builder.create_network(self._network_flags())
        self._config = self._builder.create_builder_config()

    def run(self, timing_cache: bytes, tell: Tell) -> Built:
        self._parse()
        self._set_precision()
        self._set_batch()
        self._set_limits()
        self._set_target()
        cache = self._with_timing_cache(timing_cache)
        monitor = progress_monitor(self._library, tell)
        if monitor is not None:
            self._config.progress_monitor = monitor
        built = self._builder.build_serialized_network(self._network, self._config)
        if built is None:
            raise self._failed("cannot be built", "TensorRT does not say why")
        return Built(bytes(built), b"" if cache is None else bytes(cache.serialize()))

    def _failed(self, what: str, otherwise: str) -> EngineError:
        return EngineError(
            f"{self._onnx}: {what} by {self._library}: {cause(self._errors, otherwise)}"
        )

    # What is typed how

    @property
    def _has_precision_flags(self) -> bool:
        return hasattr(self._trt.BuilderFlag, "FP16")

    @property
    def _is_strongly_typed(self) -> bool:
        """True where every tensor is of the type that stands in the file."""
        if not self._has_precision_flags:
            return True
        has_flag = hasattr(self._trt.NetworkDefinitionCreationFlag, "STRONGLY_TYPED")
        # Before 11, a DLA and strong types exclude each other.
        return has_flag and self._options.precision == AS_IN_FILE and self._options.dla_core is None

    def _refuse_what_the_version_lacks(self) -> None:
        precision, target = self._options.precision, self._options.compute_capability
        if precision != AS_IN_FILE and not self._has_precision_flags:
            command = {"fp16": "halve", "int8": "quantise"}[precision]
            raise EngineError(
                f"{self._library} takes the precision from the ONNX file: make one with "
                f"`wayside-models {command}`, and compile that with precision {AS_IN_FILE!r}"
            )
        if target is not None and not hasattr(self._trt, "ComputeCapability"):
            raise EngineError(
                f"{self._library} builds for the GPU of this machine only: leave the compute "
                f"capability {target} out, and compile where the engine will run"
            )

    def _refuse_a_missing_dla(self) -> None:
        core, cores = self._options.dla_core, int(self._builder.num_DLA_cores)
        if core is not None and core >= cores:
            there = f"it has {cores}, from 0 on" if cores else "it has none"
            raise EngineError(f"{self._library} sees no DLA core {core} on this machine: {there}")

    def _network_flags(self) -> int:
        flags = self._trt.NetworkDefinitionCreationFlag
        wanted = 0
        if self._is_strongly_typed and hasattr(flags, "STRONGLY_TYPED"):
            wanted |= 1 << int(flags.STRONGLY_TYPED)
        if hasattr(flags, "EXPLICIT_BATCH"):  # without it, 8.6 takes no ONNX; later it is ignored
            wanted |= 1 << int(flags.EXPLICIT_BATCH)
        return wanted

    def _set_precision(self) -> None:
        if self._is_strongly_typed:
            return
        wanted = self._options.precision
        halves, quantised = self._types_in_file()
        if wanted == "int8" and not quantised:
            raise EngineError(
                f"{self._onnx}: is not quantised, so nothing says what its numbers mean in INT8: "
                "make one with `wayside-models quantise`, and compile that"
            )
        flags = self._trt.BuilderFlag
        if quantised:
            self._config.set_flag(flags.INT8)
        # What has no INT8 kernel is faster in FP16 than in float32.
        if halves or wanted in ("fp16", "int8"):
            self._config.set_flag(flags.FP16)
        elif self._options.dla_core is not None and not quantised:
            raise EngineError(
                f"{self._onnx}: a DLA takes FP16 and INT8 only, and the file is of neither: "
                "ask for precision fp16"
            )

    def _types_in_file(self) -> tuple[bool, bool]:
        """Whether the network has tensors of FP16, and whether it is quantised."""
        layers = [self._network.get_layer(number) for number in range(self._network.num_layers)]
        half = self._trt.DataType.HALF
        halves = any(
            layer.get_output(number).dtype == half
            for layer in layers
            for number in range(layer.num_outputs)
        )
        return halves, any(layer.type == self._trt.LayerType.QUANTIZE for layer in layers)

    # The network

    def _parse(self) -> None:
        parser = self._trt.OnnxParser(self._network, self._logger)
        if parser.parse_from_file(str(self._onnx)):
            return
        told = [parser.get_error(number) for number in range(parser.num_errors)]
        raise EngineError(
            f"{self._onnx}: cannot be read by {self._library}: "
            f"{cause([_with_node(one) for one in told] or self._errors, 'it does not say why')}"
        )

    def _set_batch(self) -> None:
        profile = None
        for number in range(self._network.num_inputs):
            tensor = self._network.get_input(number)
            shape = tuple(int(size) for size in tensor.shape)
            if not self._is_free(tensor.name, shape):
                continue
            profile = profile or self._builder.create_optimization_profile()
            batch = self._options.batch or Batch()
            sizes = (batch.least, batch.usual, batch.most)
            profile.set_shape(tensor.name, *((size, *shape[1:]) for size in sizes))
        if profile is None:
            return
        if self._config.add_optimization_profile(profile) < 0:
            raise self._failed(f"takes no batch of {self._options.batch}", "it does not say why")
        self._share_profile()

    def _is_free(self, name: str, shape: Sequence[int]) -> bool:
        """True where the batch of an input, and nothing else of it, is free."""
        shown = "x".join("?" if size < 0 else str(size) for size in shape)
        if any(size < 0 for size in shape[1:]):
            raise EngineError(
                f"{self._onnx}: input {name!r} is {shown}; only the batch may be free: export "
                "it again with a fixed height and width"
            )
        if shape and shape[0] < 0:
            return True
        batch = self._options.batch
        if batch is not None and (not shape or batch != Batch(shape[0], shape[0], shape[0])):
            raise EngineError(
                f"{self._onnx}: input {name!r} is {shown}, so the batch cannot be {batch}: free "
                "it with `wayside-models prepare --free-batch`"
            )
        return False

    def _share_profile(self) -> None:
        """The engine's two contexts run at once, on the one profile."""
        major = int(self._library.version.split(".", maxsplit=1)[0])
        features = getattr(self._trt, "PreviewFeature", None)
        feature = getattr(features, "PROFILE_SHARING_0806", None)
        if feature is not None and major < _PROFILE_SHARING_BY_ITSELF:
            self._config.set_preview_feature(feature, True)

    # The machine

    def _set_limits(self) -> None:
        options, trt = self._options, self._trt
        if options.workspace_mb is not None:
            self._config.set_memory_pool_limit(
                trt.MemoryPoolType.WORKSPACE, options.workspace_mb * _MIB
            )
        if options.dla_core is not None:
            self._config.default_device_type = trt.DeviceType.DLA
            self._config.DLA_core = options.dla_core
            self._config.set_flag(trt.BuilderFlag.GPU_FALLBACK)

    def _set_target(self) -> None:
        wanted = self._options.compute_capability
        if wanted is None:
            return
        known = self._trt.ComputeCapability.__members__
        name = "CURRENT" if wanted == "current" else f"SM{wanted.replace('.', '')}"
        if name not in known or (name != "CURRENT" and "." not in wanted):
            numbers = sorted(int(one[2:]) for one in known if one.startswith("SM"))
            shown = ", ".join(f"{number // 10}.{number % 10}" for number in numbers)
            raise EngineError(
                f"{self._library} knows no compute capability {wanted!r}; it has {shown} and "
                "'current'"
            )
        self._config.num_compute_capabilities = 1
        if not self._config.set_compute_capability(known[name], 0):
            raise self._failed(f"has no target {wanted}", "it does not say why")

    def _with_timing_cache(self, content: bytes) -> Any | None:
        """The cache that the build will use and fill; None where the version has none."""
        if self._library.is_rtx:
            return None  # its functions are there, and do nothing
        for start in dict.fromkeys((content, b"")):
            cache = self._config.create_timing_cache(start)
            if cache is not None and self._config.set_timing_cache(cache, False):
                return cache
        return None


def _with_node(error: Any) -> str:
    """A parser's error, with the node it is about where the version knows it."""
    told = str(error.desc())
    for ask, what in (("node_name", "node"), ("node_operator", "operator")):
        name = str(getattr(error, ask)()) if hasattr(error, ask) else ""
        if name:
            return f"{what} {name!r}: {told}"
    return told
