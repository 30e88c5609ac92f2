import threading
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from structlog.testing import capture_logs

from edge.capture.attempt import Open
from edge.capture.clock import WallClock
from edge.capture.machine import Limits
from edge.capture.port import Frame, Source
from edge.capture.reader import Reader
from edge.capture.settings import CameraSource
from edge.capture.slot import FrameQueue, LatestFrameSlot, Slot
from edge.capture.sources import Camera, Wait
from edge.errors import CaptureError, OutboxError
from edge.rules.port import Draft
from models.detections import Image
from protos.ids import Lane
from protos.v1.event_batch_pb2 import EventBatch
from tests.support.fake_source import START_NS, FakeSource
from tests.support.media import MjpegCamera, picture
from tests.support.processes import wait_until

NOW_NS = START_NS + 3600 * 1_000_000_000


class Reports:
    """The CAMERA_STATE events that a reader made."""

    def __init__(self) -> None:
        self.drafts: list[Draft] = []

    @property
    def states(self) -> list[str]:
        return [draft.event.camera_status.state for draft in self.drafts]


FILE = CameraSource(source="fake.mp4")
STREAM = CameraSource(source="rtsp://fake/1")


def quick(**changes: Any) -> Limits:
    """A stream's limits, with short waits."""
    waits = {"retry_initial_s": 0.001, "retry_max_s": 0.002, **changes}
    return replace(STREAM.limits, **waits)


def reader(
    open_source: Open,
    slot: Slot,
    reports: Reports,
    limits: Limits = FILE.limits,
    settings: CameraSource = FILE,
) -> Reader:
    return Reader(
        "cam-fake", open_source, slot, reports.drafts.append, lambda: NOW_NS, limits,
        settings.soundness(),
    )  # fmt: skip


def numbers(slot: Slot) -> list[int]:
    return [arrival.frame.number for arrival in iter(slot.take, None)]


def test_a_file_is_read_to_its_end() -> None:
    reports, slot, source = Reports(), FrameQueue(2), FakeSource(9)
    with reader(lambda wait: source, slot, reports) as reading:
        assert numbers(slot) == list(range(9))
    reading.check()
    assert source.closed
    assert (reading.state, reading.frames) == ("ended", 9)
    live, ended = (draft.event for draft in reports.drafts)
    assert {draft.lane for draft in reports.drafts} == {Lane.STATE}
    assert live.kind == ended.kind == EventBatch.CAMERA_STATE
    assert (live.camera, live.captured_ns, live.frame) == ("cam-fake", START_NS, 0)
    assert (ended.captured_ns, ended.frame) == (START_NS + 800_000_000, 8)
    assert (live.camera_status.state, ended.camera_status.state) == ("live", "ended")
    assert ended.camera_status.detail == "end: 9 of 9 frames"


def test_a_stream_that_breaks_is_opened_again() -> None:
    reports, slot = Reports(), FrameQueue(2)
    sources = [FakeSource(2, breaks=True), FakeSource(3, breaks=True), FakeSource(1)]
    left = iter(sources)
    with reader(lambda wait: next(left), slot, reports, quick()) as reading:
        assert numbers(slot) == [0, 1, 0, 1, 2, 0]
    reading.check()
    assert all(source.closed for source in sources)
    assert reports.states == ["live", "reconnecting", "live", "reconnecting", "live", "ended"]
    lost = reports.drafts[1].event
    assert (lost.captured_ns, lost.camera_status.detail) == (NOW_NS, "lost: the fake broke")
    assert reading.view.reconnects == 2


def test_a_stream_that_cannot_be_opened_is_reported_once_and_tried_on() -> None:
    attempts: Iterator[int] = iter(range(100))

    def open_source(wait: Wait) -> Source:
        if next(attempts) < 5:
            raise CaptureError("no camera")
        return FakeSource(1)

    reports, slot = Reports(), FrameQueue(2)
    with capture_logs() as logs, reader(open_source, slot, reports, quick()):
        assert numbers(slot) == [0]
    assert reports.states == ["connecting", "live", "ended"]
    assert [log["state"] for log in logs] == ["connecting", "live", "ended"]


def test_a_file_that_cannot_be_read_ends_with_its_error() -> None:
    reports, slot = Reports(), FrameQueue(9)
    with (
        capture_logs() as logs,
        reader(lambda wait: FakeSource(2, breaks=True), slot, reports) as reading,
    ):
        assert numbers(slot) == [0, 1]
    with pytest.raises(CaptureError, match="the fake broke"):
        reading.check()
    assert reports.states == ["live", "failed"]
    assert [log["state"] for log in logs] == ["live"], "whoever takes the error tells it"


