"""What the camera of a simulated device sees: events as the agent makes them.

Two things matter to what stores them: captured times that never repeat within a device, and
the same bytes whenever an event is sent.
"""

import random
import time
from collections.abc import Callable

from protos.codec import SCHEMA, encode
from protos.ids import Lane
from protos.v1.event_batch_pb2 import EventBatch

Event = EventBatch.Event

CAMERA = "gate"
MODEL = "simulated"
MODEL_VERSION = "1"
LANES = (Lane.ALARM, Lane.STATE, Lane.STATS)
"""Lanes that carry batches; evidence carries snapshots."""

_SHARES = (2, 6, 2)
_CLASSES = ("person", "car", "bicycle", "truck")
_MIN_STEP_NS = 1_000
_COUNTS_INTERVAL_NS = 60_000_000_000
_OBJECT_KINDS = (EventBatch.OBJECT_STARTED, EventBatch.OBJECT_UPDATED, EventBatch.OBJECT_ENDED)


class Scene:
    """The events of one device.

    Args:
        device: its id.
        boot: of this start.
        rng: of every choice.
        now_ns: Unix time.

    Attributes:
        counted: sum of all counts in COUNTS events so far.
    """

    def __init__(
        self,
        device: str,
        boot: int,
        rng: random.Random,
        now_ns: Callable[[], int] = time.time_ns,
    ) -> None:
        self._device = device
        self._boot = boot
        self._rng = rng
        self._now_ns = now_ns
        self._captured_ns = 0
        self._frame = 0
        self.counted = 0

    def lane(self) -> Lane:
        """The lane of the next batch: most are states of objects."""
        return self._rng.choices(LANES, _SHARES)[0]

    def batch(self, lane: Lane, first_seq: int, count: int) -> bytes:
        """The payload of a batch with so many new events."""
        events = [self._event(lane, seq) for seq in range(first_seq, first_seq + count)]
        return encode(
            EventBatch(
                schema=SCHEMA,
                device=self._device,
                boot=self._boot,
                lane=f"LANE_{lane.name}",
                first_seq=first_seq,
                count=count,
                clock_synced=True,
                anchor_id=1,
                events=events,
            )
        )

    def _event(self, lane: Lane, seq: int) -> Event:
        self._captured_ns = max(self._now_ns(), self._captured_ns + _MIN_STEP_NS)
        self._frame += 1
        event = Event(
            seq=seq,
            camera=CAMERA,
            captured_ns=self._captured_ns,
            model=MODEL,
            model_version=MODEL_VERSION,
            frame=self._frame,
        )
        if lane is Lane.STATS:
            self._count(event)
        else:
            self._see(event, lane)
        return event

    def _see(self, event: Event, lane: Lane) -> None:
        """An object somewhere in the picture; in the alarm lane, one that a rule concerns."""
        rng = self._rng
        width, height = rng.uniform(0.05, 0.3), rng.uniform(0.05, 0.3)
        seen = event.object
        seen.track_id = 1 + self._frame // 10
        seen.class_name = rng.choice(_CLASSES)
        seen.confidence = rng.uniform(0.4, 1.0)
        seen.box.left, seen.box.width = rng.uniform(0, 1 - width), width
        seen.box.top, seen.box.height = rng.uniform(0, 1 - height), height
        seen.first_seen_ns = event.captured_ns - rng.randrange(10_000_000_000)
        if lane is not Lane.ALARM:
            event.kind = rng.choice(_OBJECT_KINDS)
            if event.kind == EventBatch.OBJECT_ENDED:
                event.rule_hit.dwell_s = (event.captured_ns - seen.first_seen_ns) / 1e9
        elif rng.random() < 0.5:
            event.kind = EventBatch.LINE_CROSSED
            event.rule_hit.rule, event.rule_hit.target = "count-entrance", "entrance"
            event.rule_hit.direction = rng.choice((EventBatch.A_TO_B, EventBatch.B_TO_A))
        else:
            event.kind = EventBatch.ZONE_ENTERED
            event.rule_hit.rule, event.rule_hit.target = "in-yard", "yard"

    def _count(self, event: Event) -> None:
        event.kind = EventBatch.COUNTS
        event.counts.interval_end_ns = event.captured_ns
        event.counts.interval_start_ns = event.captured_ns - _COUNTS_INTERVAL_NS
        number = self._rng.randrange(20)
        event.counts.counts.add(
            class_name=self._rng.choice(_CLASSES), count=number, direction=EventBatch.A_TO_B
        )
        self.counted += number
