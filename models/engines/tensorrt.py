"""TensorRT as an engine, by pycuda.

The copy of one frame goes on while another is computed: there are two slots, each with a stream,
an execution context and buffers of its own, and a `run` takes one that is free. CUDA graphs are
left out: pycuda does not have them (ADR 0049).
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import cache
from queue import SimpleQueue
from threading import Lock
from typing import Any

import numpy as np

from models.engines.fit import most_at_once, require_fit
from models.engines.port import Tensor, TensorSpec
from models.engines.tensorrt_library import Library, load_library
from models.errors import EngineError

SLOTS = 2
"""Runs that are on the GPU at once: one computes, one copies."""


class TensorRtEngine:
    """A TensorRT engine, loaded; see `Engine`.

    Args:
        engine: its bytes. They must be checked: TensorRT breaks on bytes that are not its own.
        library: that built it; default: the one of this machine.
        slots: see `SLOTS`.

    Raises:
        EngineError: TensorRT, pycuda or a GPU is missing, or the engine is not for this one.
    """

    def __init__(self, engine: bytes, library: Library | None = None, slots: int = SLOTS) -> None:
        self._library = library or load_library()
        self._cuda = load_pycuda()
        self.name = f"{self._library.name}/GPU"
        self._free: SimpleQueue[_Slot | None] = SimpleQueue()
        self._slots = slots
        self._closing = Lock()
        self._closed = False
        self._runtime: Any = None
        self._engine: Any = None
        try:
            self._context = _primary_context(self._cuda)
            with self._current():
                self._load(engine)
        except self._cuda.Error as error:
            raise EngineError(f"the GPU cannot be used: {error}") from error

    def run(self, *inputs: Tensor) -> Sequence[Tensor]:
        """See `Engine.run`; the arrays are fresh and the caller's."""
        self._check(inputs)
        slot = self._free.get()
        if slot is None:
            self._free.put(None)  # for the next one who waits
            raise EngineError("the engine is closed")
        try:
            with self._current():
                return slot.run(inputs)
        except self._cuda.Error as error:
            raise EngineError(f"{self.name}: {error}") from error
        finally:
            self._free.put(slot)

    def close(self) -> None:
        """Wait for runs that are under way, and give the GPU's memory back."""
        with self._closing:
            if self._closed:
                return
            self._closed = True
            with self._current():
                for _ in range(self._slots):
                    slot = self._free.get()
                    if slot is not None:
                        slot.free()
                self._engine = self._runtime = None
            self._free.put(None)

    def _load(self, engine: bytes) -> None:
        trt = self._library.module
        self._logger = trt.Logger(trt.Logger.ERROR)
        self._runtime = trt.Runtime(self._logger)
        self._engine = self._runtime.deserialize_cuda_engine(engine)
        if self._engine is None:
            raise EngineError(f"{self._library} cannot load the engine: built for another GPU?")
        names = [self._engine.get_tensor_name(i) for i in range(self._engine.num_io_tensors)]
        is_input = {
            name: self._engine.get_tensor_mode(name) == trt.TensorIOMode.INPUT for name in names
        }
        self.inputs: tuple[TensorSpec, ...] = tuple(
            self._spec(name) for name in names if is_input[name]
        )
        self.outputs: tuple[TensorSpec, ...] = tuple(
            self._spec(name) for name in names if not is_input[name]
        )
        self.most_at_once = most_at_once(self.inputs, self.outputs)
        if self.most_at_once is None:
            self.most_at_once = min(_limits(self._engine, spec)[1][0] for spec in self.inputs)
        for _ in range(self._slots):
            self._free.put(_Slot(self._cuda, self._engine, self.inputs, self.outputs))

    def _spec(self, name: str) -> TensorSpec:
        shape = tuple(size if size >= 0 else None for size in self._engine.get_tensor_shape(name))
        kind = self._engine.get_tensor_dtype(name)
        try:
            dtype = np.dtype(self._library.module.nptype(kind))
        except TypeError as error:
            raise EngineError(f"{name} is {kind}, which NumPy does not have") from error
        return TensorSpec(name, shape, dtype)

    def _check(self, inputs: Sequence[Tensor]) -> None:
        if self._closed:
            raise EngineError("the engine is closed")
        require_fit(self.name, self.inputs, inputs)

    @contextmanager
    def _current(self) -> Iterator[None]:
        """CUDA's context is a thread's; every call comes from whichever thread it likes."""
        self._context.push()
        try:
            yield
        finally:
            self._context.pop()


