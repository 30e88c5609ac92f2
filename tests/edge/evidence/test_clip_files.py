"""Clips as files: whole or not there, with their times, private, bounded; a full disk is told."""

import hashlib
import json
import shutil
import stat
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from edge.errors import EvidenceError
from edge.evidence import opencv
from edge.evidence.cutter import Clip, Still
from edge.evidence.encoding import Encoder, find_encoder
from edge.evidence.folder import ClipFolder, stamp
from edge.evidence.listing import listed
from edge.evidence.matroska import matroska
from edge.evidence.settings import MIB, ClipFolderSettings
from edge.evidence.writer import ATTEMPTS, MAX_WAITING, ClipWriter
from models.video_writer import find_h264_encoder
from tests.support.processes import wait_until
from tests.support.stills import at, cause, noise, played, still

QUICK = ClipFolderSettings(min_free_bytes=0, retry_s=0.01)
Bytes = Callable[[Path], int]
UNEVEN = [0.0, 0.2, 0.41, 0.6, 3.7, 3.9, 9.05, 9.2, 40.0, 40.2]
"""A camera that drops frames, and once none came for half a minute."""


def clip(second: float = 0.0, *, size: tuple[int, int] = (64, 48), event_id: str = "") -> Clip:
    stills = [still(second + one, 20 + 20 * place, size) for place, one in enumerate(UNEVEN)]
    told = cause(second + 1, event_id or "gate-1/0000000000000007/alarm/1")
    return Clip(at(second), at(second + 41), stills, [told], bytes=MIB)


def writer(
    folder: ClipFolder, settings: ClipFolderSettings = QUICK, encoder: Encoder | None = None
) -> ClipWriter:
    return ClipWriter("gate-1", folder, settings, lambda wanted, timeout_s: encoder)


def write(folder: ClipFolder, *clips: Clip, encoder: Encoder | None = None) -> ClipWriter:
    """Write clips, one after the other."""
    with writer(folder, encoder=encoder) as writing:
        for number, one in enumerate(clips, 1):
            writing.put("gate", True, one)
            wait_until(lambda number=number: done(writing) == number, "the clip")  # type: ignore[misc]
    return writing


def done(writing: ClipWriter) -> int:
    return writing.stats.written + writing.stats.lost


@pytest.fixture
def ffmpeg() -> Encoder:
    program = find_h264_encoder()
    if program is None:
        pytest.skip("no ffmpeg with libx264 here: apt-get install ffmpeg")
    return Encoder(program, 60.0)


def files(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.rglob("*") if path.is_file())


def sidecar(folder: Path) -> dict[str, Any]:
    (path,) = folder.rglob("*.json")
    return dict(json.loads(path.read_text()))


def levels(path: Path) -> tuple[list[float], list[int]]:
    times, images = played(str(path))
    return times, [round((float(image[:40, :40].mean()) - 20) / 20) for image in images]


def test_jpegs_as_they_are_keep_their_times(tmp_path: Path) -> None:
    path = tmp_path / "a.mkv"
    path.write_bytes(matroska(clip().stills))
    times, seen = levels(path)
    assert times == pytest.approx([1000 * one for one in UNEVEN], abs=1)
    assert seen == list(range(len(UNEVEN)))


@pytest.mark.parametrize("size", [(64, 48), (63, 47)])
def test_h264_keeps_the_times(tmp_path: Path, ffmpeg: Encoder, size: tuple[int, int]) -> None:
    folder = ClipFolder(tmp_path, QUICK)
    write(folder, clip(size=size), encoder=ffmpeg)
    told = sidecar(tmp_path)
    assert (told["codec"], told["width_px"], told["height_px"]) == ("h264", *size)
    times, seen = levels(tmp_path / "gate" / told["file"])
    assert times == pytest.approx([1000 * one for one in UNEVEN], abs=1)
    assert seen == list(range(len(UNEVEN)))


def test_a_clip_of_many_large_pictures_is_encoded_whole(tmp_path: Path, ffmpeg: Encoder) -> None:
    """More than a pipe holds, and more time than one look at the process takes."""
    stills = [
        Still(at(number / 5), 640, 480, opencv.jpeg_of(noise(480, 640, number), 90))
        for number in range(30)
    ]
    large = Clip(at(0), at(6), stills, [cause(1)], bytes=MIB)
    write(ClipFolder(tmp_path, QUICK), large, encoder=ffmpeg)
    told = sidecar(tmp_path)
    assert (told["codec"], told["frames"]) == ("h264", 30)
    assert len(played(str(tmp_path / "gate" / told["file"]))[0]) == 30


