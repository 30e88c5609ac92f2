"""What the agent is at one moment."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from edge.histogram import Distribution, NetworkTimes
from edge.infer.scheduler import Scheduler, SchedulerStats
from edge.meter import PipelineStats
from edge.publish.forwarder import ForwarderStats
from edge.publish.rows import Depth
from protos.ids import Lane
from protos.v1.device_state_pb2 import DeviceState


@dataclass(frozen=True, slots=True)
class NetworkView:
    """What a network is doing.

    Attributes:
        name: of its manifest.
        steps: how long each takes.
        scheduler: how many frames it was given, in how many batches.
    """

    name: str
    steps: Mapping[str, Distribution]
    scheduler: SchedulerStats


@dataclass(frozen=True, slots=True)
class Watched:
    """A network that can be asked at any time.

    Attributes:
        name: of its manifest.
        times: of its steps.
        scheduler: gives it frames.
    """

    name: str
    times: NetworkTimes
    scheduler: Scheduler[Any]

    def view(self) -> NetworkView:
        """What it is doing now."""
        return NetworkView(self.name, self.times.distributions(), self.scheduler.stats)


@dataclass(frozen=True, slots=True)
class View:
    """What the agent is at one moment.

    Attributes:
        device: its id.
        version: of the agent.
        model: the network's name.
        model_version: its version.
        engine: that runs it, really.
        cameras: figures of each.
        outbox: what waits.
        forwarder: what is on its way.
        health: of process and machine.
        now_ns: wall time.
        networks: what each is doing.
        stages: how long the stages of each camera take.
        commits: from an event's append until it is durable, by lane.
        latency: from an event's frame being captured until the broker has it, by lane.
        batch_fill: events of the batches sent.
    """

    device: str
    version: str
    model: str
    model_version: str
    engine: str
    cameras: Sequence[PipelineStats]
    outbox: Depth
    forwarder: ForwarderStats
    health: DeviceState.Health
    now_ns: int
    networks: Sequence[NetworkView]
    stages: Mapping[str, Mapping[str, Distribution]]
    commits: Mapping[Lane, Distribution]
    latency: Mapping[Lane, Distribution]
    batch_fill: Distribution


Look = Callable[[], View]
"""Asked at each request; any thread may."""
