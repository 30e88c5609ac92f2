"""What serves when an agent starts, whatever became of trust, slots and rules."""

import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from edge.networks import Networks
from edge.ota.assembly import NobodyToAsk, Origin, Updates, origin_of
from edge.ota.life import Order
from edge.ota.starts import MAX_TRIES
from edge.settings import EdgeSettings, load
from edge.watchdog import Watchdog
from tests.support.fake_ota import FakeFetcher, FakeTrust
from tests.support.ota_line import FAMILY, Line, committed_version
from tests.support.records import write_model
from tests.support.small_agent import small_agent
from wayside.disk import RealDisk

WATCHDOG = Watchdog(60)
ZONE = {"id": "whole", "points": [[0, 0], [1, 0], [1, 1], [0, 1]]}
CATS = {"id": "cats", "kind": "zone", "zone": "whole", "classes": ["cat"]}


class Device:
    """A device that has committed version 1 from the fleet."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.trust = FakeTrust()
        self.trust.release(FAMILY, folder / "store" / FAMILY / "1")
        self.origin = Origin(self.trust, FakeFetcher(self.trust))
        self.line = Line(folder / "data", self.trust, self.origin.fetcher, RealDisk())
        self.line.order(Order(FAMILY, "1", "roll-out-1"))
        self.line.run()
        assert committed_version(self.line) == "1"

    def settings(
        self, ota: Mapping[str, Any] | None = None, classes: tuple[str, ...] | None = None,
        **camera: Any,
    ) -> EdgeSettings:  # fmt: skip
        changes: dict[str, Any] = {"classes": classes} if classes else {}
        own = write_model(self._folder / "own", version="0", **changes)
        cameras = [{"id": "yard", "source": "yard.mp4", **camera}]
        return load(small_agent(self._folder, model={"name": str(own)}, cameras=cameras, ota=ota))

    @property
    def network(self) -> Path:
        """Of the committed slot."""
        return self._folder / "data" / "models" / FAMILY / "1" / "network.onnx"


@pytest.fixture
def device(folder: Path) -> Device:
    return Device(folder)


def serves(networks: Networks) -> str:
    with networks.at_work():
        return networks.loaded(None).model.manifest.version


def test_what_is_committed_serves(device: Device) -> None:
    assert serves(Updates(device.settings(), device.origin).networks(WATCHDOG)) == "1"


def test_without_a_repository_the_settings_own_model_serves(device: Device) -> None:
    with origin_of(device.settings(), threading.Event()) as origin:
        assert origin is None
    assert serves(Networks(device.settings(), WATCHDOG)) == "0"


def test_where_nobody_can_be_asked_what_is_committed_serves_on(
    device: Device, tmp_path: Path
) -> None:
    root = tmp_path / "no-root.json"
    settings = device.settings(ota={"url": "http://127.0.0.1:1", "root_file": str(root)})
    with origin_of(settings, threading.Event()) as origin:
        assert origin is not None
        assert isinstance(origin.trust, NobodyToAsk)
        assert serves(Updates(settings, origin).networks(WATCHDOG)) == "1"
        line = Line(tmp_path / "data", origin.trust, origin.fetcher, RealDisk())
        line.order(Order(FAMILY, "2", "roll-out-2"), revision=2)
        line.work()
        assert line.life().state.name == "DEFERRED", "it may be mended"
        assert str(root) in line.life().detail


def test_a_network_that_was_damaged_gives_way(device: Device) -> None:
    content = bytearray(device.network.read_bytes())
    content[-1] ^= 1
    device.network.chmod(0o644)
    device.network.write_bytes(content)
    assert serves(Updates(device.settings(), device.origin).networks(WATCHDOG)) == "0"
    assert committed_version(device.line) == "own"


def test_a_model_that_ends_the_agent_at_each_start_is_left_out_and_stays_committed(
    device: Device,
) -> None:
    found = [  # each of them a process that comes no further
        serves(Updates(device.settings(), device.origin).networks(WATCHDOG))
        for _ in range(MAX_TRIES + 1)
    ]
    assert found == ["1"] * MAX_TRIES + ["0"]
    assert committed_version(device.line) == "1", "it may be the board's fault"


def test_rules_that_the_committed_model_does_not_fit_have_the_settings_own_one_serve(
    device: Device,
) -> None:
    with_cats = device.settings(
        classes=("person", "car", "cat"), zones=[ZONE], rules=[CATS],
    )  # fmt: skip
    assert serves(Updates(with_cats, device.origin).networks(WATCHDOG)) == "0"
    assert committed_version(device.line) == "1", "rules may be changed back"
    assert serves(Updates(device.settings(), device.origin).networks(WATCHDOG)) == "1"