def test_the_json_beside_it_tells_what_it_shows_and_why(tmp_path: Path) -> None:
    folder = ClipFolder(tmp_path, QUICK)
    write(folder, clip())
    told = sidecar(tmp_path)
    video = tmp_path / "gate" / told["file"]
    assert told["sha256"] == hashlib.sha256(video.read_bytes()).hexdigest()
    assert told["bytes"] == video.stat().st_size
    assert (told["device"], told["camera"], told["masked"]) == ("gate-1", "gate", True)
    assert (told["from"], told["to"]) == ("2027-01-15T08:00:00.000Z", "2027-01-15T08:00:40.200Z")
    assert told["events"] == [{
        "event_id": "gate-1/0000000000000007/alarm/1", "kind": "line-crossed",
        "rule": "over-kerb", "target": "kerb", "track_id": 3, "captured_ns": at(1),
    }]  # fmt: skip
    (shown,) = listed(tmp_path)
    assert (shown.camera, shown.duration_s) == ("gate", 40.2)
    assert "line-crossed over-kerb, masked" in str(shown)
    assert list(listed(tmp_path, "other")) == []


def test_files_are_for_this_user_alone(tmp_path: Path, ffmpeg: Encoder) -> None:
    place = tmp_path / "clips"
    write(ClipFolder(place, QUICK), clip(), encoder=ffmpeg)
    modes = {stat.S_IMODE(path.stat().st_mode) for path in place.rglob("*") if path.is_file()}
    assert modes == {0o600}
    assert {stat.S_IMODE(path.stat().st_mode) for path in (place, place / "gate")} == {0o700}


def test_two_clips_of_one_moment_are_two(tmp_path: Path) -> None:
    write(ClipFolder(tmp_path, QUICK), clip(), clip())
    assert len(list(listed(tmp_path))) == 2


def test_what_a_killed_agent_left_is_gone_and_nothing_else(tmp_path: Path) -> None:
    folder = ClipFolder(tmp_path, QUICK)
    write(folder, clip())
    kept = files(tmp_path)
    place, begun = tmp_path / "gate", stamp(at(60))
    for name in (f".{begun}.mp4.part", f".{begun}.json.part", f"{begun}.mp4", f"{begun}-2.json"):
        (place / name).write_text("half")
    (place / "notes.txt").write_text("of a person")
    assert len(list(listed(tmp_path))) == 1, "half a clip is not listed"
    assert ClipFolder(tmp_path, QUICK).prepare() == 4
    assert files(tmp_path) == sorted([*kept, "notes.txt"])


def test_the_oldest_go_for_room_and_age(tmp_path: Path) -> None:
    now = [0.0]

    def at_time(**bounds: Any) -> ClipFolder:
        settings = QUICK.model_copy(update=bounds)
        return ClipFolder(tmp_path, settings, now_s=lambda: now[0])

    write(at_time(), clip(0), clip(100), clip(200))
    one, two, three = at_time().clips()
    now[0] = three.kept_s
    assert at_time(max_bytes=one.bytes + two.bytes).bound() == 1
    assert [kept.video for kept in at_time().clips()] == [two.video, three.video]
    assert at_time(max_bytes=two.bytes + three.bytes).bound(more_bytes=1) == 1
    now[0] += 31 * 86_400
    assert at_time(max_age_days=30.0).bound() == 1
    assert files(tmp_path) == []


def test_events_need_the_disk_more(tmp_path: Path) -> None:
    """What must stay free stays free: the oldest clips go, and then no further one is written."""
    free = [10 * MIB]
    settings = ClipFolderSettings(min_free_bytes=8 * MIB, retry_s=0.01)
    folder = ClipFolder(tmp_path, settings, free_bytes=lambda path: free[0])
    with writer(folder, settings) as writing, capture_logs() as logs:
        writing.put("gate", False, clip())
        wait_until(lambda: done(writing) == 1, "the first clip")
        free[0] = 8 * MIB
        writing.put("gate", False, clip(100))
        wait_until(lambda: done(writing) == 2, "the second clip")
        assert (writing.stats.written, writing.stats.lost, writing.stats.deleted) == (1, 1, 1)
        free[0] = 10 * MIB
        writing.put("gate", False, clip(200))
        wait_until(lambda: done(writing) == 3, "the third clip")
    refusals = [log for log in logs if log["event"] == "clips cannot be written"]
    assert len(refusals) == 1, "said once"
    assert "bytes are free" in refusals[0]["reason"]
    assert "free space on this disk" in refusals[0]["remedy"]
    assert any(log["event"] == "clips can be written again" for log in logs)
    assert len(list(listed(tmp_path))) == 1


def test_a_disk_that_is_full_for_a_moment_costs_no_clip(tmp_path: Path) -> None:
    asked = []

    def free_bytes(path: Path) -> int:
        asked.append(path)
        return 0 if len(asked) < ATTEMPTS else 10 * MIB

    settings = ClipFolderSettings(min_free_bytes=MIB, retry_s=0.01)
    folder = ClipFolder(tmp_path, settings, free_bytes=free_bytes)
    with writer(folder, settings) as writing:
        writing.put("gate", False, clip())
        wait_until(lambda: done(writing) == 1, "the clip")
    assert (writing.stats.written, writing.stats.lost) == (1, 0)


