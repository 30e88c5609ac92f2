"""The agent's pipeline against ultralytics' `predict`, both on one YOLOv8n through ONNX Runtime.

The network is made from ultralytics' yaml with random weights and exported by ultralytics; ours
tracks, has rules and writes events besides. Ultralytics is under the AGPL and no part of
Wayside: this row is left out unless `WAYSIDE_ULTRALYTICS` names a Python that has it.
"""

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.pipeline import VIDEO, first_image, run_agent
from benchmarks.report import Row, interleaved, markdown
from edge.capture.opencv import prepare_opencv
from edge.infer.probe import probe_workers
from edge.publish.outbox import Outbox
from edge.publish.settings import OutboxSettings
from models import zoo
from models.detector import Detector
from models.graph.inspection import inspect

VARIABLE = "WAYSIDE_ULTRALYTICS"
SIDE = 320
FRAMES = 100
ROUNDS = 15
BOUND = 1 / 1.3
"""Time a frame of ours / of ultralytics': at least 1.3 of its frames a second."""

_PROGRAM = Path(__file__).with_name("ultralytics_predict.py")


class Ultralytics:
    """Ultralytics at work in a process of its own.

    Args:
        python: of an environment that has it.
        onnx: the network.
        video: that it looks at.
    """

    def __init__(self, python: str, onnx: Path, video: Path) -> None:
        command = [python, str(_PROGRAM), "serve", str(onnx), str(video), str(SIDE), str(FRAMES)]
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def run(self) -> None:
        """Look at the first frames of the video."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write("go\n")
        self._process.stdin.flush()
        for line in self._process.stdout:
            if line == f"looked at {FRAMES}\n":
                return
        raise RuntimeError(f"{_PROGRAM.name} ended, or did not look at {FRAMES} frames")

    def close(self) -> None:
        """End the process."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait(30)


def measure() -> list[Row]:
    """The row, where ultralytics is to be had."""
    python = os.environ.get(VARIABLE)
    if not python:
        sys.stderr.write(
            f"without the row against ultralytics: python -m venv ENV; ENV/bin/pip install torch "
            f"ultralytics onnx onnxruntime; {VARIABLE}=ENV/bin/python make bench\n"
        )
        return []
    prepare_opencv()
    with tempfile.TemporaryDirectory() as folder:
        return [_compare(python, Path(folder))]


def _compare(python: str, folder: Path) -> Row:
    export = [python, str(_PROGRAM), "export", str(SIDE), str(folder)]
    subprocess.run(export, cwd=folder, check=True, stdout=subprocess.DEVNULL)
    onnx, video = folder / "yolov8n.onnx", zoo.video(VIDEO)
    manifest = inspect(onnx).manifest
    if manifest is None:
        raise RuntimeError(f"{onnx} is not recognised as a network")
    detector = Detector.load(manifest, onnx)
    workers = probe_workers(detector, first_image(video))
    with _outbox(folder) as outbox:
        theirs = Ultralytics(python, onnx, video)
        try:
            return interleaved(
                f"pipeline, yolov8n {SIDE}, {workers} workers (ultralytics predict)",
                lambda: run_agent(detector, video, workers, outbox, FRAMES),
                theirs.run,
                rounds=ROUNDS,
                units=FRAMES,
                bound=BOUND,
            )
        finally:
            theirs.close()
            detector.close()


@contextmanager
def _outbox(folder: Path) -> Iterator[Outbox]:
    outbox = Outbox.open(folder / "outbox", OutboxSettings(), "bench-device")
    try:
        yield outbox
    finally:
        outbox.close()


if __name__ == "__main__":
    print(markdown(measure()))