def test_an_event_that_cannot_be_reported_ends_the_reader() -> None:
    def report(draft: Draft) -> None:
        raise OutboxError("damaged")

    slot = FrameQueue(9)
    with Reader(
        "cam-fake", lambda wait: FakeSource(2), slot, report, lambda: 0, FILE.limits,
        FILE.soundness(),
    ) as reading:  # fmt: skip
        assert numbers(slot) == []
    with pytest.raises(OutboxError, match="damaged"):
        reading.check()


def test_stopping_ends_a_wait_for_the_next_attempt() -> None:
    reports, slot = Reports(), FrameQueue(9)
    hour = quick(retry_initial_s=3600, retry_max_s=3600)

    def open_source(wait: Wait) -> Source:
        raise CaptureError("no camera")

    with reader(open_source, slot, reports, hour):
        wait_until(lambda: reports.states == ["connecting"], "the first attempt")
    assert slot.take() is None


def test_stopping_ends_a_wait_for_a_frame_s_time() -> None:
    waiting = threading.Event()

    def open_source(wait: Wait) -> Source:
        waiting.set()
        wait(3600)
        return FakeSource(2)

    slot = FrameQueue(9)
    with reader(open_source, slot, Reports()):
        waiting.wait()
    assert numbers(slot) == []


def test_a_slot_that_is_closed_ends_the_reader() -> None:
    source, slot = FakeSource(1000), FrameQueue(1)
    with reader(lambda wait: source, slot, Reports()) as reading:
        slot.close(discard=True)
        wait_until(lambda: source.closed, "the end of the reader")
    assert reading.frames < 1000
    assert numbers(slot) == []


@pytest.mark.parametrize("loss", ["off", "frozen"])
def test_a_real_camera_comes_back(loss: str) -> None:
    remote, reports, wall = MjpegCamera(), Reports(), WallClock()
    settings = CameraSource(
        source=remote.url, read_timeout_ms=200, open_timeout_ms=500, reconnect_max_s=0.2
    )
    slot = LatestFrameSlot(60_000, wall.now_ns)
    camera = Camera("cam-http", settings, wall)
    reading = Reader(
        "cam-http", camera.open, slot, reports.drafts.append, wall.now_ns, settings.limits,
        settings.soundness(),
    )  # fmt: skip
    with reading:
        wait_until(lambda: reports.states == ["connecting"], "the report of a camera that is off")
        remote.switch_on()
        wait_until(lambda: reading.state == "live", "its first frame")
        if loss == "off":
            remote.switch_off()
        else:
            remote.freeze()
        wait_until(lambda: reading.state == "reconnecting", "the report of its loss")
        if loss == "frozen":
            remote.switch_off()
        frames = reading.frames
        remote.switch_on()
        wait_until(lambda: reading.frames > frames, "further frames")
    remote.switch_off()
    reading.check()
    states = [state for state in reports.states if state != "stalled"]
    assert states == ["connecting", "live", "reconnecting", "live"]
    times = [draft.event.captured_ns for draft in reports.drafts]
    assert times == sorted(times)
    assert not any("s3cret" in str(draft.event) for draft in reports.drafts)


class Stuck(FakeSource):
    """Brings one frame; then its reads do not return until the test releases them."""

    def __init__(self, release: threading.Event) -> None:
        super().__init__(1, lossless=False)
        self._release = release
        self._is_first = True
        self.asked = threading.Event()

    def read(self) -> Frame | None:
        if self._is_first:
            self._is_first = False
            return super().read()
        self.asked.set()
        self._release.wait()
        return Frame("cam-fake", 99, START_NS + 99, self._image(99))


def test_a_read_that_never_comes_back_does_not_hold_the_consumer() -> None:
    release, slot = threading.Event(), FrameQueue(2)
    source = Stuck(release)
    with reader(lambda wait: source, slot, Reports()) as reading:
        assert source.asked.wait(10)
        reading.stop()
        assert [arrival.frame.number for arrival in iter(slot.take, None)] == [0]
        release.set()


