"""A network prepared for a board, written only when it finds what the original finds."""

import os
from collections.abc import Callable, Iterable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from onnx import ModelProto

from models.compile.bake import bake, baked_spec
from models.compile.batch import with_batch
from models.compile.fold import folded
from models.compile.parity import Parity, compare, difference
from models.compile.pictures import require_pictures
from models.compile.written import require_new, write_network
from models.detections import Image
from models.engines.onnxruntime import OnnxRuntimeEngine
from models.engines.port import Tensor
from models.errors import EngineError, GraphError
from models.graph.read import read_graph
from models.manifest import InputSpec, Made, Manifest
from models.preprocess import Preprocessor
from models.selection import network_class

TOLERANCE = 1e-3
"""Of `parity.difference`. Reordered float32 sums differ by some 1e-4 of a hundredth of an output's
largest value, a wrong mean or channel by tenths."""

_PAIR = 2


@dataclass(frozen=True, slots=True)
class Prepared:
    """What was written.

    Attributes:
        manifest: of the prepared network.
        parity: with the original.
        batch_kept: why the batch stays as it was, where a free one was wanted; else empty.
    """

    manifest: Manifest
    parity: Parity
    batch_kept: str


def prepare(
    manifest: Manifest,
    path: Path,
    out: Path,
    frames: Iterable[Image],
    *,
    free_batch: bool = False,
    fold: Callable[[ModelProto], ModelProto] = folded,
) -> Prepared:
    """Bake the pre-processing into a network, fold it, and prove it on frames.

    Args:
        manifest: of the network.
        path: its ONNX file.
        out: the ONNX file to write; its manifest is written beside it. Neither is overwritten.
        frames: real ones, of where the network will look.
        free_batch: let it take any number of pictures at once, where the graph allows it.
        fold: what leaves the graph with less to do.

    Raises:
        AssetError, ChecksumError: the file is not the manifest's.
        EngineError: ONNX Runtime cannot run it.
        MediaError: the frames are no pictures.
        ManifestError: the manifest does not fit it.
        GraphError: it is damaged, or what came out differs from it; nothing is written.
    """
    require_new(out)
    network_class(manifest).load(manifest, path).close()  # does the manifest fit?
    model = fold(_baked(read_graph(path), path, manifest.input))
    some = list(frames)
    require_pictures(some)
    with TemporaryDirectory() as folder:
        candidate = Path(folder) / "candidate.onnx"
        kept = ""
        if free_batch:
            model, kept = _with_free_batch(model, manifest.input, candidate, some[:_PAIR])
        candidate.write_bytes(model.SerializeToString())
        parity = _compared(path, candidate, manifest.input, some)
    if not parity.holds(TOLERANCE):
        raise GraphError(
            f"{path}: prepared, it differs from the original on {parity.frames} frames by "
            f"{parity.largest:.2g} of a value of output {parity.output}, and {TOLERANCE} is "
            "allowed: nothing is written"
        )
    how = Made(by="prepare", frames=parity.frames, difference=parity.largest)
    made = write_network(manifest, model, out, "baked", baked_spec(manifest.input), how)
    return Prepared(made, parity, kept)


def _baked(model: ModelProto, path: Path, spec: InputSpec) -> ModelProto:
    try:
        return bake(model, spec)
    except GraphError as error:
        raise GraphError(f"{path}: {error}") from error


def _with_free_batch(
    model: ModelProto, spec: InputSpec, candidate: Path, pair: Sequence[Image]
) -> tuple[ModelProto, str]:
    """The model with a free batch, or as it is and why."""
    if len(pair) < _PAIR:
        return model, "there are no two frames to try it with"
    freed = with_batch(model, None)
    candidate.write_bytes(freed.SerializeToString())
    preprocess = Preprocessor(baked_spec(spec))
    pictures = [preprocess(frame)[0] for frame in pair]
    try:
        with ExitStack() as ends:
            engine = OnnxRuntimeEngine(candidate)
            ends.callback(engine.close)
            alone = [engine.run(picture) for picture in pictures]
            together = engine.run(np.concatenate(pictures))
    except EngineError as error:
        return model, f"its graph is written for one picture: {error}"
    for number, both in enumerate(together):
        each = np.concatenate([outputs[number] for outputs in alone])
        if (share := difference(each, both)) > TOLERANCE:
            return model, f"two pictures together differ from each alone by {share:.2g}"
    return freed, ""


def _compared(original: Path, prepared: Path, spec: InputSpec, frames: Sequence[Image]) -> Parity:
    with ExitStack() as ends:
        runs = []
        for path, of in ((original, spec), (prepared, baked_spec(spec))):
            engine = OnnxRuntimeEngine(path, os.cpu_count() or 1)
            ends.callback(engine.close)
            runs.append(_Run(engine, Preprocessor(of)))
        return compare(runs[0], runs[1], frames)


@dataclass(frozen=True, slots=True)
class _Run:
    engine: OnnxRuntimeEngine
    preprocess: Preprocessor

    def __call__(self, frame: Image) -> Sequence[Tensor]:
        return self.engine.run(self.preprocess(frame)[0])
