"""Real networks exchanged while frames pass: none is lost, each says who looked at it."""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from structlog.testing import capture_logs

from edge.capture.port import Frame
from edge.capture.slot import FrameQueue
from edge.errors import OtaError
from edge.infer.feed import Feed
from edge.networks import Networks
from edge.ota.hot_swap import Counts, HotSwap
from edge.ota.probation import ProbationLimits
from edge.settings import EdgeSettings, load
from edge.watchdog import Watchdog
from models.detections import Detections
from models.engines import tensorrt
from models.record.register import register
from models.record.store import Store
from tests.support.fake_engine import constant_engine
from tests.support.pretended_gpu import PretendedCuda
from tests.support.processes import wait_until
from tests.support.records import WHO, bright_onnx, submission, write_model
from tests.support.small_agent import small_agent
from tests.support.tiny_detector import tiny_answer

WATCHDOG = Watchdog(60)
FAMILY = "gate"
NEVER = threading.Event()


def released(folder: Path, version: str, onnx: bytes | None = None, **changes: Any) -> Path:
    """A registered version; without golden inputs where it sees nothing for sure."""
    name = f"model-{version}"
    model = write_model(folder / name, onnx, version=version, **changes)
    more = {} if onnx is None else {"pictures": ()}
    return register(submission(folder / name, model, **more), Store(folder / "store"), WHO).folder


def settings_of(folder: Path, tensorrt: bool = False, **changes: Any) -> EdgeSettings:
    own = write_model(folder / "own", version="0")
    model = {"name": str(own), "tensorrt": {"enabled": tensorrt}}
    return load(small_agent(folder, model=model, **changes))


class Clock:
    """Advances a block with each look."""

    def __init__(self) -> None:
        self.now_s = 0.0

    def __call__(self) -> float:
        self.now_s += 6.0
        return self.now_s


@contextmanager
def serving(
    folder: Path, current: Callable[[], EdgeSettings] | None = None, **changes: Any
) -> Iterator[tuple[HotSwap, Networks]]:
    """Networks at work, whose blocks are of two frames; `current`: by which rules run."""
    settings = settings_of(folder, **changes)
    counts = Counts(ProbationLimits(least_blocks=4, least_frames=4), Clock())
    networks = Networks(settings, WATCHDOG, observe=counts.incumbent)
    swap = HotSwap(networks, counts, current or (lambda: settings))
    with networks.at_work():
        yield swap, networks
    swap.close()


class Camera:
    """Frames as long as it is asked for, and what became of them."""

    def __init__(self, networks: Networks) -> None:
        self._slot = FrameQueue(4)
        self._feed: Feed[Detections] = networks.detector(None).scheduler.feed(self._slot)
        self._stop = threading.Event()
        self._threads = ThreadPoolExecutor(2)
        self.results: list[tuple[int, str, int]] = []
        self._jobs = [self._threads.submit(self._put), self._threads.submit(self._take)]

    def _put(self) -> int:
        number = 0
        while not self._stop.is_set():
            image = np.full((32, 32, 3), number % 200, np.uint8)
            self._slot.put(Frame("cam-one", number, number, image))
            number += 1
        self._slot.close()
        return number

    def _take(self) -> int:
        with self._feed as feed:
            for inferred in feed:
                assert inferred.model is not None
                version = inferred.model.manifest.version
                self.results.append((inferred.number, version, len(inferred.found)))
        return len(self.results)

    def sees(self, version: str) -> None:
        """Wait until a version looks."""
        seen = len(self.results)
        wait_until(
            lambda: any(v == version for _, v, _ in self.results[seen:]), f"version {version}", 20
        )

    def stop(self) -> list[tuple[int, str, int]]:
        """What became of every frame."""
        self._stop.set()
        put, taken = (job.result(20) for job in self._jobs)
        self._threads.shutdown()
        assert [number for number, _, _ in self.results] == list(range(put))
        assert taken == put, "no frame is lost"
        return self.results


