"""Small models to be registered, whose raw outputs follow the picture a little."""

import os
from collections.abc import Sequence
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from models import zoo
from models.checksum import sha256_of
from models.detections import Image
from models.record.record import Code, DataSet, Metric
from models.record.register import Registered, Submission, Who, register
from models.record.store import Store
from tests.support.tiny_detector import tiny_answer, tiny_manifest
from tests.support.tiny_onnx import Node, onnx_bytes

LICENCE = Path(__file__).parents[2] / "LICENSE"

WHO = Who(
    "ada", datetime(2026, 1, 31, 12, 0, tzinfo=timezone.utc), "0.1.0",
    Code(commit="ab" * 20, is_dirty=True, repository="https://example.org/gate"),
)  # fmt: skip

DATA = DataSet(
    name="gate-val", split="val", sha256="d" * 64, files=400, size=12_000_000,
    licence="CC-BY-4.0", source="https://example.org/gate-val",
)  # fmt: skip

METRICS = (
    Metric(name="map50", value=0.61, samples=400, data_set="d" * 64),
    Metric(name="map50", value=0.42, class_name="person", condition="night", samples=80,
           data_set="d" * 64),
)  # fmt: skip


def bright_onnx(score: float = 0.9, weight: float = 1e-4, class_id: int = 0) -> bytes:
    """A YOLOX network that sees one object, and adds the picture's brightness to each value."""
    nodes = [
        Node("ReduceMean", ("input",), "mean"), Node("Squeeze", ("mean",), "scalar"),
        Node("Mul", ("scalar", "weight"), "brightness"),
        Node("Add", ("answer", "brightness"), "output"),
    ]  # fmt: skip
    constants = {
        "answer": tiny_answer(class_id, score), "weight": np.array(weight, np.float32),
    }  # fmt: skip
    return onnx_bytes(nodes, {"input": (1, 3, 32, 32)}, {"output": (1, 4, 8)}, constants)


def write_model(folder: Path, onnx: bytes | None = None, **changes: object) -> Path:
    """A manifest `gate.yaml` beside its network and a licence."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "gate.onnx").write_bytes(onnx or bright_onnx())
    manifest = tiny_manifest(sha256=sha256_of(folder / "gate.onnx"), name="gate", **changes)
    (folder / "LICENSE").write_bytes(LICENCE.read_bytes())
    path = folder / "gate.yaml"
    path.write_text(manifest.model_dump_json())
    return path


def pictures(count: int = 3) -> list[Image]:
    """Smooth random pictures, lighter and lighter."""
    random = np.random.default_rng(4)
    noise = random.integers(0, 256, (count, 40, 50, 3), np.uint8)
    blurred = [cv2.GaussianBlur(one, (0, 0), 3) for one in noise]
    return [np.asarray(one // 2 + 30 * n, np.uint8) for n, one in enumerate(blurred)]


def submission(folder: Path, model: Path | None = None, **changes: Any) -> Submission:
    """A model with everything that a record can hold: `gate.yaml` of a folder, or a new one."""
    manifest, onnx_path = zoo.resolve(str(model or write_model(folder)))
    chart = folder / "recall.svg"
    chart.write_text("<svg xmlns='http://www.w3.org/2000/svg'/>")
    given: dict[str, Any] = {
        "licence_file": folder / "LICENSE", "data_sets": (DATA,),
        "metrics": METRICS, "charts": (chart,), "configuration": {"epochs": 30, "lr": 0.001},
        "pictures": pictures(),
    }  # fmt: skip
    return Submission(manifest, onnx_path, **{**given, **changes})


def registered(folder: Path, **changes: Any) -> Registered:
    """A record in `folder/store`, of a model in `folder/model`."""
    return register(submission(folder / "model", **changes), Store(folder / "store"), WHO)


def rewritable(folder: Path) -> Path:
    """The same folder, whose files may be changed by whoever damages them."""
    for path in files_of(folder):
        path.chmod(0o644)
    return folder


def files_of(folder: Path) -> Sequence[Path]:
    """All files of a folder, in a fixed order."""
    return sorted(Path(root) / name for root, _, names in os.walk(folder) for name in names)
