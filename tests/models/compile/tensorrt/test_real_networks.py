"""The networks of the zoo and what is made of them, built for real by TensorRT-RTX."""

from pathlib import Path

import pytest
from onnx import ModelProto

from models.compile.bake import bake
from models.compile.batch import with_batch
from models.compile.fold import folded
from models.compile.half import half_of
from models.compile.tensorrt.network import build_engine
from models.compile.tensorrt.options import Batch, Options
from models.engines.tensorrt_library import load_library
from models.graph.read import read_graph
from models.manifest import InputSpec
from tests.support.real_assets import real_network

pytest.importorskip("tensorrt_rtx")


def built(onnx: Path, batch: Batch | None = None) -> bytes:
    """A network's engine."""
    shares: list[float] = []
    options = Options(batch=batch, compute_capability="8.9")
    made = build_engine(load_library("tensorrt_rtx"), onnx, options, b"", shares.append)
    assert shares[-1] == 1.0
    return made.engine


def prepared(model: ModelProto, spec: InputSpec, out: Path) -> Path:
    """As `wayside-models prepare --free-batch` does it, without the proof, which has its tests."""
    out.write_bytes(with_batch(folded(bake(model, spec)), None).SerializeToString())
    return out


@pytest.mark.parametrize("name", ["yolox-nano", "fastestdet", "twinlitenet"])
def test_every_form_of_a_network_is_built(tmp_path: Path, name: str) -> None:
    manifest, onnx = real_network(name)
    half = tmp_path / "half.onnx"
    half.write_bytes(half_of(read_graph(onnx)).SerializeToString())
    baked = prepared(read_graph(onnx), manifest.input, tmp_path / "baked.onnx")
    half_baked = prepared(read_graph(half), manifest.input, tmp_path / "half-baked.onnx")
    upto4 = Batch(1, 2, 4)

    engines = [built(onnx), built(half), built(baked, upto4), built(half_baked, upto4)]

    print(name, [len(engine) for engine in engines])
    assert len(set(engines)) == 4
    # Of what is in an engine only the weights are of half the size, so this is no half either.
    assert len(engines[1]) < len(engines[0])
