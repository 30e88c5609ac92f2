"""A picture or video file in, the same with what was seen out."""

import itertools
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from models.detector import Detector
from models.draw import draw
from models.errors import MediaError
from models.media import VideoReader, is_picture, is_picture_name, read_picture, write_picture
from models.video_writer import VideoFormat, VideoWriter

Progress = Callable[[int, int | None], None]
"""Told the frames that are done and the frames there are (None: nobody knows)."""


@dataclass(frozen=True, slots=True)
class Summary:
    """What was seen: number of frames, and boxes of each class over all of them."""

    frames: int
    boxes: Counter[str]


def predict(
    detector: Detector,
    source: Path,
    out: Path,
    ffmpeg: str | None = None,
    progress: Progress | None = None,
) -> Summary:
    """Draw what the detector sees in `source` into `out`.

    Args:
        detector: what looks.
        source: a picture or a video file.
        out: of the same kind; it appears when all is done.
        ffmpeg: program that writes H.264; None: OpenCV writes MPEG-4 Part 2.
        progress: told after each frame.

    Raises:
        MediaError: a file cannot be read or written.
        EngineError: the network failed.
    """
    if out.exists() and out.samefile(source):
        raise MediaError(f"{out}: is the source itself; name another file")
    if is_picture(source):
        return _picture(detector, source, out)
    return _video(detector, source, out, ffmpeg, progress)


def _picture(detector: Detector, source: Path, out: Path) -> Summary:
    picture = read_picture(source)
    detections = detector.detect(picture)
    classes = detector.manifest.classes
    write_picture(out, draw(picture, detections, classes))
    return Summary(1, Counter(classes[class_id] for class_id in detections.class_id))


def _video(
    detector: Detector, source: Path, out: Path, ffmpeg: str | None, progress: Progress | None
) -> Summary:
    if is_picture_name(out):
        raise MediaError(f"{out}: is a picture's name, and {source} is a video; use .mp4")
    classes = detector.manifest.classes
    boxes: Counter[str] = Counter()
    done = 0
    with VideoReader(source) as reader:
        frames = iter(reader)
        first = next(frames, None)
        if first is None:
            raise MediaError(f"{source}: holds no frame that OpenCV can read")
        height, width = first.shape[:2]
        with VideoWriter(out, VideoFormat(width, height, reader.fps), ffmpeg) as writer:
            for frame in itertools.chain([first], frames):
                detections = detector.detect(frame)
                boxes.update(classes[class_id] for class_id in detections.class_id)
                writer.write(draw(frame, detections, classes))
                done += 1
                if progress is not None:
                    progress(done, reader.total_frames)
    return Summary(done, boxes)
