"""TensorRT 8.6, 10 and 11 as far as the builder goes, recording what is asked of them.

These versions come with JetPack or need a GPU, so they cannot be had on a development machine: what
stands here was taken from NVIDIA's references of each, and says nothing about whether they build.
It shows one thing: which calls our builder makes of the shapes that their modules have. All else is
tested with the real TensorRT-RTX.

References: https://docs.nvidia.com/deeplearning/tensorrt/archives/tensorrt-861/api/python_api/,
.../tensorrt-1001/..., https://docs.nvidia.com/deeplearning/tensorrt/11.4.1/_static/python-api/
"""

from enum import Enum, IntEnum
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any, cast

from models.engines.tensorrt_library import Library

Shape = tuple[int, ...]


class Recorded:
    """A library and what was asked of it.

    Args:
        version: 8.6.1, 10.3.0 or 11.4.1.
        shape: of the network's one input.
        half: its tensors are of FP16.
        quantised: it has Q/DQ layers.
        dla_cores: of the machine.
        fails: what its logger says instead of building.
    """

    def __init__(
        self,
        version: str,
        *,
        shape: Shape = (1, 3, 8, 8),
        half: bool = False,
        quantised: bool = False,
        dla_cores: int = 0,
        fails: str = "",
    ) -> None:
        self.calls: list[tuple[Any, ...]] = []
        self.shape, self.half, self.quantised = shape, half, quantised
        self.dla_cores, self.fails = dla_cores, fails
        module = SimpleNamespace(__version__=version, **_types(int(version.split(".")[0])))
        module.Builder = lambda logger: _Builder(self, module, logger)
        module.OnnxParser = lambda network, logger: _Parser()
        self.library = Library("tensorrt", version, cast(ModuleType, module))

    def asked(self, name: str) -> list[tuple[Any, ...]]:
        """Arguments of every call of a name."""
        return [call[1:] for call in self.calls if call[0] == name]


def _types(major: int) -> dict[str, Any]:
    """The enumerations of a version, with the members that matter here."""
    network_flags = {8: {"EXPLICIT_BATCH": 0, "EXPLICIT_PRECISION": 1},
                     10: {"EXPLICIT_BATCH": 0, "STRONGLY_TYPED": 1},
                     11: {"STRONGLY_TYPED": 1}}[major]  # fmt: skip
    builder_flags = ["GPU_FALLBACK"] if major > 10 else ["FP16", "INT8", "GPU_FALLBACK"]
    previews = {8: ["PROFILE_SHARING_0806"], 10: ["PROFILE_SHARING_0806"], 11: ["OTHER"]}[major]
    types: dict[str, Any] = {
        "NetworkDefinitionCreationFlag": IntEnum("NetworkDefinitionCreationFlag", network_flags),
        "BuilderFlag": Enum("BuilderFlag", builder_flags),
        "PreviewFeature": Enum("PreviewFeature", previews),
        "DataType": Enum("DataType", ["FLOAT", "HALF"]),
        "LayerType": Enum("LayerType", ["CONVOLUTION", "QUANTIZE"]),
        "DeviceType": Enum("DeviceType", ["GPU", "DLA"]),
        "MemoryPoolType": Enum("MemoryPoolType", ["WORKSPACE"]),
        "ILogger": _Logger,
    }
    if major >= 10:
        types["IProgressMonitor"] = _Monitor
    return types


class _Logger:
    class Severity(Enum):
        INTERNAL_ERROR = 0
        ERROR = 1
        WARNING = 2

    def log(self, severity: Any, message: str) -> None:
        raise NotImplementedError


class _Monitor:
    pass


class _Parser:
    num_errors = 0

    def parse_from_file(self, path: str) -> bool:
        return Path(path).name != "torn.onnx"


class _Builder:
    def __init__(self, recorded: Recorded, module: Any, logger: Any) -> None:
        self._recorded, self._module, self._logger = recorded, module, logger
        self.num_DLA_cores = recorded.dla_cores

    def create_network(self, flags: int) -> Any:
        recorded, module = self._recorded, self._module
        recorded.calls.append(("create_network", flags))
        tensor = SimpleNamespace(name="x", shape=recorded.shape)
        kind = module.LayerType.QUANTIZE if recorded.quantised else module.LayerType.CONVOLUTION
        dtype = module.DataType.HALF if recorded.half else module.DataType.FLOAT
        layer = SimpleNamespace(
            type=kind, num_outputs=1, get_output=lambda number: SimpleNamespace(dtype=dtype)
        )
        return SimpleNamespace(
            num_inputs=1, get_input=lambda number: tensor,
            num_layers=1, get_layer=lambda number: layer,
        )  # fmt: skip

    def create_builder_config(self) -> "_Config":
        return _Config(self._recorded)

    def create_optimization_profile(self) -> Any:
        calls = self._recorded.calls
        return SimpleNamespace(set_shape=lambda *shape: calls.append(("set_shape", *shape)))

    def build_serialized_network(self, network: Any, config: "_Config") -> bytes | None:
        monitor = config.progress_monitor
        if monitor is not None:
            monitor.phase_start("Building engine", None, 2)
            monitor.step_complete("Building engine", 0)
            monitor.phase_finish("Building engine")
        if self._recorded.fails:
            severity = self._module.ILogger.Severity
            self._logger.log(severity.WARNING, "nothing to worry about")
            self._logger.log(severity.ERROR, self._recorded.fails)
            self._logger.log(severity.ERROR, "IBuilder: Error Code 2: it did not work out")
            return None
        return b"engine"


class _Config:
    def __init__(self, recorded: Recorded) -> None:
        self._recorded = recorded
        self.progress_monitor: Any = None

    def __setattr__(self, name: str, value: Any) -> None:
        if not name.startswith("_") and value is not None:
            self._recorded.calls.append((name, value))
        object.__setattr__(self, name, value)

    def create_timing_cache(self, content: bytes) -> Any:
        self._recorded.calls.append(("create_timing_cache", content))
        if content == b"torn":
            return None
        return SimpleNamespace(serialize=lambda: b"timings")

    def set_timing_cache(self, cache: Any, ignore_mismatch: bool) -> bool:
        self._recorded.calls.append(("set_timing_cache", ignore_mismatch))
        return True

    def add_optimization_profile(self, profile: Any) -> int:
        return 0

    def __getattr__(self, name: str) -> Any:
        """Every other setter, as a record of its arguments."""
        return lambda *arguments: self._recorded.calls.append((name, *arguments))