def test_a_trial_a_roll_back_and_a_commit_lose_no_frame(tmp_path: Path) -> None:
    better, worse = released(tmp_path, "2"), released(tmp_path, "3", bright_onnx(score=0.01))
    with serving(tmp_path) as (swap, networks):
        assert (swap.families, swap.version(FAMILY)) == ([FAMILY], "0")
        camera = Camera(networks)
        camera.sees("0")
        swap.prepare(FAMILY, worse, NEVER)
        assert swap.version(FAMILY) == "0"
        baseline = swap.activate(FAMILY, worse, NEVER)
        assert baseline.blocks >= 4
        assert baseline.total.mean == 1.0
        assert list(baseline.amounts) == ["person"]
        assert swap.version(FAMILY) == "3"
        camera.sees("3")
        wait_until(lambda: (t := swap.trial(FAMILY)) is not None and t.since.blocks > 1, "blocks")
        trial = swap.trial(FAMILY)
        assert trial is not None
        assert (trial.since.total.mean, trial.errors) == (0.0, 0)
        swap.roll_back(FAMILY)
        swap.roll_back(FAMILY)
        camera.sees("0")
        swap.prepare(FAMILY, better, NEVER)
        swap.activate(FAMILY, better, NEVER)
        swap.commit(FAMILY)
        assert swap.trial(FAMILY) is None
        camera.sees("2")
        swap.exchange(FAMILY, None)
        camera.sees("0")
        results = camera.stop()
    versions = [version for _, version, _ in results]
    changes = [v for n, v in enumerate(versions) if n == 0 or versions[n - 1] != v]
    assert changes == ["0", "3", "0", "2", "0"]
    assert {found for _, version, found in results if version == "3"} == {0}
    assert {found for _, version, found in results if version != "3"} == {1}


def test_what_was_prepared_in_one_folder_is_activated_from_another(tmp_path: Path) -> None:
    folder = released(tmp_path, "2")
    with serving(tmp_path) as (swap, networks):
        camera = Camera(networks)
        swap.prepare(FAMILY, folder, NEVER)
        moved = tmp_path / "slot"
        folder.rename(moved)
        swap.activate(FAMILY, moved, NEVER)
        camera.sees("2")
        assert swap.activate(FAMILY, moved, NEVER).blocks >= 4, "again is the same"
        camera.stop()


ZONE = {"id": "whole", "points": [[0, 0], [1, 0], [1, 1], [0, 1]]}
DOGS = {"id": "dogs", "kind": "zone", "zone": "whole", "classes": ["dog"]}
WATCHED: dict[str, Any] = {
    "cameras": [{"id": "yard", "source": "yard.mp4", "zones": [ZONE], "rules": [DOGS]}]
}


def test_a_model_without_a_class_that_a_rule_names_does_not_fit(tmp_path: Path) -> None:
    folder = released(tmp_path, "2", classes=("person", "car", "cat"))
    with serving(tmp_path, **WATCHED) as (swap, _), pytest.raises(OtaError) as refused:
        swap.prepare(FAMILY, folder, NEVER)
    assert refused.value.code == "incompatible"
    assert "gate 2: cameras[0].rules[0].classes" in refused.value.detail
    assert "dog" in refused.value.detail
    assert not refused.value.is_passing


def test_a_model_that_does_not_do_what_was_registered_is_refused(tmp_path: Path) -> None:
    folder = released(tmp_path, "2")
    for values in (folder / "golden").glob("*.f32"):
        values.chmod(0o644)
        values.write_bytes((np.frombuffer(values.read_bytes(), "<f4") * 2 + 1).tobytes())
    with serving(tmp_path) as (swap, networks), pytest.raises(OtaError) as refused:
        swap.prepare(FAMILY, folder, NEVER)
    assert refused.value.code == "self-test"
    assert networks.loaded(None).model.manifest.version == "0"


def test_a_network_that_is_no_network_is_refused(tmp_path: Path) -> None:
    folder = released(tmp_path, "2")
    network = folder / "network.onnx"
    network.chmod(0o644)
    network.write_bytes(network.read_bytes()[:100])
    with serving(tmp_path) as (swap, _), pytest.raises(OtaError) as refused:
        swap.prepare(FAMILY, folder, NEVER)
    assert refused.value.code == "tampered"


