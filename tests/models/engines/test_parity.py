"""The real networks on real frames find the same in OpenVINO as in ONNX Runtime."""

import itertools
from collections.abc import Iterator, Sequence
from contextlib import ExitStack

import numpy as np
import pytest

from models.areas import Areas
from models.compile.parity import difference
from models.detections import Detections, Image
from models.media import VideoReader
from models.nms import iou
from models.selection import AnyNetwork, network_class
from tests.support.real_assets import real_asset, real_network

pytest.importorskip("models.engines.openvino", exc_type=ModuleNotFoundError)

TOLERANCE = 5e-3
"""Of `difference`. OpenVINO's other ways to convolve differ by 0.0027 at most, which is 1.4e-4 in
an output whose largest value is 3.5."""

NETWORKS = {
    "yolox-nano": ("cctv-people", (100, 130)),
    "fastestdet": ("dashcam-cars", (10, 25)),
    "twinlitenet": ("dashcam-lanes", (10, 60)),
}
"""Each with a video and those of its frames that are looked at."""


@pytest.fixture(params=NETWORKS)
def pair(request: pytest.FixtureRequest) -> Iterator[tuple[AnyNetwork, AnyNetwork]]:
    manifest, path = real_network(request.param)
    with ExitStack() as ends:
        made = [
            network_class(manifest).load(manifest, path, 2, engine)
            for engine in ("onnxruntime/CPU", "openvino/CPU")
        ]
        for one in made:
            ends.callback(one.close)
        yield made[0], made[1]


def frames_for(network: AnyNetwork) -> Sequence[Image]:
    video, numbers = NETWORKS[network.manifest.name]
    with VideoReader(real_asset(video)) as reader:
        first = list(itertools.islice(reader, numbers[-1] + 1))
    return [first[number] for number in numbers]


def test_openvino_finds_what_onnx_runtime_finds(pair: tuple[AnyNetwork, AnyNetwork]) -> None:
    original, other = pair
    assert (original.engine.name, other.engine.name) == ("onnxruntime/CPU", "openvino/CPU")
    seen = 0
    for frame in frames_for(original):
        tensor, place = original.prepare(frame)
        raw, other_raw = original.infer(tensor), other.infer(tensor)
        for one, its in zip(raw, other_raw, strict=True):
            assert difference(one, its) < TOLERANCE
        found, other_found = original.decode(raw, place), other.decode(other_raw, place)
        seen += require_same(found, other_found)
    assert seen > 0, "nothing was there to be found: the frames prove nothing"


def require_same(found: object, other: object) -> int:
    """How much was found; both found it."""
    if isinstance(found, Areas):
        assert isinstance(other, Areas)
        for one, its in zip(found.maps, other.maps, strict=True):
            assert (one == its).mean() > 0.9995
        return sum(int((one > 0).any()) for one in found.maps)
    assert isinstance(found, Detections)
    assert isinstance(other, Detections)
    assert found.class_id.tolist() == other.class_id.tolist()
    np.testing.assert_allclose(found.confidence, other.confidence, atol=1e-3)
    if len(found):
        assert iou(found.xyxy, other.xyxy).diagonal().min() > 0.99
    return len(found)
