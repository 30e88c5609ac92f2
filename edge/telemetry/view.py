"""What the agent is at one moment."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from edge.meter import NetworkStats, PipelineStats
from edge.publish.forwarder import ForwarderStats
from edge.publish.rows import Depth
from protos.v1.device_state_pb2 import DeviceState


@dataclass(frozen=True, slots=True)
class View:
    """What the agent is at one moment.

    Attributes:
        device: its id.
        version: of the agent.
        networks: each that a camera uses.
        cameras: figures of each.
        outbox: what waits.
        forwarder: what is on its way.
        health: of process and machine.
        now_ns: wall time.
    """

    device: str
    version: str
    networks: Sequence[NetworkStats]
    cameras: Sequence[PipelineStats]
    outbox: Depth
    forwarder: ForwarderStats
    health: DeviceState.Health
    now_ns: int


Look = Callable[[], View]
"""Asked at each request; any thread may."""
