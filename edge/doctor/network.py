"""Each network: is it here, does it run, how fast."""

import time
from collections.abc import Iterator, Mapping

import numpy as np

from edge.doctor.finding import Finding, ok, warning, wrong
from edge.infer.upgrade import probe_picture
from edge.model_settings import ModelSettings
from edge.network import PROBE_SHAPE
from models import zoo
from models.errors import ModelError
from models.selection import AnyNetwork, network_class

_RUNS = 5


def networks(models: Mapping[str | None, ModelSettings]) -> Iterator[Finding]:
    """What can be said of every network in use; nothing is fetched.

    Args:
        models: by the ids by which cameras name them; None: the agent's `model`.
    """
    for key, settings in models.items():
        yield _network("model" if key is None else f"model {key}", settings)


def _network(subject: str, settings: ModelSettings) -> Finding:
    if not zoo.is_here(settings.name):
        return warning(
            subject, f"{settings.name}: not on this device yet; the agent fetches it at its start",
            f"fetch it now, while there is a network: wayside-models pull {settings.name}",
        )  # fmt: skip
    try:
        manifest, path = zoo.resolve(settings.name)
        network = network_class(manifest).load(manifest, path, settings.threads, settings.engine)
    except ModelError as error:
        return wrong(subject, str(error))
    try:
        return ok(subject, f"{manifest.name} {manifest.version}, by {network.engine.name}, "
                          f"{_milliseconds(network):.0f} ms a picture")  # fmt: skip
    except ModelError as error:
        return wrong(subject, str(error))
    finally:
        network.close()


def _milliseconds(network: AnyNetwork) -> float:
    """Median of a few runs on a picture as cameras send them, after one that warms up."""
    picture = probe_picture(*PROBE_SHAPE)
    network.find(picture)
    took_s = []
    for _ in range(_RUNS):
        begun_s = time.monotonic()
        network.find(picture)
        took_s.append(time.monotonic() - begun_s)
    return float(np.median(took_s)) * 1e3
