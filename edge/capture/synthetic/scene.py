"""What a synthetic camera shows: rectangles that move over noise, each place known exactly."""

from dataclasses import dataclass, fields
from pathlib import Path
from urllib.parse import parse_qsl

import numpy as np
from numpy.typing import NDArray

from edge.capture.synthetic.faults import Fault, parse_schedule
from models.detections import Image

NOISE_BANK = 4
"""Different backgrounds, shown in turn, for drawing noise anew costs more than all the rest."""

MIN_LEVEL = 160
"""Objects are lighter than this in some channel, the background darker in all."""


@dataclass(frozen=True, slots=True)
class SceneSettings:
    """A scene, as its URL describes it.

    Attributes:
        width: pixels.
        height: pixels.
        fps: pictures a second.
        objects: how many move.
        noise: levels of the background's noise, 0 to 40, both ways.
        seed: other places, sizes and speeds.
        frames: after which it ends, 0: never.
        faults: by schedule.
        control: file that names further faults.
    """

    width: int = 640
    height: int = 360
    fps: float = 25.0
    objects: int = 3
    noise: int = 6
    seed: int = 1
    frames: int = 0
    faults: tuple[Fault, ...] = ()
    control: Path | None = None


_LIMITS = {
    "width": (64, 7680), "height": (64, 4320), "fps": (0.1, 1000), "objects": (0, 1000),
    "noise": (0, 40), "seed": (0, 2**32 - 1), "frames": (0, 2**40),
}  # fmt: skip


def parse_scene(url: str) -> SceneSettings:
    """The scene of `synthetic://yard?width=640&fps=25&objects=3&faults=freeze@5-8`.

    Raises:
        ValueError: an unknown key or a value that cannot be; says what there is.
    """
    query = url.partition("://")[2].partition("?")[2]
    values: dict[str, object] = {}
    for key, value in parse_qsl(query, keep_blank_values=True):
        if key == "faults":
            values[key] = parse_schedule(value)
        elif key == "control":
            values[key] = Path(value)
        elif key in _LIMITS:
            values[key] = _number(key, value)
        else:
            known = ", ".join(field.name for field in fields(SceneSettings))
            raise ValueError(f"synthetic:// knows no {key!r}; it knows {known}")
    return SceneSettings(**values)  # type: ignore[arg-type]


def _number(key: str, text: str) -> float:
    low, high = _LIMITS[key]
    kind = float if key == "fps" else int
    try:
        number = kind(text)
    except ValueError:
        number = None
    if number is None or not low <= number <= high:
        raise ValueError(f"{key}={text} of synthetic:// must be a number from {low} to {high}")
    return number


class Scene:
    """Pictures and their truth; both depend on the picture's number alone.

    Args:
        settings: what is to be seen.
    """

    def __init__(self, settings: SceneSettings) -> None:
        self.settings = settings
        rng = np.random.default_rng(settings.seed)
        self._backgrounds = [self._background(rng) for _ in range(NOISE_BANK)]
        height, count = settings.height, settings.objects
        widths = rng.integers(height // 12, height // 6, count)
        heights = rng.integers(height // 8, height // 4, count)
        self._size = np.stack([widths, heights], axis=1)
        self._room = np.array([settings.width, height]) - self._size
        self._start = rng.uniform(0, 1, (count, 2)) * self._room
        self._speed = rng.uniform(0.05, 0.25, (count, 2)) * height * rng.choice([-1, 1], (count, 2))
        self._colour = rng.integers(0, 256, (count, 3)).astype(np.uint8)
        self._colour[np.arange(count), np.arange(count) % 3] = rng.integers(200, 256, count)

    def truth(self, number: int) -> NDArray[np.float32]:
        """Boxes of a picture's objects in order of their ids, (N, 4) xyxy in pixels.

        An object of a higher id hides those below it.
        """
        gone = self._start + self._speed * (number / self.settings.fps)
        # There and back again between the edges: a triangle wave.
        place = self._room - np.abs(np.mod(gone, 2 * self._room) - self._room)
        corner = np.rint(place)
        return np.concatenate([corner, corner + self._size], axis=1).astype(np.float32)

    def picture(self, number: int) -> Image:
        """The picture, (height, width, 3) uint8, BGR."""
        image: Image = self._backgrounds[number % NOISE_BANK].copy()
        boxes = self.truth(number).astype(int).tolist()
        for colour, (left, top, right, bottom) in zip(self._colour, boxes, strict=True):
            image[top:bottom, left:right] = colour
        return image

    def _background(self, rng: np.random.Generator) -> Image:
        width, height, noise = self.settings.width, self.settings.height, self.settings.noise
        slope = np.linspace(50, 110, height, dtype=np.int16)[:, None, None]
        grain = rng.integers(-noise, noise + 1, (height, width, 3), dtype=np.int16)
        return (slope + grain).astype(np.uint8)
