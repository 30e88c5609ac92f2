"""What only the agent knows of itself, for the heartbeat, which adds the rest."""

from collections.abc import Callable, Sequence
from importlib.metadata import version

from edge.capture.clock import WallClock
from edge.meter import NetworkStats
from edge.pipeline import Pipeline
from edge.reload import Reloader
from protos.v1.device_state_pb2 import DeviceState

Place = Callable[[str, str], tuple[str, int]]
"""Where a model lies, by its family and its record's sha256: name of its slot, and its release."""


def agent_version() -> DeviceState:
    """The least that can be said."""
    return DeviceState(agent_version=version("wayside"))


def device_state(
    pipelines: Sequence[Pipeline], networks: Sequence[NetworkStats], wall: WallClock
) -> DeviceState:
    """How cameras and networks are.

    Args:
        pipelines: of the cameras.
        networks: that look at their frames.
        wall: says which anchor of the clock frames have.
    """
    state = agent_version()
    state.anchor_id = wall.anchor_id
    for network in networks:
        state.models.add(
            model=network.name, version=network.version, engine=network.engine,
            sha256=bytes.fromhex(network.record),
        )  # fmt: skip
    for pipeline in pipelines:
        stats = pipeline.stats
        state.cameras.add(
            camera=stats.camera,
            state=stats.state,
            fps=stats.fps,
            frames=stats.frames_captured,
            dropped=sum(stats.dropped.values()),
            latency_ms=stats.latency_ms,
            reason=stats.source.reason,
            decoder=stats.source.decoder,
            width=stats.source.width_px,
            height=stats.source.height_px,
            source_fps=stats.source.fps,
            reconnects=stats.source.reconnects,
            hanging=stats.source.hanging,
            drops=[
                DeviceState.Drop(cause=cause, count=count) for cause, count in stats.dropped.items()
            ],
        )
    return state


def tell_slots(state: DeviceState, place: Place) -> None:
    """Which slot each network serves from, and as which release.

    Args:
        state: whose models are told of already.
        place: knows.
    """
    for model in state.models:
        model.slot, model.release = place(model.model, model.sha256.hex())


def tell_settings(state: DeviceState, reloader: Reloader) -> None:
    """Which of the cloud's revisions is in force, and which one is not taken.

    Args:
        state: of the agent.
        reloader: takes them.
    """
    state.config_revision = reloader.revision
    if (refusal := reloader.refusal) is not None:
        state.refused_revision, state.refusal = refusal.revision, refusal.reason
