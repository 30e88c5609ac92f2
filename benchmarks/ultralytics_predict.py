"""Ultralytics' own loop over a video, in an environment of its own: it knows nothing of ours.

    python ultralytics_predict.py export SIDE FOLDER    a YOLOv8n of random weights, as ONNX
    python ultralytics_predict.py serve ONNX VIDEO SIDE FRAMES

`serve` looks at the first frames once for each line that it reads, and answers with a line.
"""

import itertools
import shutil
import sys
from pathlib import Path

from ultralytics import YOLO


def export(side: int, folder: Path) -> None:
    """Write `yolov8n.onnx` into a folder; the weights are drawn anew each time."""
    made = YOLO("yolov8n.yaml").export(format="onnx", imgsz=side, verbose=False)
    shutil.move(made, folder / "yolov8n.onnx")


def serve(onnx: str, video: str, side: int, frames: int) -> None:
    """One round a line, until there is no further line."""
    model = YOLO(onnx, task="detect")
    for _ in sys.stdin:
        found = model.predict(video, stream=True, imgsz=side, device="cpu", verbose=False)
        seen = sum(1 for _ in itertools.islice(found, frames))
        print(f"looked at {seen}", flush=True)


if __name__ == "__main__":
    if sys.argv[1] == "export":
        export(int(sys.argv[2]), Path(sys.argv[3]))
    else:
        serve(sys.argv[2], sys.argv[3], int(sys.argv[4]), int(sys.argv[5]))
