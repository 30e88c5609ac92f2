"""A source made of nothing, for tests of what comes after it."""

from edge.capture.port import Frame
from edge.errors import CaptureError
from models.detections import Image
from tests.support.media import picture

START_NS = 1_700_000_000_000_000_000


class FakeSource:
    """Frames of pace 10 fps from memory.

    Args:
        frames: how many there are.
        camera: id of the camera.
        breaks: end with CaptureError instead of None.
        lossless: what it says of itself.
        first: number of the first frame.
    """

    def __init__(
        self,
        frames: int,
        camera: str = "cam-fake",
        *,
        breaks: bool = False,
        lossless: bool = True,
        first: int = 0,
    ) -> None:
        self._camera = camera
        self._breaks = breaks
        self._lossless = lossless
        self._numbers = iter(range(first, first + frames))
        self._frames = frames
        self.closed = False

    @property
    def lossless(self) -> bool:
        return self._lossless

    @property
    def total_frames(self) -> int | None:
        return self._frames if self._lossless else None

    @property
    def decoder(self) -> str:
        return "fake"

    @property
    def clock_resets(self) -> int:
        return 0

    def read(self) -> Frame | None:
        number = None if self.closed else next(self._numbers, None)
        if number is None:
            if self._breaks and not self.closed:
                raise CaptureError("the fake broke")
            return None
        return Frame(self._camera, number, START_NS + number * 100_000_000, self._image(number))

    def close(self) -> None:
        self.closed = True

    def _image(self, number: int) -> Image:
        return picture(number)
