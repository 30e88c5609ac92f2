"""OpenVINO against ONNX Runtime on the CPU, side by side, on the zoo's networks.

Both infer the same tensor in float32 through the same port; pre-processing and decoding, which
are the same for both, are left out. With one caller a frame has one thread; with as many callers
as there are cores, each has one, as the agent's workers do. No bound: the ratio tells which engine
a machine should be given.
"""

import os
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager

import numpy as np

from benchmarks.report import Row, interleaved, markdown
from models import zoo
from models.compile.parity import difference
from models.engines.loading import load_engine
from models.engines.port import Engine, Tensor
from models.manifest import Manifest

NETWORKS = {"yolox-nano": 10, "fastestdet": 20, "twinlitenet": 2}
"""Each with the frames that a caller infers a round."""

ROUNDS = 15
TOLERANCE = 5e-3
"""Of `difference`, as in the tests of parity."""


def measure() -> list[Row]:
    """Two rows a network.

    Raises:
        RuntimeError: the two do not compute the same, so that times say nothing.
    """
    rows = []
    for name, frames in NETWORKS.items():
        for callers in dict.fromkeys((1, os.cpu_count() or 1)):
            with _engines(name) as (manifest, ours, reference):
                tensor = _noise(manifest)
                _require_same(name, tensor, ours, reference)
                told = "1 caller" if callers == 1 else f"{callers} callers"
                rows.append(
                    interleaved(
                        f"{name} in OpenVINO (ONNX Runtime), {told}",
                        _work(ours, tensor, callers, frames),
                        _work(reference, tensor, callers, frames),
                        rounds=ROUNDS,
                        units=frames * callers,
                    )
                )
    return rows


@contextmanager
def _engines(name: str) -> Iterator[tuple[Manifest, Engine, Engine]]:
    manifest, path = zoo.network(name)
    with ExitStack() as ends:
        made = []
        for engine in ("openvino/CPU", "onnxruntime/CPU"):
            made.append(load_engine(manifest, path, 1, engine))
            ends.callback(made[-1].close)
        yield manifest, made[0], made[1]


def _noise(manifest: Manifest) -> Tensor:
    shown = np.random.default_rng(0).uniform(0, 255, manifest.input.shape)
    return (shown * manifest.input.scale).astype(np.float32)


def _require_same(name: str, tensor: Tensor, ours: Engine, reference: Engine) -> None:
    for one, other in zip(reference.run(tensor), ours.run(tensor), strict=True):
        if (share := difference(one, other)) > TOLERANCE:
            raise RuntimeError(f"{name}: the two engines differ by {share:.2g} of a value")


def _work(engine: Engine, tensor: Tensor, callers: int, frames: int) -> Callable[[], object]:
    def infer() -> None:
        for _ in range(frames):
            engine.run(tensor)

    def work() -> None:
        threads = [threading.Thread(target=infer) for _ in range(callers)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    return work


if __name__ == "__main__":
    print(markdown(measure()))
