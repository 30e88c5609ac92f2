"""How frames are put together, by the device that the engine is on."""

from dataclasses import dataclass

from edge.infer.settings import InferSettings
from models.engines.port import Engine

GPU_BATCH = 8
"""Frames of a batch on a GPU, where the settings leave it open."""

GPU_WORKERS = 2
"""One prepares and reads results while the other's frames are on the GPU, which has two slots."""

_GPUS = ("GPU", "CUDA", "TensorRT")


@dataclass(frozen=True, slots=True)
class Batching:
    """How frames are put together.

    Attributes:
        most: frames of a batch.
        deadline_ns: how long the first frame of a batch may have waited for others, since it was
            read.
        at_once: workers that may be in the network at once; None: all of them. Where it is few,
            frames gather into batches meanwhile.
    """

    most: int = 1
    deadline_ns: int = 0
    at_once: int | None = None


def batching_for(settings: InferSettings, engine: Engine) -> Batching:
    """What suits an engine as it is now: another may take over while frames pass.

    A CPU works on one frame as fast as on its share of a batch, and several workers
    fill its cores; a batch would only be late.
    """
    on_gpu = is_gpu(engine)
    most = most_together(settings, engine, on_gpu=on_gpu)
    return Batching(most, round(settings.deadline_ms * 1e6), GPU_WORKERS if on_gpu else None)


def most_together(settings: InferSettings, engine: Engine, *, on_gpu: bool) -> int:
    """Frames of a batch, as many as an engine takes, were it on a GPU or not."""
    wanted = settings.max_batch
    most = (GPU_BATCH if on_gpu else 1) if wanted == "auto" else wanted
    return most if engine.most_at_once is None else min(most, engine.most_at_once)


def is_gpu(engine: Engine) -> bool:
    """True where an engine is on a GPU, as its name tells: `tensorrt/GPU`, `openvino/GPU.0`."""
    device = engine.name.partition("/")[2].partition(",")[0]
    return device.partition(".")[0] in _GPUS
