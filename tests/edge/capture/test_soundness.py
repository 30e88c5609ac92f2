import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

from edge.capture.opencv import read_picture
from edge.capture.soundness import FreezeWatch, Soundness, filled_share
from models.detections import Image

S = 1_000_000_000
RNG = np.random.default_rng(7)
SCENE = RNG.integers(40, 200, (240, 320, 3)).astype(np.uint8)


def noisy(image: Image, levels: int = 2) -> Image:
    """The picture as a sensor sees it once more."""
    noise = RNG.integers(-levels, levels + 1, image.shape)
    return np.asarray(np.clip(image + noise, 0, 255), np.uint8)


class Camera:
    """Pictures at 10 a second, judged."""

    def __init__(self, **changes: float | None) -> None:
        values = {
            "frozen_after_s": 5.0, "frozen_tolerance": 3.0, "corrupt_share": 0.25,
            "corrupt_after_s": 1.0, **changes,
        }  # fmt: skip
        self.soundness = Soundness(**values)  # type: ignore[arg-type]
        self.number = 0
        self.period_ns = S // 10
        self.now_ns = 1000 * S

    def show(self, image: Image) -> str:
        """The flaw, `dropped`, or nothing."""
        self.now_ns += self.period_ns
        verdict = self.soundness.judge(image, self.now_ns, self.now_ns / 1e9)
        self.changes = [reason for reason, _ in verdict.changes]
        return verdict.flaw or ("" if verdict.is_usable else "dropped")


def test_a_still_scene_before_a_live_sensor_is_not_frozen() -> None:
    camera = Camera()
    assert {camera.show(noisy(SCENE, 1)) for _ in range(200)} == {""}


def test_the_same_picture_is_frozen_after_its_time_and_not_before() -> None:
    camera = Camera()
    for _ in range(20):
        assert camera.show(noisy(SCENE)) == ""
    flaws = [camera.show(SCENE) for _ in range(90)]
    first = flaws.index("frozen")
    assert 50 <= first <= 62, "5 s, and at most a look later"
    assert set(flaws[first:]) == {"frozen"}


def test_key_frames_of_a_frozen_picture_do_not_make_it_live() -> None:
    """As OpenH264 codes a picture that stays: the same, but for its key frames."""
    camera = Camera()
    keyed = np.clip(SCENE.astype(int) + RNG.choice([-2, 2], SCENE.shape), 0, 255).astype(np.uint8)
    shown = [camera.show(keyed if number % 12 == 0 else SCENE) for number in range(100)]
    assert shown[-30:] == ["frozen"] * 30


@pytest.mark.parametrize("times", [2, 3, 8])
def test_a_slow_sensor_whose_pictures_are_repeated_is_not_frozen(times: int) -> None:
    camera = Camera()
    camera.period_ns = S // 25
    shown = [camera.show(image) for _ in range(100) for image in [noisy(SCENE)] * times]
    assert set(shown) == {""}


def test_a_frozen_picture_that_becomes_that_of_a_slow_sensor_is_live() -> None:
    camera = Camera()
    while camera.show(SCENE) != "frozen":
        pass
    shown = [camera.show(image) for _ in range(20) for image in [noisy(SCENE, 1)] * 3]
    assert (shown[0], set(shown[40:])) == ("frozen", {""})


def test_coarse_key_frames_and_what_refines_them_do_not_make_it_live() -> None:
    camera = Camera()
    refined = [noisy(SCENE, levels) for levels in (3, 2, 1)]
    shown = [camera.show([*refined, *[SCENE] * 9][number % 12]) for number in range(150)]
    assert shown[-30:] == ["frozen"] * 30


@pytest.mark.parametrize("side", [16, 60])
def test_a_frozen_picture_moves_again_with_its_first_change(side: int) -> None:
    camera = Camera()
    while camera.show(SCENE) != "frozen":
        pass
    changed = SCENE.copy()
    changed[100 : 100 + side, 50 : 50 + side] = 255
    assert camera.show(changed) == ""


def test_noise_that_comes_back_ends_the_freeze() -> None:
    camera = Camera()
    while camera.show(SCENE) != "frozen":
        pass
    assert [camera.show(noisy(SCENE, 1)) for _ in range(5)] == ["frozen"] * 4 + [""]


def test_a_small_thing_that_moves_over_a_clean_picture_is_live() -> None:
    camera = Camera()
    for number in range(100):
        image = SCENE.copy()
        image[80:96, number : number + 16] = 255
        assert camera.show(image) == ""


def test_freezing_can_be_left_alone() -> None:
    camera = Camera(frozen_after_s=None)
    assert {camera.show(SCENE) for _ in range(200)} == {""}


def test_another_size_is_another_picture() -> None:
    watch = FreezeWatch(3.0)
    small = np.ascontiguousarray(SCENE[::2, ::2])
    assert watch.frozen_for_s(SCENE, 10.0, is_suspected=False) == 0
    assert watch.frozen_for_s(SCENE, 18.0, is_suspected=True) == 8
    assert watch.frozen_for_s(small, 19.0, is_suspected=True) == 0


def filled(share: float, colour: tuple[int, int, int]) -> Image:
    """A picture whose lower part was never decoded."""
    image: Image = SCENE.copy()
    image[round(240 * (1 - share)) :] = colour
    return image


@pytest.mark.parametrize("colour", [(128, 128, 128), (130, 130, 130), (0, 135, 0), (0, 77, 0)])
def test_what_a_decoder_fills_in_is_found(colour: tuple[int, int, int]) -> None:
    assert filled_share(filled(0.4, colour)) == pytest.approx(0.4, abs=0.02)


