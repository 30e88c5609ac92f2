"""No frame is dropped because engines are built beside it."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.support.line import Agent
from tests.support.processes import wait_until

BUILD_YOLOX = (
    "from models.cli import app; app(['compile', '--model', 'yolox-nano', '--cache', {!r}])"
)


NO_GPU = """
class Error(Exception):
    pass


def init():
    raise Error("no CUDA-capable device is detected")
"""
"""As pycuda.driver is where there is no GPU. Without pycuda nothing would be built."""


@pytest.mark.system
def test_no_frame_is_dropped_while_engines_are_built(
    tmp_path: Path, video: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At 10 fps: first the agent's own engine, then YOLOX-nano's by command; both for real.

    The agent runs FastestDet, so that a test machine with little to spare has some for frames;
    without a GPU it then stays with ONNX Runtime, and says so once.
    """
    pytest.importorskip("tensorrt_rtx")
    pycuda = tmp_path / "modules" / "pycuda"
    pycuda.mkdir(parents=True)
    (pycuda / "__init__.py").write_text("")
    (pycuda / "driver.py").write_text(NO_GPU)
    monkeypatch.setenv("PYTHONPATH", str(pycuda.parent))
    with Agent(
        tmp_path / "agent", 1, video, "fastestdet", camera={"pace": "live"}, infer={"workers": 2},
        model={"name": "fastestdet", "tensorrt": {"enabled": True}},
    ) as agent:  # fmt: skip
        agent.program.start()
        engines = agent.folder / "data" / "engines"
        wait_until(lambda: (engines / ".lock").exists(), "the agent's build to begin", 60)
        begun = frames(agent)
        command = [sys.executable, "-c", BUILD_YOLOX.format(str(engines))]
        subprocess.run(command, check=True, timeout=100, capture_output=True)
        passed = frames(agent) - begun
        wait_until(lambda: "no faster engine" in agent.program.output, "the end of the upgrade")
        after = camera(agent)
        assert agent.program.stop() == 0, agent.program.output[-3000:]

    records = [json.loads(path.read_text()) for path in engines.glob("*.json")]
    figures = {record["model"]: record["build_s"] for record in records}
    print(f"built in s: {figures}; {passed} frames meanwhile, dropped {after['dropped']}")
    assert set(figures) == {"fastestdet", "yolox-nano"}
    assert passed >= 5
    assert sum(after["dropped"].values()) == 0
    assert agent.program.output.count("no faster engine") == 1
    assert "no CUDA-capable device is detected" in agent.program.output


def camera(agent: Agent) -> dict[str, Any]:
    """Its figures now."""
    return dict(agent.status()["cameras"][0])


def frames(agent: Agent) -> int:
    """How many were inferred by now."""
    return int(camera(agent)["frames_inferred"])
