"""One message of every type with every field set, as the first version of the wire wrote it."""

from google.protobuf.message import Message

from protos.v1.command_pb2 import Command
from protos.v1.desired_state_pb2 import DesiredState
from protos.v1.device_state_pb2 import DeviceState
from protos.v1.event_batch_pb2 import EventBatch
from protos.v1.receipt_pb2 import Receipt
from protos.v1.snapshot_pb2 import Snapshot
from protos.v1.update_report_pb2 import UpdateReport

BOOT = 0x0123456789ABCDEF
T0 = 1_790_000_000_123_456_789


def event_batch() -> EventBatch:
    batch = EventBatch(
        schema=1, device="gate-cam-01", boot=BOOT, lane=EventBatch.LANE_ALARM, first_seq=41,
        count=2, traceparent="00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        clock_synced=True, anchor_id=3,
    )  # fmt: skip
    crossed = batch.events.add(
        seq=41, camera="entrance", captured_ns=T0, kind=EventBatch.LINE_CROSSED,
        model="yolox-nano", model_version="1.0.0", frame=99,
        snapshot_id="gate-cam-01/0123456789abcdef/evidence/7",
    )  # fmt: skip
    crossed.object.track_id = 12
    crossed.object.class_name = "person"
    crossed.object.confidence = 0.875
    crossed.object.box.top, crossed.object.box.left = 0.25, 0.125
    crossed.object.box.width, crossed.object.box.height = 0.0625, 0.5
    crossed.object.polygon.add(x=0.5, y=0.25)
    crossed.object.speed_mps = 1.5
    crossed.object.first_seen_ns = T0 - 2_000_000_000
    crossed.object.stationary = True
    crossed.rule_hit.rule = "count-entrance"
    crossed.rule_hit.target = "door"
    crossed.rule_hit.direction = EventBatch.B_TO_A
    crossed.rule_hit.dwell_s = 2.5
    crossed.rule_hit.value = 4.0
    crossed.position.latitude_deg, crossed.position.longitude_deg = 48.5, 9.0
    crossed.position.speed_mps, crossed.position.heading_deg = 13.5, 270.0
    everything = batch.events.add(
        seq=42, captured_ns=T0 + 1, kind=EventBatch.EVENTS_LOST, camera="entrance"
    )
    everything.counts.interval_start_ns = T0
    everything.counts.interval_end_ns = T0 + 60_000_000_000
    everything.counts.counts.add(class_name="car", count=7, direction=EventBatch.A_TO_B)
    everything.segmentation.areas.add(class_name="lane", share=0.25)
    everything.sensor.sensor = "cabinet-temperature"
    everything.sensor.value, everything.sensor.unit = 41.5, "Cel"
    everything.camera_status.state, everything.camera_status.detail = "stalled", "no frame for 2 s"
    everything.events_lost.ranges.add(
        boot=BOOT, lane=EventBatch.LANE_STATS, first_seq=1, last_seq=9, count=9, reason="space"
    )
    return batch


def snapshot() -> Snapshot:
    return Snapshot(
        schema=1, device="gate-cam-01", boot=BOOT, seq=7,
        event_id="gate-cam-01/0123456789abcdef/alarm/41", camera="entrance", captured_ns=T0,
        media_type="image/jpeg", width_px=640, height_px=360, sha256=bytes(range(32)),
        image=b"\xff\xd8\xff\xd9",
    )  # fmt: skip


def update_report() -> UpdateReport:
    return UpdateReport(
        schema=1, device="gate-cam-01", boot=BOOT, deployment="d-17", target="detector",
        from_version="1.0.0", to_version="1.1.0", state=UpdateReport.ROLLED_BACK,
        code="probation-latency", detail="p95 61 ms against 40 ms", reported_ns=T0, transition=9,
        downloaded_bytes=3_660_092, total_bytes=3_660_092, revision=5,
    )  # fmt: skip


def device_state() -> DeviceState:
    state = DeviceState(
        schema=1, device="gate-cam-01", boot=BOOT, session=77, seq=8, status=DeviceState.ALIVE,
        reported_ns=T0, clock_synced=True, clock_offset_ns=-1_500_000, anchor_id=3,
        agent_version="0.1.0", config_revision=5, heartbeat_interval_s=30,
        last_errors=["camera entrance: no frame for 2 s"],
    )  # fmt: skip
    state.cameras.add(
        camera="entrance", state="live", fps=9.5, frames=1000, dropped=3, latency_ms=21.5
    )
    state.models.add(model="yolox-nano", version="1.0.0", slot="a", engine="onnxruntime/CPU")
    state.outbox.rows, state.outbox.bytes, state.outbox.oldest_ns = 12, 4096, T0
    state.outbox.set_aside, state.outbox.lost = 1, 2
    state.health.cpu_percent, state.health.temperature_c, state.health.gpu_percent = (
        55.5,
        61.0,
        80.0,
    )
    state.health.memory_bytes, state.health.disk_free_bytes = 200_000_000, 8_000_000_000
    state.health.uptime_s = 3600
    return state


def desired_state() -> DesiredState:
    state = DesiredState(
        schema=1, device="gate-cam-01", revision=5, issued_ns=T0, config_yaml=b"cameras: []\n"
    )
    state.targets.add(name="detector", version="1.1.0", deployment="d-17", sha256=bytes(range(32)))
    return state


def command() -> Command:
    return Command(
        schema=1, device="gate-cam-01", id="c-1", issued_ns=T0, expires_ns=T0 + 60_000_000_000,
        name="snapshot", traceparent="00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        arguments=b'{"camera": "entrance"}',
    )  # fmt: skip


def receipt() -> Receipt:
    message = Receipt(schema=1, device="gate-cam-01")
    message.ranges.add(boot=BOOT, lane=Receipt.LANE_ALARM, first_seq=1, last_seq=41)
    return message


SAMPLES: dict[str, Message] = {
    "command": command(),
    "desired_state": desired_state(),
    "device_state": device_state(),
    "event_batch": event_batch(),
    "receipt": receipt(),
    "snapshot": snapshot(),
    "update_report": update_report(),
}