def test_a_model_without_an_engine_as_fast_as_the_incumbents_is_refused(tmp_path: Path) -> None:
    folder = released(tmp_path, "2")
    with serving(tmp_path) as (swap, networks):
        incumbent = networks.loaded(None).network
        engine = incumbent.engine
        incumbent.engine = constant_engine((1, 3, 32, 32), tiny_answer())
        incumbent.engine.name = "tensorrt/GPU"
        with pytest.raises(OtaError) as refused:
            swap.prepare(FAMILY, folder, NEVER)
        incumbent.engine = engine
    assert refused.value.code == "engine"
    assert "the incumbent on tensorrt/GPU" in refused.value.detail


def test_after_a_new_start_a_trial_gets_an_engine_as_fast_as_the_incumbents_too(
    tmp_path: Path,
) -> None:
    folder = released(tmp_path, "2")
    with serving(tmp_path) as (swap, networks):
        camera = Camera(networks)
        wait_until(lambda: len(camera.results) > 20, "a whole baseline", 20)
        camera.stop()
        incumbent = networks.loaded(None).network
        engine = incumbent.engine
        incumbent.engine = constant_engine((1, 3, 32, 32), tiny_answer())
        incumbent.engine.name = "tensorrt/GPU"
        with pytest.raises(OtaError) as refused:
            swap.activate(FAMILY, folder, NEVER)
        incumbent.engine = engine
        assert networks.loaded(None).model.manifest.version == "0"
    assert refused.value.code == "engine"


def test_rules_that_changed_since_it_was_prepared_are_heeded(tmp_path: Path) -> None:
    folder = released(tmp_path, "2", classes=("person", "car", "cat"))
    settings = [settings_of(tmp_path)]
    with serving(tmp_path, current=lambda: settings[-1]) as (swap, networks):
        camera = Camera(networks)
        swap.prepare(FAMILY, folder, NEVER)
        settings.append(settings_of(tmp_path, **WATCHED))
        with pytest.raises(OtaError) as refused:
            swap.activate(FAMILY, folder, NEVER)
        assert networks.loaded(None).model.manifest.version == "0"
        camera.stop()
    assert (refused.value.code, refused.value.is_passing) == ("incompatible", False)


def test_what_takes_the_place_of_what_may_not_serve_gets_its_faster_engine_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("tensorrt_rtx")
    monkeypatch.setattr(tensorrt, "load_pycuda", PretendedCuda)
    with capture_logs() as logs, serving(tmp_path, tensorrt=True) as (swap, _):
        events = {log["event"] for log in logs}
        assert "engine is prepared" not in events, "the first one is the agent's matter"
        swap.exchange(FAMILY, None)
        wait_until(
            lambda: any(log["event"] == "engine is prepared" for log in logs), "its engine", 60
        )


def test_slots_that_refuse_each_other_in_turn_come_to_the_settings_own_model(
    tmp_path: Path,
) -> None:
    """As on a full disk, where nobody can write down that one of them is no good."""
    folder = released(tmp_path, "2")
    (folder / "network.onnx").chmod(0o644)
    (folder / "network.onnx").write_bytes(b"no network")
    networks = Networks(
        settings_of(tmp_path), WATCHDOG, {FAMILY: folder}, lambda family, error: folder
    )
    with networks.at_work():
        assert networks.loaded(None).model.manifest.version == "0"


def test_a_slot_that_cannot_be_loaded_gives_way_at_the_start(tmp_path: Path) -> None:
    folder = released(tmp_path, "2")
    network = folder / "network.onnx"
    network.chmod(0o644)
    network.write_bytes(b"no network")
    refused: list[str] = []

    def another(family: str, error: Exception) -> None:
        refused.append(family)

    networks = Networks(settings_of(tmp_path), WATCHDOG, {FAMILY: folder}, another)
    with networks.at_work():
        assert networks.loaded(None).model.manifest.version == "0"
    assert refused == [FAMILY]
