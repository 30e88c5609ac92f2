"""Constants folded and what does nothing removed, by ONNX Runtime's own basic optimisations.

Those keep to standard operators, so that every other engine reads the result.

Reference: https://onnxruntime.ai/docs/performance/model-optimizations/graph-optimizations.html
"""

import tempfile
from pathlib import Path

from onnx import ModelProto

from models.engines.onnxruntime import write_optimised
from models.graph.read import read_graph


def folded(model: ModelProto) -> ModelProto:
    """The same network, with less to do.

    Raises:
        EngineError: ONNX Runtime cannot load it.
        GraphError: what came out is no whole ONNX file.
    """
    with tempfile.TemporaryDirectory() as folder:
        before, after = Path(folder) / "before.onnx", Path(folder) / "after.onnx"
        before.write_bytes(model.SerializeToString())
        write_optimised(before, after)
        return read_graph(after)
