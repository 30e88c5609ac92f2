"""Pictures and videos in; the same with what was seen, and files of what was seen, out."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from models.areas import Areas
from models.detections import Image
from models.draw import draw, draw_areas, draw_ranking
from models.errors import MediaError
from models.media import VideoReader, is_picture_name, write_picture
from models.prediction.formats import writer_of
from models.prediction.journal import Frame, Journal
from models.prediction.rows import Found, Row, rows_of
from models.prediction.sources import Item, frames_of, items_of
from models.progress import Progress
from models.ranking import Ranking
from models.selection import AnyNetwork
from models.video_writer import VideoFormat, VideoWriter

VIDEO_SUFFIX, PICTURE_SUFFIX = ".mp4", ".png"
"""Of videos that are written into a folder, and of pictures whose own name tells no format."""


@dataclass(slots=True)
class Summary:
    """What was seen.

    Attributes:
        frames: how many.
        boxes: of each class over all frames; of a classifier, the frames that show it most.
        shares: of the pictures, that each class takes on average; of a segmenter alone.
        unreadable: why files of a folder were left out.
    """

    frames: int = 0
    boxes: Counter[str] = field(default_factory=Counter)
    shares: dict[str, float] = field(default_factory=dict)
    unreadable: list[str] = field(default_factory=list)

    def add(self, rows: Sequence[Row], network: AnyNetwork) -> None:
        """Count what one more frame showed."""
        classes = network.manifest.classes
        task = network.manifest.head.task
        if task == "segmentation":
            now = {classes[row["class"]]: row["share"] for row in rows}
            self.shares = {
                name: (self.shares.get(name, 0.0) * self.frames + now.get(name, 0.0))
                / (self.frames + 1)
                for name in classes
            }
        else:
            shown = rows[:1] if task == "classification" else rows
            self.boxes.update(classes[row["class"]] for row in shown)
        self.frames += 1


@dataclass(frozen=True, slots=True)
class Outputs:
    """What is written.

    Attributes:
        annotated: a picture or video, or, of a folder, a folder; None: nothing is drawn.
        results: files, `.json` for COCO and `.csv`.
        ffmpeg: program that writes H.264; None: OpenCV writes MPEG-4 Part 2.
    """

    annotated: Path | None = None
    results: Sequence[Path] = ()
    ffmpeg: str | None = None


def predict(
    network: AnyNetwork, source: Path, outputs: Outputs, progress: Progress | None = None
) -> Summary:
    """Look at all of a source.

    With results, or of a folder, a run that broke off goes on where it was: at the frame, or, of
    a video that is drawn on, at its beginning.

    Args:
        network: what looks.
        source: a picture, a video or a folder of them.
        outputs: what is written; each file appears when it is whole.
        progress: told after each frame.

    Raises:
        MediaError: a file cannot be written, or the one that is looked at cannot be read.
        EngineError: the network failed.
    """
    items = items_of(source)
    writers = [(path, writer_of(path)) for path in outputs.results]
    _check(source, items, outputs)
    for path in (*outputs.results, outputs.annotated):
        if path is not None:
            _make_folder(path if path == outputs.annotated and source.is_dir() else path.parent)
    run = _Run(network, outputs, progress, _total(items), source.is_dir())
    place = _journal_of(source, outputs)
    if place is None:
        for item in items:
            run.look(item, None)
        return run.summary
    asked = {
        "source": str(source.resolve()), "manifest": network.manifest.model_dump(mode="json"),
        "drawn": outputs.annotated and str(outputs.annotated.resolve()),
    }  # fmt: skip
    with closing(Journal(place, asked, keeps_halves=outputs.annotated is None)) as journal:
        for frame in journal.read():
            run.summary.add(frame["rows"], network)
        for item in items:
            if not journal.is_done(item.name):
                run.look(item, journal)
        for path, write in writers:
            write(path, journal.read(), network.manifest.classes)
        journal.remove()
    return run.summary


@dataclass(slots=True)
class _Run:
    network: AnyNetwork
    outputs: Outputs
    progress: Progress | None
    total: int | None
    is_folder: bool
    summary: Summary = field(default_factory=Summary)

    def look(self, item: Item, journal: Journal | None) -> None:
        """Look at all of an item that was not looked at yet."""
        unreadable = len(self.summary.unreadable)
        with ExitStack() as ends:
            put = self._put(item, ends)
            begin = 0 if journal is None else journal.frames_of(item.name)
            for number, image in enumerate(self._frames_of(item)):
                if number < begin:
                    continue
                found = self.network.find(image)
                height, width = image.shape[:2]
                rows = rows_of(found, width, height)
                if put is not None:
                    put(_drawn(image, found, self.network.manifest.classes))
                if journal is not None:
                    journal.add(Frame(file=item.name, frame=number, width=width, height=height,
                                      rows=rows))  # fmt: skip
                self.summary.add(rows, self.network)
                if self.progress is not None:
                    self.progress(self.summary.frames, self.total)
        if journal is not None and len(self.summary.unreadable) == unreadable:
            journal.finish(item.name)

    def _frames_of(self, item: Item) -> Iterator[Image]:
        """The frames of an item; of a folder, a file that cannot be read stops none of the rest."""
        try:
            yield from frames_of(item)
        except MediaError as error:
            if not self.is_folder:
                raise
            self.summary.unreadable.append(str(error))

    def _put(self, item: Item, ends: ExitStack) -> Callable[[Image], None] | None:
        """What takes an item's drawn frames; None where nothing is drawn."""
        out = self.outputs.annotated
        if out is None:
            return None
        if self.is_folder:
            out = out / item.name
            _make_folder(out.parent)
        if item.is_picture:
            if not is_picture_name(out):
                out = out.with_name(f"{out.name}{PICTURE_SUFFIX}")
            return partial(write_picture, out)
        if self.is_folder:
            out = out.with_name(f"{out.name}{VIDEO_SUFFIX}")
        writer: list[VideoWriter] = []

        def put(image: Image) -> None:
            if not writer:  # only a frame tells the size
                height, width = image.shape[:2]
                with VideoReader(item.path) as reader:
                    form = VideoFormat(width, height, reader.fps)
                writer.append(ends.enter_context(VideoWriter(out, form, self.outputs.ffmpeg)))
            writer[0].write(image)

        return put