@pytest.mark.parametrize(
    "image",
    [
        SCENE,
        noisy(np.full((240, 320, 3), 128, np.uint8)),
        np.zeros((240, 320, 3), np.uint8),
        np.full((240, 320, 3), 255, np.uint8),
        np.full((240, 320, 3), (40, 120, 50), np.uint8),
        np.zeros((2, 2, 3), np.uint8),
    ],
    ids=["scene", "grey wall", "night", "glare", "lawn", "tiny"],
)
def test_what_a_lens_brings_is_not_taken_for_it(image: Image) -> None:
    assert filled_share(image) < 0.02


def test_a_stream_without_its_key_frame_is_corrupt(tmp_path: Path) -> None:
    """Real smear: H.264 of which the first key frame is cut off, shown as ffmpeg decodes it."""
    if shutil.which("ffmpeg") is None:
        pytest.skip("ffmpeg is not installed; `make test` installs it")
    whole, cut = tmp_path / "whole.h264", tmp_path / "cut.h264"
    source = "testsrc2=size=320x240:rate=10:duration=4"
    subprocess.run(
        ["ffmpeg", "-v", "error", "-f", "lavfi", "-i", source, "-c:v", "libx264", "-bf", "0",
         "-g", "100", "-x264-params", "keyint=100:scenecut=0:ref=1", str(whole)],
        check=True,
    )  # fmt: skip
    content = whole.read_bytes()
    # Keep the parameter sets before the first slice, drop the key frame, go on with the second.
    starts = [at for at in range(len(content) - 4) if content[at : at + 3] == b"\0\0\1"]
    key = next(at for at in starts if content[at + 3] & 31 == 5)
    after = next(at for at in starts if content[at + 3] & 31 == 1)
    cut.write_bytes(content[:key] + content[after:])
    subprocess.run(
        ["ffmpeg", "-v", "quiet", "-flags", "+output_corrupt", "-i", str(cut), "-frames:v", "3",
         str(tmp_path / "smear%d.png")],
        check=True,
    )  # fmt: skip
    shares = [filled_share(read_picture(file)) for file in tmp_path.glob("smear*.png")]
    assert len(shares) == 3
    assert max(shares) > 0.25


@pytest.mark.parametrize("height", [240, 256, 360, 720, 1080])
@pytest.mark.parametrize("share", [0.3, 0.6, 1.0])
def test_what_is_filled_in_in_one_piece_is_found_at_a_glance(height: int, share: float) -> None:
    rows = round(height * share)
    for top in range(0, height - rows + 1, 8):
        image = RNG.integers(40, 200, (height, 64, 3)).astype(np.uint8)
        image[top : top + rows] = 128
        soundness = Soundness(None, 3.0, corrupt_share=0.25, corrupt_after_s=1.0)
        assert not soundness.judge(image, S, 1.0).is_usable, f"from row {top} on"


def test_nothing_hides_between_the_rows_of_a_glance() -> None:
    image = RNG.integers(40, 200, (720, 64, 3)).astype(np.uint8)
    for top in range(0, 720, 64):
        image[top : top + 48] = 128
    soundness = Soundness(None, 3.0, corrupt_share=0.25, corrupt_after_s=1.0)
    found = [soundness.judge(image, n * S, float(n)).is_usable for n in range(1, 5)]
    assert found.count(False) == 3


def test_corrupt_pictures_are_dropped_and_a_lasting_fault_is_told() -> None:
    camera = Camera()
    camera.show(SCENE)
    shown = [camera.show(filled(0.5, (128, 128, 128))) for _ in range(15)]
    assert shown[:10] == ["dropped"] * 10
    assert shown[10:] == ["corrupt"] * 5
    assert camera.show(noisy(SCENE)) == ""
    assert camera.show(filled(0.5, (128, 128, 128))) == "dropped", "its time begins anew"


def test_what_was_corrupt_before_an_outage_does_not_count_after_it() -> None:
    camera = Camera()
    grey = np.full_like(SCENE, 128)
    assert [camera.show(SCENE), camera.show(grey)] == ["", "dropped"]
    camera.now_ns += 60 * S
    camera.soundness.reconnected()
    assert camera.show(grey) == "dropped", "a decoder that waits for its first key frame"
    assert [camera.show(grey) for _ in range(10)][-1] == "corrupt"


def test_a_new_resolution_is_told_once() -> None:
    camera = Camera()
    camera.show(SCENE)
    assert camera.changes == []
    camera.show(np.ascontiguousarray(SCENE[::2, ::2]))
    assert camera.changes == ["resolution"]
    camera.show(np.ascontiguousarray(SCENE[::2, ::2]))
    assert camera.changes == []


def test_a_new_rate_is_told_once_it_lasts() -> None:
    camera = Camera(frozen_after_s=None)
    for _ in range(110):
        camera.show(SCENE)
        assert camera.changes == []
    assert camera.soundness.fps == pytest.approx(10)
    camera.period_ns = S // 4
    told = []
    for _ in range(80):
        camera.show(SCENE)
        told += camera.changes
    assert told == ["rate"]
    assert camera.soundness.fps == pytest.approx(4)


def test_a_hiccup_is_no_new_rate() -> None:
    camera = Camera(frozen_after_s=None)
    told = []
    for number in range(400):
        camera.period_ns = 2 * S if number == 130 else S // 10
        camera.show(SCENE)
        told += camera.changes
    assert told == []
    assert camera.soundness.fps == pytest.approx(10)
