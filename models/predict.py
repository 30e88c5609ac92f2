"""A picture or video file in, the same with what was seen out."""

import itertools
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from models.areas import Areas
from models.detections import Image
from models.draw import draw, draw_areas, draw_ranking
from models.errors import MediaError
from models.media import VideoReader, is_picture, is_picture_name, read_picture, write_picture
from models.ranking import Ranking
from models.selection import AnyNetwork
from models.video_writer import VideoFormat, VideoWriter

Progress = Callable[[int, int | None], None]
"""Told the frames that are done and the frames there are (None: nobody knows)."""


@dataclass(frozen=True, slots=True)
class Summary:
    """What was seen.

    Attributes:
        frames: how many.
        boxes: of each class over all frames; of a classifier, the frames that show it most.
        shares: of the pictures, that each class takes on average; of a segmenter alone.
    """

    frames: int
    boxes: Counter[str]
    shares: Mapping[str, float]


def predict(
    network: AnyNetwork,
    source: Path,
    out: Path,
    ffmpeg: str | None = None,
    progress: Progress | None = None,
) -> Summary:
    """Draw what a network sees in `source` into `out`.

    Args:
        network: what looks.
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
    seen = _Seen(network)
    if is_picture(source):
        write_picture(out, seen.drawn(read_picture(source)))
    else:
        _video(seen, source, out, ffmpeg, progress)
    return seen.summary()


class _Seen:
    """Draws what a network finds, and counts it."""

    def __init__(self, network: AnyNetwork) -> None:
        self._network = network
        self._frames = 0
        self._boxes: Counter[str] = Counter()
        self._shares: dict[str, float] = {}

    def drawn(self, image: Image) -> Image:
        """The picture with what it shows."""
        self._frames += 1
        classes = self._network.manifest.classes
        found = self._network.find(image)
        if isinstance(found, Areas):
            for class_id, name in enumerate(classes):
                self._shares[name] = self._shares.get(name, 0.0) + found.share(class_id)
            return draw_areas(image, found, classes)
        if isinstance(found, Ranking):
            self._boxes.update(classes[class_id] for class_id in found.class_id[:1])
            return draw_ranking(image, found, classes)
        self._boxes.update(classes[class_id] for class_id in found.class_id)
        return draw(image, found, classes)

    def summary(self) -> Summary:
        """Of all that was drawn."""
        shares = {name: total / self._frames for name, total in self._shares.items()}
        return Summary(self._frames, self._boxes, shares)


def _video(
    seen: _Seen, source: Path, out: Path, ffmpeg: str | None, progress: Progress | None
) -> None:
    if is_picture_name(out):
        raise MediaError(f"{out}: is a picture's name, and {source} is a video; use .mp4")
    with VideoReader(source) as reader:
        frames = iter(reader)
        first = next(frames, None)
        if first is None:
            raise MediaError(f"{source}: holds no frame that OpenCV can read")
        height, width = first.shape[:2]
        with VideoWriter(out, VideoFormat(width, height, reader.fps), ffmpeg) as writer:
            for done, frame in enumerate(itertools.chain([first], frames), 1):
                writer.write(seen.drawn(frame))
                if progress is not None:
                    progress(done, reader.total_frames)
