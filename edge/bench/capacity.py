"""What follows from the figures: the rate of each camera, and what limits it.

Every picture that a camera brings is decoded, also those that nobody infers; what the network does
comes on top for those it is given, and so do tracker, rules and outbox, which are Python and so run
one at a time whatever the number of CPUs.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

CPU, NETWORK, PYTHON = "CPUs", "network", "Python"

COMFORTABLE = 0.8
"""Load up to which there is room for what varies: busy scenes, other programs, heat."""

_HALVINGS = 50


@dataclass(frozen=True, slots=True)
class Demand:
    """What one camera asks for.

    Attributes:
        camera: its id.
        brought_fps: pictures a second that it brings.
        fps: of these, what is to be inferred.
        least_fps: that it is guaranteed; 0: nothing is.
        decode_ms: CPU's time of a picture; 0 where it is not known.
        network_ms: pre-processing, network and heads of a picture, one picture at a time.
        host_ms: of these, what is pre-processing and heads.
        after_ms: tracker, rules and outbox.
    """

    camera: str
    brought_fps: float
    fps: float
    least_fps: float
    decode_ms: float
    network_ms: float
    host_ms: float
    after_ms: float

    def inferred_fps(self, share_fps: float) -> float:
        """What it gets where everybody has a share of so many."""
        return min(self.fps, max(self.least_fps, share_fps))


@dataclass(frozen=True, slots=True)
class Board:
    """What there is.

    Attributes:
        cpus: that the agent may use.
        parallel: pictures that the network looks at in the time of one, by all workers.
        is_network_on_cpu: the network takes from the same CPUs.
    """

    cpus: int
    parallel: float
    is_network_on_cpu: bool


@dataclass(frozen=True, slots=True)
class Capacity:
    """What follows.

    Attributes:
        loads: share of each resource that is used when every camera gets its whole rate; above 1
            it cannot.
        fps: of each camera, by id: its whole rate, or what an even share leaves it.
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


def capacity(demands: Sequence[Demand], board: Board) -> Capacity:
    """What the board gives to these cameras, all at once."""
    loads = _loads(demands, board, max(one.fps for one in demands))
    holds = max(_loads(demands, board, 0.0).values()) <= 1.0
    if not holds:
        demands = [replace(one, least_fps=0.0) for one in demands]
    share_fps = _even_share(demands, board)
    return Capacity(
        loads,
        {one.camera: one.inferred_fps(share_fps) for one in demands},
        max(loads, key=lambda resource: loads[resource]),
        holds,
    )


def _even_share(demands: Sequence[Demand], board: Board) -> float:
    """The highest rate that all cameras can have which want as much or more, by bisection."""
    low_fps, high_fps = 0.0, max(one.fps for one in demands)
    if max(_loads(demands, board, high_fps).values()) <= 1.0:
        return high_fps
    for _ in range(_HALVINGS):
        middle_fps = (low_fps + high_fps) / 2
        if max(_loads(demands, board, middle_fps).values()) <= 1.0:
            low_fps = middle_fps
        else:
            high_fps = middle_fps
    return low_fps


def _loads(demands: Sequence[Demand], board: Board, share_fps: float) -> dict[str, float]:
    """Share of each resource that is used where every camera has a share of so many."""
    cpu = network = python = 0.0
    for one in demands:
        inferred = one.inferred_fps(share_fps)
        python += inferred * one.after_ms / 1e3
        network += inferred * one.network_ms / 1e3 / board.parallel
        cpu += (one.brought_fps * one.decode_ms + inferred * one.after_ms) / 1e3 / board.cpus
        if not board.is_network_on_cpu:
            cpu += inferred * one.host_ms / 1e3 / board.cpus
    if board.is_network_on_cpu:
        return {CPU: cpu + network, PYTHON: python}
    return {CPU: cpu, NETWORK: network, PYTHON: python}