def test_a_clip_that_cannot_be_written_leaves_nothing(tmp_path: Path) -> None:
    folder = ClipFolder(tmp_path, QUICK)

    def write_half(part: Path) -> dict[str, Any]:
        part.write_text("half")
        raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match="No space"):
        folder.keep("gate", at(0), ".mkv", write_half)
    assert files(tmp_path) == []


def test_an_ffmpeg_that_fails_costs_no_clip(tmp_path: Path) -> None:
    failing = shutil.which("false")
    assert failing is not None
    with capture_logs() as logs:
        write(ClipFolder(tmp_path, QUICK), clip(), encoder=Encoder(failing, 60.0))
    assert sidecar(tmp_path)["codec"] == "mjpeg"
    assert sorted(Path(name).suffix for name in files(tmp_path)) == [".json", ".mkv"]
    (told,) = [log for log in logs if log["event"] == "clip is kept as JPEGs"]
    assert "ffmpeg failed (1)" in told["reason"]


def test_an_ffmpeg_that_hangs_is_ended(tmp_path: Path) -> None:
    hanging = tmp_path / "ffmpeg"
    hanging.write_text("#!/bin/sh\ncase $* in *nullsrc*) exit 0;; esac\nexec sleep 1000\n")
    hanging.chmod(0o755)
    with pytest.raises(EvidenceError, match=r"not done after 0\.2 s"):
        Encoder(str(hanging), 0.2).encode(clip().stills, tmp_path / "part")


def test_an_agent_that_ends_waits_no_longer_for_ffmpeg(tmp_path: Path) -> None:
    hanging = tmp_path / "ffmpeg"
    hanging.write_text("#!/bin/sh\ncase $* in *nullsrc*) exit 0;; esac\nexec sleep 1000\n")
    hanging.chmod(0o755)
    with pytest.raises(EvidenceError, match="not done and the agent ends"):
        Encoder(str(hanging), 3600.0).encode(clip().stills, tmp_path / "part", lambda: True)


def test_none_makes_h264_where_nobody_wants_it() -> None:
    assert find_encoder("none", 1.0) is None


def test_clips_that_wait_are_bounded(tmp_path: Path) -> None:
    """A disk that takes nothing holds clips up, and the oldest of those that wait go."""
    settings = ClipFolderSettings(min_free_bytes=MIB, retry_s=3600)
    folder = ClipFolder(tmp_path, settings, free_bytes=lambda path: 0)
    with writer(folder, settings) as writing, capture_logs():
        writing.put("gate", False, clip())
        wait_until(lambda: writing.waiting == 0, "the first clip's attempt")
        for number in range(MAX_WAITING + 2):
            writing.put("gate", False, clip(number))
        assert writing.stats.lost == 2
    assert writing.stats.lost == MAX_WAITING + 3, "the disk takes none at the end either"


def test_who_would_rather_wait_loses_none(tmp_path: Path) -> None:
    folder = ClipFolder(tmp_path, QUICK)
    with writer(folder) as writing:
        for number in range(3 * MAX_WAITING):
            writing.put("gate", False, clip(number), waits=True)
    assert (writing.stats.written, writing.stats.lost) == (3 * MAX_WAITING, 0)


def test_an_agent_that_ends_does_not_wait_for_a_disk_that_takes_nothing(tmp_path: Path) -> None:
    """Who reads a file waits for room; it is told to stop before the writer is."""
    settings = ClipFolderSettings(min_free_bytes=MIB, retry_s=3600)
    folder = ClipFolder(tmp_path, settings, free_bytes=lambda path: 0)
    with writer(folder, settings) as writing, capture_logs():
        writing.put("gate", False, clip())
        wait_until(lambda: writing.waiting == 0, "the first clip's attempt")
        for number in range(MAX_WAITING):
            writing.put("gate", False, clip(number))
        camera = threading.Thread(
            target=writing.put, args=["gate", False, clip(100)], kwargs={"waits": True}
        )
        camera.start()
        writing.hurry()
        camera.join(20)
        assert not camera.is_alive()
    assert (writing.stats.written, writing.stats.lost) == (0, MAX_WAITING + 2)


def test_a_clip_that_goes_while_it_is_listed_is_left_out(tmp_path: Path) -> None:
    """The agent deletes the oldest meanwhile."""
    write(ClipFolder(tmp_path, QUICK), clip(), clip(100), clip(200))
    listing = listed(tmp_path)
    first = next(listing)
    second = sorted(tmp_path.rglob("*.json"))[1]
    for path in tmp_path.rglob(f"{second.stem}.*"):
        path.unlink()
    (third,) = listing
    assert [first.begins, third.begins] == ["2027-01-15T08:00:00.000Z", "2027-01-15T08:03:20.000Z"]


def test_a_damaged_json_is_named(tmp_path: Path) -> None:
    folder = ClipFolder(tmp_path, QUICK)
    write(folder, clip())
    (path,) = tmp_path.rglob("*.json")
    path.write_text("{}")
    with pytest.raises(EvidenceError, match="is damaged"):
        list(listed(tmp_path))
