"""The trust half of updates put together: the only module that knows all of it."""

import contextlib
import threading
import time
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

from edge.errors import OtaError
from edge.ota.client import Client, Time
from edge.ota.downloads import Downloads
from edge.ota.fetch import Fetch
from edge.ota.high_water import HighWater
from edge.ota.port import Fetcher, Trust
from edge.ota.refusal import refusal
from edge.ota.repository import Repository
from edge.ota.settings import OtaSettings
from edge.ota.states import Code
from edge.ota.trusted_store import TrustedStore
from edge.publish.clock import clock_synced

FOLDER, TRUSTED = "ota", "trusted"
_MAX_ROOT_BYTES = 512 * 1024

DEVICE_TIME = Time(time.time, clock_synced)


@dataclass(frozen=True, slots=True)
class Opened:
    """What the life of an update needs of trust."""

    trust: Trust
    fetcher: Fetcher


@contextlib.contextmanager
def open_trust(
    settings: OtaSettings, data_dir: Path, stop: threading.Event,
    *, families: Collection[str] = (), device_time: Time = DEVICE_TIME,
    agent: Callable[[], str] = lambda: version("wayside"),
) -> Iterator[Opened]:  # fmt: skip
    """The device's side of the repository that settings name, until the block ends.

    Args:
        settings: with a url and a root_file.
        data_dir: of the device; the files lie in its folder `ota`.
        stop: once set, every wait for the network ends within a second.
        families: names of models that this device uses.
        device_time: what the device knows of the time.
        agent: version of this agent.

    Raises:
        OtaError: the root cannot be used, or another process has the folder.
    """
    if settings.url is None or settings.root_file is None:
        raise refusal(
            Code.NOT_READABLE, "ota: url and root_file are not set, so nothing can be trusted"
        )
    folder = data_dir / FOLDER
    anchor = _anchor(settings.root_file)
    with (
        TrustedStore(folder / TRUSTED) as store,
        contextlib.closing(Fetch(settings, stop)) as fetch,
    ):
        downloads = Downloads(settings.url, fetch, stop)
        client = Client(anchor, store, HighWater(folder), downloads, device_time)
        yield Opened(Repository(client, agent(), families), downloads)


def _anchor(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(_MAX_ROOT_BYTES + 1)
    except OSError as error:
        raise OtaError(
            Code.NOT_READABLE, f"ota.root_file: {path}: cannot be read: {error.strerror or error}"
        ) from error
