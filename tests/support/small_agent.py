"""Settings of an agent that starts quickly: a tiny network on short videos of a few pixels."""

import hashlib
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from tests.support.media import write_video
from tests.support.tiny_detector import tiny_answer, tiny_manifest, write_tiny_model
from tests.support.tiny_onnx import Node, onnx_bytes

DEVICE = "gate-1"
FRAMES = 20


def small_agent(folder: Path, **changes: Any) -> Path:
    """A settings file beside its network and a video of 2 s; returns the file.

    Args:
        folder: made where it is missing.
        changes: laid over the settings; None takes one away.
    """
    folder.mkdir(parents=True, exist_ok=True)
    if not (folder / "tiny.yaml").exists():
        write_tiny_model(folder)
        write_video(folder / "yard.mp4", FRAMES)
    settings: dict[str, Any] = {
        "device": DEVICE,
        "data_dir": "data",
        "model": {"name": "tiny.yaml"},
        "cameras": [{"id": "yard", "source": "yard.mp4"}],
        "infer": {"workers": 1},
        # Nobody listens on port 1; a test that needs a broker names its port.
        "mqtt": {"port": 1},
        "when_done": "exit",
        **changes,
    }
    file = folder / "edge.yaml"
    file.write_text(yaml.safe_dump({key: value for key, value in settings.items() if value}))
    return file


def busy_camera(folder: Path, fps: float = 50.0) -> dict[str, Any]:
    """A live camera on which every frame makes events, for as long as it runs.

    It goes with `write_busy_model`: the box that moves is watched by rules on narrow zones.
    """
    write_video(folder / "busy.mp4", 100, fps)
    strips = [(f"strip-{number}", 0.4 + number / 50) for number in range(10)]
    zones = [
        {"id": name, "points": [[x, 0], [x + 0.02, 0], [x + 0.02, 1], [x, 1]]} for name, x in strips
    ]
    rules = [
        {"id": f"in-{name}-{copy}", "kind": "zone", "zone": name, "min_s": 0, "margin": 0}
        for name, _ in strips
        for copy in range(10)
    ]
    return {
        "id": "busy", "source": "busy.mp4", "pace": "live", "loop": True,
        "zones": zones, "rules": rules,
    }  # fmt: skip


def write_busy_model(folder: Path) -> Path:
    """A manifest `busy.yaml` and its network: one box, further right the brighter the picture."""
    answer = tiny_answer()
    answer[0, 0, 0] -= 0.3
    per_level = np.zeros_like(answer)
    per_level[0, 0, 0] = 0.003
    onnx = onnx_bytes(
        [
            Node("ReduceMean", ("input",), "mean"),
            Node("Squeeze", ("mean",), "level"),
            Node("Mul", ("level", "per_level"), "shift"),
            Node("Add", ("answer", "shift"), "output"),
        ],
        {"input": (1, 3, 32, 32)},
        {"output": answer.shape},
        {"answer": answer, "per_level": per_level},
    )
    (folder / "busy.onnx").write_bytes(onnx)
    manifest = tiny_manifest(name="busy", sha256=hashlib.sha256(onnx).hexdigest())
    path = folder / "busy.yaml"
    path.write_text(manifest.model_dump_json())
    return path
