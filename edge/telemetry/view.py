"""What the agent is at one moment."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from edge.evidence.stats import EvidenceStats
from edge.histogram import Distribution
from edge.meter import NetworkStats, PipelineStats
from edge.publish.forwarder import ForwarderStats
from edge.publish.rows import Depth
from edge.sensors.watch import SensorStats
from protos.ids import Lane
from protos.v1.device_state_pb2 import DeviceState


@dataclass(frozen=True, slots=True)
class View:
    """What the agent is at one moment.

    Attributes:
        device: its id.
        version: of the agent.
        networks: each that a camera uses.
        cameras: figures of each.
        evidence: what became of their pictures and clips.
        sensors: how each is.
        outbox: what waits.
        forwarder: what is on its way.
        health: of process and machine.
        now_ns: wall time.
        steps: how long the steps of each network take, by the ids by which cameras name them.
        stages: how long the stages of each camera take.
        commits: from an event's append until it is durable, by lane.
        latency: from an event's frame being captured until the broker has it, by lane.
        batch_fill: events of the batches sent.
    """

    device: str
    version: str
    networks: Sequence[NetworkStats]
    cameras: Sequence[PipelineStats]
    evidence: EvidenceStats
    sensors: Sequence[SensorStats]
    outbox: Depth
    forwarder: ForwarderStats
    health: DeviceState.Health
    now_ns: int
    steps: Mapping[str | None, Mapping[str, Distribution]]
    stages: Mapping[str, Mapping[str, Distribution]]
    commits: Mapping[Lane, Distribution]
    latency: Mapping[Lane, Distribution]
    batch_fill: Distribution


Look = Callable[[], View]
"""Asked at each request; any thread may."""
