"""Clips: what will make them, and whether there is room."""

import shutil
from collections.abc import Iterator

from edge.doctor.disk import nearest
from edge.doctor.finding import Finding, ok, warning
from edge.evidence.assembly import clips_folder
from edge.settings import EdgeSettings

_MIB = 1024 * 1024


def clips(settings: EdgeSettings) -> Iterator[Finding]:
    """How clips will be kept; nothing is said where no camera keeps any."""
    if not any(camera.evidence.clips.enabled for camera in settings.cameras):
        return
    yield _encoder(settings.clips.encoder == "auto")
    yield from _room(settings)


def _encoder(shall_encode: bool) -> Finding:
    from edge.evidence.encoding import find_encoder

    if not shall_encode:
        return ok("clips", "JPEGs as they are, in .mkv, as the settings ask")
    encoder = find_encoder("auto", timeout_s=0)
    if encoder is None:
        return warning(
            "clips", "no ffmpeg that writes H.264: JPEGs in .mkv, several times as big",
            "apt-get install ffmpeg, or set clips.encoder to none",
        )  # fmt: skip
    return ok("clips", f"H.264 by {encoder.ffmpeg}")


def _room(settings: EdgeSettings) -> Iterator[Finding]:
    told, folder = settings.clips, clips_folder(settings)
    try:
        free = shutil.disk_usage(nearest(folder)).free
        held = sum(path.stat().st_size for path in folder.glob("*/*") if path.is_file())
    except OSError as error:
        yield warning(
            "clips", f"{folder}: cannot be looked at: {error.strerror}",
            "let the agent's user enter it, or set clips.folder",
        )  # fmt: skip
        return
    needed = max(0, told.max_bytes - held) + told.min_free_bytes
    seen = (
        f"{folder}: {held // _MIB:,} of {told.max_bytes // _MIB:,} MiB, {free // _MIB:,} MiB free"
    )
    if free >= needed:
        yield ok("clips", seen)
    else:
        yield warning(
            "clips", seen,
            "make room, or lower clips.max_bytes: the oldest go already when the disk has less "
            f"than {told.min_free_bytes // _MIB:,} MiB free",
        )  # fmt: skip
