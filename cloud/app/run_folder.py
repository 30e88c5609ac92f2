"""The folder that one `wayside-cloud up` works in, and nobody else beside it."""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import yaml

from cloud.errors import StartError
from cloud.settings import CloudSettings

_HEAD = "# Written by `wayside-cloud up`: the settings in force. Changes are overwritten.\n"


@contextmanager
def run_folder(settings: CloudSettings) -> Iterator[Path]:
    """`data_dir/run`, made where it is missing and locked until the end.

    The lock goes with the process, however that ends.

    Raises:
        StartError: it cannot be written, or another `wayside-cloud up` works in it.
    """
    folder = settings.data_dir / "run"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = (folder / "up.lock").open("w")
    except OSError as error:
        raise StartError(
            f"data_dir {settings.data_dir} cannot be written: {error.strerror}"
        ) from error
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise StartError(
                f"another wayside-cloud runs on data_dir {settings.data_dir}: stop it, or set "
                "data_dir and the ports to others"
            ) from error
        yield folder


def write_effective(settings: CloudSettings, folder: Path) -> Path:
    """A settings file of what is in force now, all paths absolute."""
    path = folder / "effective.yaml"
    path.write_text(_HEAD + yaml.safe_dump(settings.model_dump(mode="json")), encoding="utf-8")
    return path
