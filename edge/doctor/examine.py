"""One look at everything, in the order in which one mends: settings, machine, model, ways out."""

from collections.abc import Iterator
from pathlib import Path

from edge import settings as edge_settings
from edge.capture.opencv import prepare_opencv
from edge.doctor.broker import broker
from edge.doctor.camera import cameras
from edge.doctor.clips import clips
from edge.doctor.disk import disk
from edge.doctor.finding import Finding, ok, wrong
from edge.doctor.identity import identity
from edge.doctor.machine import machine
from edge.doctor.network import networks
from wayside.errors import SettingsError


def examine(config: Path) -> Iterator[Finding]:
    """What is found on this device with a settings file, one by one as it is found.

    Where the settings are refused only the machine is looked at.
    """
    prepare_opencv()
    try:
        settings = edge_settings.load(config)
    except SettingsError as error:
        for problem in error.problems:
            yield wrong("settings", str(problem))
        yield from machine()
        return
    count = len(settings.cameras)
    yield ok("settings", f"{config}: {count} camera{'s' if count != 1 else ''}")
    yield from machine()
    yield from disk(settings.data_dir, settings.outbox.max_bytes)
    yield from clips(settings)
    yield from networks(settings.models_in_use)
    yield from identity(settings.identity, settings.device)
    yield from broker(settings.mqtt, settings.device)
    yield from cameras(settings.cameras)