def _drawn(image: Image, found: Found, classes: Sequence[str]) -> Image:
    if isinstance(found, Areas):
        return draw_areas(image, found, classes)
    if isinstance(found, Ranking):
        return draw_ranking(image, found, classes)
    return draw(image, found, classes)


def _check(source: Path, items: Sequence[Item], outputs: Outputs) -> None:
    """Refuse outputs that cannot be, before anything is looked at."""
    out = outputs.annotated
    written = [path for path in (out, *outputs.results) if path is not None]
    if not written:
        raise MediaError("nothing to write: name --out or --results")
    for path in written:
        if path.exists() and path.samefile(source):
            raise MediaError(f"{path}: is the source itself; name another file")
    if out is None:
        return
    if source.is_dir():
        if out.exists() and not out.is_dir():
            raise MediaError(f"{out}: is a file, and {source} is a folder; name a folder")
        if out.resolve().is_relative_to(source.resolve()):
            raise MediaError(f"{out}: lies in the source, which would grow; name another folder")
    elif not items[0].is_picture and is_picture_name(out):
        raise MediaError(f"{out}: is a picture's name, and {source} is a video; use .mp4")


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise MediaError(f"{folder}: cannot be made a folder: {error.strerror}") from error


def _journal_of(source: Path, outputs: Outputs) -> Path | None:
    """Where a run's journal lies: beside its first results, or in its folder of pictures."""
    if outputs.results:
        first = outputs.results[0]
        return first.with_name(f".{first.name}.journal")
    if source.is_dir() and outputs.annotated is not None:
        return outputs.annotated / ".predict.journal"
    return None


def _total(items: Sequence[Item]) -> int | None:
    """Frames of all, where every video says how many it has."""
    total = 0
    for item in items:
        if item.is_picture:
            total += 1
            continue
        try:
            with VideoReader(item.path) as reader:
                if reader.total_frames is None:
                    return None
                total += reader.total_frames
        except MediaError:
            return None  # told when it is looked at
    return total
