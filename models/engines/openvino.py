"""OpenVINO as an engine: Intel's processors, their graphics, and the NPU that followed the NCS.

Reference: https://docs.openvino.ai/2026/openvino-workflow/running-inference.html
"""

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from models.engines.fit import most_at_once, require_fit
from models.engines.pool import Pool
from models.engines.port import Tensor, TensorSpec
from models.errors import EngineError
from models.private import private_folder


def _imported() -> Any:
    """The library, kept from reporting its use.

    Merely imported, it tells Google Analytics so, unless somebody opted out on this machine. Where
    its telemetry package is not to be had, it takes a stub of its own that does nothing.
    """
    sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]  # import fails
    import openvino
    import openvino.frontend

    return openvino


openvino = _imported()
_VERSION = openvino.__version__.partition("-")[0]

DEVICES = ("CPU", "GPU", "NPU", "AUTO")

# A frontend's failure stands alone under Exception; arguments raise one of the last two.
_ERRORS: tuple[type[Exception], ...] = (
    openvino.frontend.GeneralFailure,
    openvino.frontend.OpConversionFailure,
    RuntimeError,
    ValueError,
    TypeError,
)


class OpenVinoEngine:
    """An ONNX file in OpenVINO; see `Engine`.

    The network computes in its own precision on every device: what OpenVINO would round to
    bfloat16 or float16 by itself stays as it is, for precision changes only against proof.

    Args:
        path: the ONNX file.
        intra_threads: threads that share the work of one `run`; on a CPU, as many runs overlap
            fully as the cores allow.
        device: of `DEVICES`. With AUTO, OpenVINO chooses, and `name` tells what it chose.
        cache: folder where what is compiled for a GPU or NPU is kept; None: nothing is kept.

    Raises:
        EngineError: no ONNX, or the device is absent or cannot run it.
    """

    def __init__(
        self, path: Path, intra_threads: int = 1, device: str = "CPU", cache: Path | None = None
    ) -> None:
        self._path = path
        core = openvino.Core()
        _require_device(core, device)
        model = _read(path)
        try:
            self._compiled = core.compile_model(
                model, device, _properties(device, intra_threads, cache)
            )
        except _ERRORS as error:
            raise EngineError(
                f"{path}: OpenVINO cannot run it on {device} ({_reason(error)}); try engine "
                "onnxruntime/CPU to see whether the file or the device is at fault"
            ) from error
        self.inputs = tuple(_spec(path, port) for port in self._compiled.inputs)
        self.outputs = tuple(_spec(path, port) for port in self._compiled.outputs)
        self.most_at_once = most_at_once(self.inputs, self.outputs)
        self._requests: Pool[Any] | None = Pool(self._compiled.create_infer_request)

    @property
    def name(self) -> str:
        """See `Engine.name`; AUTO may begin on one device and go on with another."""
        devices = self._compiled.get_property("EXECUTION_DEVICES")
        # In parentheses stands a device that works until the chosen one is ready.
        return "openvino/" + "+".join(device.strip("()") for device in devices)

    def run(self, *inputs: Tensor) -> Sequence[Tensor]:
        """See `Engine.run`; the arrays are fresh and the caller's."""
        requests = self._requests
        if requests is None:
            raise EngineError(f"{self._path}: the engine is closed")
        require_fit(self._path, self.inputs, inputs)
        given = {number: np.ascontiguousarray(tensor) for number, tensor in enumerate(inputs)}
        try:
            with requests.borrowed() as request:
                results = request.infer(given, share_inputs=True, share_outputs=False)
                return [results[number] for number in range(len(self.outputs))]
        except _ERRORS as error:
            raise EngineError(f"{self._path}: {_reason(error)}") from error

    def close(self) -> None:
        """Let go of the requests; runs that are under way finish."""
        if self._requests is not None:
            self._requests.close()
            self._requests = None


def _require_device(core: Any, device: str) -> None:
    there = core.available_devices
    if device != "AUTO" and not any(one.split(".")[0] == device for one in there):
        raise EngineError(
            f"OpenVINO {_VERSION} finds no {device} here, only "
            f"{', '.join(there) or 'nothing'}; see that its driver is installed and that this "
            "user may open it (/dev/dri, /dev/accel)"
        )


def _read(path: Path) -> Any:
    """The model of an ONNX file; only as ONNX, where OpenVINO would try one format after another.

    Raises:
        EngineError: it is none.
    """
    try:
        onnx = openvino.frontend.FrontEndManager().load_by_framework("onnx")
        model = onnx.convert(onnx.load(str(path)))
    except _ERRORS as error:
        raise _no_onnx(path, _reason(error)) from error
    if not model.outputs:
        raise _no_onnx(path, "it holds no network")
    return model


def _no_onnx(path: Path, reason: str) -> EngineError:
    return EngineError(
        f"{path}: cannot be loaded as ONNX ({reason}); see that it is a whole ONNX file, or export "
        f"it again for OpenVINO {_VERSION}"
    )


def _properties(device: str, intra_threads: int, cache: Path | None) -> dict[str, Any]:
    """What a device is told.

    A stream runs one frame at a time, and a network has one unless it is told otherwise: several
    callers would queue. So there are as many as the cores feed, each of `intra_threads`.
    """
    told: dict[str, Any] = {"PERFORMANCE_HINT": "LATENCY", "EXECUTION_MODE_HINT": "ACCURACY"}
    if device == "CPU":
        streams = max(1, (os.cpu_count() or 1) // intra_threads)
        told |= {"NUM_STREAMS": streams, "INFERENCE_NUM_THREADS": streams * intra_threads}
        # A pinned thread waits for its core while capture or tracking has it, and others are idle.
        told["ENABLE_CPU_PINNING"] = False
    elif cache is not None:
        told["CACHE_DIR"] = str(private_folder(cache))
    return told


def _spec(path: Path, port: Any) -> TensorSpec:
    names = sorted(port.get_names())
    name = names[0] if names else port.get_node().get_friendly_name()
    shape = tuple(None if size.is_dynamic else size.get_length() for size in port.partial_shape)
    try:
        dtype = np.dtype(port.get_element_type().to_dtype())
    except _ERRORS as error:
        kind = port.get_element_type().get_type_name()
        raise EngineError(f"{path}: {name} is {kind}, which is not supported") from error
    return TensorSpec(name, shape, dtype)


def _reason(error: Exception) -> str:
    """What openvino says, in one line, without the places in its sources."""
    lines = (line.strip() for line in str(error).splitlines())
    said = [line for line in lines if line and not line.startswith(_NOISE)]
    return " ".join(said) or type(error).__name__


_NOISE = ("Exception from ", "Check '", "FrontEnd API failed with")
