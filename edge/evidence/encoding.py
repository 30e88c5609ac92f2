"""A clip's bytes into a video file: H.264 by an ffmpeg process, or the pictures as they are."""

import os
import shutil
import subprocess
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from edge.capture.decoders import passthrough
from edge.errors import EvidenceError
from edge.evidence.cutter import Still
from edge.evidence.matroska import matroska
from models.video_writer import find_h264_encoder
from wayside.process import dying_with_parent

H264 = "h264"
MJPEG = "mjpeg"
SUFFIX = {H264: ".mp4", MJPEG: ".mkv"}

_NICE = "10"
"""A tenth of a core that inference uses up. By 19 it got a hundredth, and clips were lost."""
_MAX_WORDS = 300
_LOOK_S = 0.2


@dataclass(frozen=True, slots=True)
class Encoder:
    """What makes H.264.

    Attributes:
        ffmpeg: path of the program.
        timeout_s: an encoding that takes longer is ended.
    """

    ffmpeg: str
    timeout_s: float

    def encode(
        self, stills: Sequence[Still], part: Path, is_late: Callable[[], bool] = lambda: False
    ) -> None:
        """Write the pictures, with their times, as an MP4 file that plays while it is loaded.

        Args:
            stills: of one size, in the order of their times.
            part: a file that is there already; it is written anew.
            is_late: True once nobody can wait any longer.

        Raises:
            EvidenceError: ffmpeg failed, or took too long.
        """
        # Files in memory and no pipes: `communicate` loses input that it had not written in time.
        with _in_memory(matroska(stills)) as given, _in_memory(b"") as said:
            try:
                process = subprocess.Popen(
                    self._command(part), stdin=given, stdout=subprocess.DEVNULL, stderr=said
                )
            except OSError as error:
                raise EvidenceError(f"ffmpeg cannot be run: {error}") from error
            with process:
                code = self._await(process, is_late)
            said.seek(0)
            words = said.read()[-_MAX_WORDS:].decode(errors="replace").strip()
        if code:
            raise EvidenceError(f"ffmpeg failed ({code}): {words or 'it said nothing'}")

    def _await(self, process: "subprocess.Popen[bytes]", is_late: Callable[[], bool]) -> int:
        """Its exit code; it is ended where that takes too long."""
        deadline_s = time.monotonic() + self.timeout_s
        while (code := _ended(process)) is None:
            if is_late() or time.monotonic() > deadline_s:
                process.kill()
                late = "and the agent ends" if is_late() else f"after {self.timeout_s:g} s"
                raise EvidenceError(f"ffmpeg is not done {late}")
        return code

    def _command(self, part: Path) -> list[str]:
        """In the background of all that sees: one thread, of low priority."""
        nice = shutil.which("nice")
        command = [
            *([nice, "-n", _NICE] if nice else []),
            self.ffmpeg, "-hide_banner", "-loglevel", "error", "-nostats", "-y",
            "-f", "matroska", "-threads", "1", "-i", "pipe:0",
            # 4:2:0 has colours for pairs of lines and columns: odd sides get one more.
            "-vf", "pad=ceil(iw/2)*2:ceil(ih/2)*2", *passthrough(self.ffmpeg),
            # Times to the ms; else they are rounded to a rate that ffmpeg guesses.
            "-enc_time_base", "1:1000",
            "-c:v", "libx264", "-preset", "veryfast", "-crf", "26", "-pix_fmt", "yuv420p",
            "-threads", "1", "-map_metadata", "-1", "-movflags", "+faststart",
            "-f", "mp4", f"file:{part}",
        ]  # fmt: skip
        return dying_with_parent(command)


def find_encoder(wanted: str, timeout_s: float) -> Encoder | None:
    """What makes H.264 on this machine, None where nothing does or nothing shall.

    Args:
        wanted: `auto`, or `none`.
        timeout_s: for one clip.
    """
    ffmpeg = find_h264_encoder() if wanted == "auto" else None
    return None if ffmpeg is None else Encoder(ffmpeg, timeout_s)


def _ended(process: "subprocess.Popen[bytes]") -> int | None:
    """The exit code of a process that ends within a moment, else None."""
    try:
        return process.wait(_LOOK_S)
    except subprocess.TimeoutExpired:
        return None


def _in_memory(content: bytes) -> IO[bytes]:
    """A file that is on no disk and goes when it is closed, from its begin."""
    file = open(os.memfd_create("wayside-clip"), "w+b")  # noqa: SIM115, PTH123 - the caller's
    file.write(content)
    file.flush()
    file.seek(0)
    return file


def write_as_they_are(stills: Sequence[Still], file: IO[bytes]) -> None:
    """Write the pictures without coding them anew.

    Raises:
        OSError: they cannot be written.
    """
    file.write(matroska(stills))