def test_a_read_that_hangs_is_replaced_and_what_it_brings_late_is_not_taken() -> None:
    release, go_on = threading.Event(), threading.Event()

    def images() -> Iterator[Image]:
        yield picture(1)
        go_on.wait()
        yield picture(2)

    slot, reports, stuck = FrameQueue(9), Reports(), Stuck(release)
    left = iter([stuck, Showing(images())])
    limits = quick(silence_s=1.0, hang_s=1.0)
    with reader(lambda wait: next(left), slot, reports, limits) as reading:
        wait_until(lambda: reports.states[-2:] == ["reconnecting", "live"], "the second source")
        assert reading.view.hanging == 1
        release.set()
        wait_until(lambda: stuck.closed, "the end of the first")
        assert reading.frames == 2, "what it brought late does not count"
        go_on.set()
        wait_until(lambda: reading.state == "ended", "the end of the second")
    assert numbers(slot) == [0, 0, 1], "and is not taken"


def test_too_many_that_hang_make_it_fail_until_one_comes_back() -> None:
    release, reports = threading.Event(), Reports()
    opened: list[int] = []

    def open_source(wait: Wait) -> Source:
        opened.append(len(opened))
        if len(opened) <= 3:
            release.wait()
            raise CaptureError("too late")
        return FakeSource(1, lossless=False)

    limits = quick(open_s=0.05, hang_s=0.05, max_hanging=2)
    with reader(open_source, FrameQueue(9), reports, limits) as reading:
        wait_until(lambda: reading.state == "failed", "three that hang")
        assert (len(opened), reading.view.hanging) == (3, 3)
        release.set()
        wait_until(lambda: reading.state == "ended", "another attempt")
        wait_until(lambda: reading.view.reason == "end", "its end")
    assert reports.states == ["connecting", "failed", "connecting", "live", "ended"]


class Showing(FakeSource):
    """A live source whose pictures a test makes."""

    def __init__(self, images: Iterator[Image], *, breaks: bool = False) -> None:
        super().__init__(1, lossless=False)
        self._images = images
        self._ends_broken = breaks
        self._number = -1

    def read(self) -> Frame | None:
        image = next(self._images, None)
        if image is None:
            if self._ends_broken:
                raise CaptureError("the fake broke")
            return None
        self._number += 1
        return Frame("cam-fake", self._number, START_NS + self._number * 10**8, image)


def test_useless_pictures_do_not_pass_and_are_counted_by_cause() -> None:
    grey = np.full((48, 64, 3), 128, np.uint8)
    images = [picture(1), grey, picture(2), grey, grey, picture(3)]
    slot, reports = FrameQueue(9), Reports()
    source = Showing(iter(images))
    with reader(lambda wait: source, slot, reports, STREAM.limits, STREAM) as reading:
        wait_until(lambda: reading.state == "ended", "the end")
    assert numbers(slot) == [0, 2, 5]
    assert reading.view.dropped == {"corrupt": 3}
    assert reading.frames == 6
    assert reports.states == ["live", "ended"], "a few do not make a stall"


def test_a_camera_that_is_away_brings_no_pictures_a_second() -> None:
    go_on = threading.Event()

    def images() -> Iterator[Image]:
        yield from (picture(number) for number in range(60))
        go_on.wait()

    slot, reports = FrameQueue(99), Reports()
    left = iter([Showing(images(), breaks=True)])

    def open_source(wait: Wait) -> Source:
        if (source := next(left, None)) is None:
            raise CaptureError("no camera")
        return source

    with reader(open_source, slot, reports, quick(silence_s=None), STREAM) as reading:
        wait_until(lambda: reading.frames == 60, "its pictures")
        assert reading.view.fps == pytest.approx(10.0)
        go_on.set()
        wait_until(lambda: reading.state == "reconnecting", "its loss")
        assert reading.view.fps == 0.0


def test_a_change_of_the_stream_is_told_once_and_with_its_size() -> None:
    small, large = picture(1), np.zeros((96, 128, 3), np.uint8)
    slot, reports = FrameQueue(99), Reports()
    images = [small, large, small, large, small]
    with reader(
        lambda wait: Showing(iter(images)), slot, reports, STREAM.limits, STREAM
    ) as reading:
        wait_until(lambda: reading.state == "ended", "the end")
    details = [draft.event.camera_status.detail for draft in reports.drafts]
    assert details == ["", "resolution: 64x48 to 128x96", "end"], "flapping is not told each time"
    assert (reading.view.width_px, reading.view.height_px) == (64, 48)
