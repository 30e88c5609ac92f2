"""What follows from the figures: the rate of each camera, and what limits it.

Every picture that a camera brings is decoded, also those that nobody infers; what the network does
comes on top for those it is given, and so do tracker, rules and outbox, which are Python and so run
one at a time whatever the number of CPUs.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

CPU, PYTHON = "CPUs", "Python"

COMFORTABLE = 0.8
"""Load up to which there is room for what varies: busy scenes, other programs, heat."""

_HALVINGS = 50


@dataclass(frozen=True, slots=True)
class Demand:
    """What one camera asks of one network.

    Attributes:
        name: of the camera, and of the network where it is for areas.
        brought_fps: pictures a second that the camera brings.
        fps: of these, what is to be inferred.
        least_fps: that it is guaranteed; 0: nothing is.
        decode_ms: CPU's time of a picture; 0 where it is not known, or another demand's.
        network_ms: pre-processing, network and heads of a picture where all workers are at work:
            the time from one picture to the next.
        host_ms: CPU's time of pre-processing and heads, where the network is not on the CPUs.
        after_ms: tracker, rules and outbox.
        network: its name; it is a resource of its own, of so many workers.
        cpu_share: of all CPUs that the network takes while all its workers are at work; 0 where it
            is not on the CPUs.
    """

    name: str
    brought_fps: float
    fps: float
    least_fps: float
    decode_ms: float
    network_ms: float
    host_ms: float
    after_ms: float
    network: str = "model"
    cpu_share: float = 1.0

    def inferred_fps(self, share_fps: float) -> float:
        """What it gets where everybody has a share of so many."""
        return min(self.fps, max(self.least_fps, share_fps))


@dataclass(frozen=True, slots=True)
class Capacity:
    """What follows.

    Attributes:
        loads: share of each resource that is used when every camera gets its whole rate; above 1
            it cannot.
        fps: of each demand, by name: its whole rate, or what an even share leaves it.
        bottleneck: the resource with the highest load.
        guarantees_hold: every camera gets at least what it is guaranteed.
    """

    loads: Mapping[str, float]
    fps: Mapping[str, float]
    bottleneck: str
    guarantees_hold: bool

    @property
    def load(self) -> float:
        """Of the bottleneck."""
        return self.loads[self.bottleneck]

    @property
    def fits(self) -> bool:
        """True where every camera gets its whole rate."""
        return self.load <= 1.0


def capacity(demands: Sequence[Demand], cpus: int) -> Capacity:
    """What so many CPUs, and the networks, give to all of these at once."""
    loads = _loads(demands, cpus, max(one.fps for one in demands))
    holds = max(_loads(demands, cpus, 0.0).values()) <= 1.0
    if not holds:
        demands = [replace(one, least_fps=0.0) for one in demands]
    demands = [one for network in _by_network(demands) for one in _alone(network, cpus)]
    share_fps = _even_share(demands, cpus)
    return Capacity(
        loads,
        {one.name: one.inferred_fps(share_fps) for one in demands},
        max(loads, key=lambda resource: loads[resource]),
        holds,
    )


def _by_network(demands: Sequence[Demand]) -> list[list[Demand]]:
    names = dict.fromkeys(one.network for one in demands)
    return [[one for one in demands if one.network == name] for name in names]


def _alone(demands: Sequence[Demand], cpus: int) -> list[Demand]:
    """What one network's demands come to by itself: a slow one holds up none of the others."""
    share_fps = _even_share(demands, cpus)
    return [replace(one, fps=one.inferred_fps(share_fps)) for one in demands]


def _even_share(demands: Sequence[Demand], cpus: int) -> float:
    """The highest rate that all cameras can have which want as much or more, by bisection."""
    low_fps, high_fps = 0.0, max(one.fps for one in demands)
    if max(_loads(demands, cpus, high_fps).values()) <= 1.0:
        return high_fps
    for _ in range(_HALVINGS):
        middle_fps = (low_fps + high_fps) / 2
        if max(_loads(demands, cpus, middle_fps).values()) <= 1.0:
            low_fps = middle_fps
        else:
            high_fps = middle_fps
    return low_fps


def _loads(demands: Sequence[Demand], cpus: int, share_fps: float) -> dict[str, float]:
    """Share of each resource that is used where every camera has a share of so many."""
    loads = {CPU: 0.0, PYTHON: 0.0}
    for one in demands:
        inferred = one.inferred_fps(share_fps)
        network = inferred * one.network_ms / 1e3
        loads[one.network] = loads.get(one.network, 0.0) + network
        loads[PYTHON] += inferred * one.after_ms / 1e3
        cpu_ms = one.brought_fps * one.decode_ms + inferred * one.after_ms
        cpu_ms += 0.0 if one.cpu_share else inferred * one.host_ms
        loads[CPU] += cpu_ms / 1e3 / cpus + network * one.cpu_share
    return loads
