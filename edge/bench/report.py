"""All figures of a board and a configuration; as JSON."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from edge.bench.capacity import Capacity
from edge.bench.timing import Timing


@dataclass(slots=True)
class NetworkReport:
    """One network.

    Attributes:
        id: by which cameras name it; None: the agent's `model`.
        name: of its model, as the settings say it.
        threads: that share the work of one picture.
        engine: that runs it, really; empty where it cannot be used.
        workers: threads that inferred at once; 0 where it was not measured.
        fps: pictures a second that they got through.
        cpu_share: of the CPUs that they take at work; 0 where the network is not on them.
    """

    id: str | None
    name: str
    threads: int
    engine: str = ""
    workers: int = 0
    fps: float = 0.0
    cpu_share: float = 0.0


@dataclass(slots=True)
class CameraReport:
    """One camera and one network that looks at it.

    Attributes:
        camera: its id, and the network's where that is for areas: `yard/lanes`.
        network: id of the network; None: the agent's `model`.
        source: of its pictures, without credentials.
        width_px: of its pictures.
        height_px: of its pictures.
        fps: that it brings.
        wanted_fps: of these, what is to be inferred, by its `max_fps`.
        least_fps: that its `min_fps` guarantees; 0: nothing is.
        decoder: empty where drawn pictures stand in for it.
        stages: how long each takes; what could not be measured is missing.
        problem: what was wrong with its source.
    """

    camera: str
    network: str | None
    source: str
    width_px: int
    height_px: int
    fps: float
    wanted_fps: float
    least_fps: float
    decoder: str
    stages: Mapping[str, Timing]
    problem: str


@dataclass(slots=True)
class Report:
    """All of it.

    Attributes:
        device: id of the device.
        machine: what it is.
        cpus: that the agent may use.
        busy: CPUs that others used when it began.
        networks: that cameras use.
        objects: in each picture, for tracker and rules.
        cameras: one by one.
        commit: of an alarm to disk; None where it could not be written.
        capacity: what follows; None where a network cannot be used.
        problems: what is wrong beside the cameras.
    """

    device: str
    machine: str
    cpus: int
    busy: float
    objects: int = 0
    networks: list[NetworkReport] = field(default_factory=list)
    cameras: list[CameraReport] = field(default_factory=list)
    commit: Timing | None = None
    capacity: Capacity | None = None
    problems: list[str] = field(default_factory=list)

    @property
    def is_whole(self) -> bool:
        """True where everything could be measured."""
        return not self.problems and not any(one.problem for one in self.cameras)

    def as_json(self) -> dict[str, Any]:
        """Plain values, rounded to what can be meant."""
        told: dict[str, Any] = _rounded(asdict(self))
        if self.capacity is not None:
            told["capacity"] |= {"load": _rounded(self.capacity.load), "fits": self.capacity.fits}
        return told


def _rounded(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _rounded(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_rounded(inner) for inner in value]
    return round(value, 4) if isinstance(value, float) else value
