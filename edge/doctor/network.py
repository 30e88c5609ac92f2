"""The network: is it here, does it run, how fast."""

import time
from collections.abc import Iterator

import numpy as np

from edge.doctor.finding import Finding, ok, warning, wrong
from edge.infer.upgrade import probe_picture
from edge.network import PROBE_SHAPE
from edge.settings import ModelSettings
from models import zoo
from models.detector import Detector
from models.errors import ModelError

_RUNS = 5


def network(settings: ModelSettings) -> Iterator[Finding]:
    """What can be said of the model; nothing is fetched."""
    if not zoo.is_here(settings.name):
        yield warning(
            "model", f"{settings.name}: not on this device yet; the agent fetches it at its start",
            f"fetch it now, while there is a network: wayside-models pull {settings.name}",
        )  # fmt: skip
        return
    try:
        manifest, path = zoo.resolve(settings.name)
        detector = Detector.load(manifest, path, settings.threads, settings.engine)
    except ModelError as error:
        yield wrong("model", str(error))
        return
    try:
        yield ok("model", f"{manifest.name} {manifest.version}, by {detector.engine.name}, "
                          f"{_milliseconds(detector):.0f} ms a picture")  # fmt: skip
    except ModelError as error:
        yield wrong("model", str(error))
    finally:
        detector.close()


def _milliseconds(detector: Detector) -> float:
    """Median of a few runs on a picture as cameras send them, after one that warms up."""
    picture = probe_picture(*PROBE_SHAPE)
    detector.detect(picture)
    took_s = []
    for _ in range(_RUNS):
        begun_s = time.monotonic()
        detector.detect(picture)
        took_s.append(time.monotonic() - begun_s)
    return float(np.median(took_s)) * 1e3