class _Slot:
    """What one run needs: a context, a stream, and buffers for the largest batch."""

    def __init__(
        self, cuda: Any, engine: Any, inputs: Sequence[TensorSpec], outputs: Sequence[TensorSpec]
    ) -> None:
        self._cuda = cuda
        self._inputs, self._outputs = inputs, outputs
        self._stream = cuda.Stream()
        self._context = engine.create_execution_context()
        if self._context is None:
            raise EngineError("the GPU has no memory left for the engine")
        self._limits = {spec.name: _limits(engine, spec) for spec in inputs}
        for name, (_, most) in self._limits.items():
            self._context.set_input_shape(name, most)
        self._host: dict[str, Any] = {}
        self._device: dict[str, Any] = {}
        for spec in (*inputs, *outputs):
            shape = tuple(self._context.get_tensor_shape(spec.name))
            if min(shape, default=0) < 0:
                raise EngineError(
                    f"output {spec.name!r} is of a size that is known only afterwards; leave NMS "
                    "out of the graph, or use ONNX Runtime"
                )
            self._host[spec.name] = cuda.pagelocked_empty(int(np.prod(shape)), spec.dtype)
            self._device[spec.name] = cuda.mem_alloc(max(self._host[spec.name].nbytes, 1))
            self._context.set_tensor_address(spec.name, int(self._device[spec.name]))

    def run(self, inputs: Sequence[Tensor]) -> list[Tensor]:
        """The outputs; CUDA's context is current."""
        for spec, tensor in zip(self._inputs, inputs, strict=True):
            least, most = self._limits[spec.name]
            if not all(a <= b <= c for a, b, c in zip(least, tensor.shape, most, strict=True)):
                raise EngineError(
                    f"{spec.name}: the engine was built for {least} to {most}, got {tensor.shape}"
                )
            host = self._host[spec.name][: tensor.size]
            np.copyto(host.reshape(tensor.shape), tensor)
            self._cuda.memcpy_htod_async(self._device[spec.name], host, self._stream)
            self._context.set_input_shape(spec.name, tensor.shape)
        if not self._context.execute_async_v3(self._stream.handle):
            raise EngineError("TensorRT could not run the engine")
        results = []
        for spec in self._outputs:
            shape = tuple(self._context.get_tensor_shape(spec.name))
            host = self._host[spec.name][: int(np.prod(shape))]
            self._cuda.memcpy_dtoh_async(host, self._device[spec.name], self._stream)
            results.append(host.reshape(shape))
        self._stream.synchronize()  # without the GIL: other threads go on meanwhile
        return [result.copy() for result in results]

    def free(self) -> None:
        """Give its memory back; CUDA's context is current."""
        self._context = None
        for memory in self._device.values():
            with suppress(self._cuda.Error):
                memory.free()
        self._device.clear()
        self._host.clear()
        self._stream = None


def _limits(engine: Any, spec: TensorSpec) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """The least and the largest shape of an input."""
    if None not in spec.shape:
        fixed = tuple(size for size in spec.shape if size is not None)
        return fixed, fixed
    least, _, most = engine.get_tensor_profile_shape(spec.name, 0)
    return tuple(least), tuple(most)


@cache
def _primary_context(cuda: Any) -> Any:
    """CUDA's own context of the process. It stays: pycuda ends one only in the thread it is of."""
    cuda.init()
    return cuda.Device(0).retain_primary_context()


def load_pycuda() -> Any:
    """pycuda's driver module.

    Raises:
        EngineError: it is not installed, or finds no CUDA.
    """
    try:
        import pycuda.driver
    except ImportError as error:
        raise EngineError(
            "TensorRT's engines are run by pycuda, which cannot be loaded "
            f"({error}): pip install 'wayside[tensorrt]', where CUDA's headers are"
        ) from error
    return pycuda.driver
