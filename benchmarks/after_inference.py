"""What follows an inference: tracker, rules and outbox, at 20 objects a frame.

One zone, one line and the objects' life events are told, as on a camera over a door. The outbox is
a real one on disk, whose writer commits meanwhile. Against 0.6 ms, which is what it may cost on a
board that infers in 4 to 20, and against ByteTrack with supervision's PolygonZone and LineZone,
which write nothing down.
"""

import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import supervision as sv
from trackers import ByteTrackTracker

from benchmarks.pipeline import RULES
from benchmarks.report import Row, interleaved, markdown, row_of
from benchmarks.tracker import FPS, HEIGHT_PX, SETTINGS, WIDTH_PX, scene
from edge.publish.outbox import Outbox
from edge.publish.settings import OutboxSettings
from edge.rules.engine import CameraRules
from edge.track.tracker import Tracker
from models.detections import Detections

OBJECTS, FRAMES, ROUNDS = 20, 150, 15
BUDGET_MS = 0.6
START_NS = 1_700_000_000_000_000_000


def run_ours(frames: list[Detections], outbox: Outbox) -> int:
    """How many events a scene made."""
    tracker = Tracker(SETTINGS)
    rules = CameraRules("cam-bench", ["person"], "bench", "1.0", RULES)
    events = 0
    for number, detections in enumerate(frames):
        captured_ns = START_NS + number * 1_000_000_000 // FPS
        tracks = tracker.update(detections, captured_ns=captured_ns, frame=number)
        drafts = rules.step(tracks, int(WIDTH_PX), int(HEIGHT_PX))
        if drafts:
            outbox.append(drafts)
        events += len(drafts)
    return events


def run_reference(frames: list[Detections]) -> int:
    """How many objects crossed the line, as supervision counts."""
    tracker = ByteTrackTracker(
        high_conf_det_threshold=SETTINGS.high_confidence,
        track_activation_threshold=SETTINGS.new_confidence,
        lost_track_buffer=FPS,
        frame_rate=float(FPS),
    )
    size = np.array((WIDTH_PX, HEIGHT_PX))
    zone = sv.PolygonZone((np.array(RULES.zones[0].points) * size).astype(int))
    ends = [sv.Point(*(np.array(point) * size)) for point in RULES.lines[0].points]
    line = sv.LineZone(*ends, triggering_anchors=[sv.Position.BOTTOM_CENTER])
    for number, found in enumerate(frames):
        seen = sv.Detections(found.xyxy, confidence=found.confidence, class_id=found.class_id)
        tracked = tracker.update(seen, timestamp=(number + 1) / FPS)
        known = tracked[tracked.tracker_id >= 0]
        zone.trigger(known)
        line.trigger(known)
    return int(line.in_count + line.out_count)


def measure() -> list[Row]:
    """Ours against its budget, and against other people's tracker, zone and line."""
    frames = scene(OBJECTS, FRAMES)
    with tempfile.TemporaryDirectory() as folder:
        outbox = Outbox.open(Path(folder), OutboxSettings(), "bench-device")
        try:
            ours = [_frame_ms(lambda: run_ours(frames, outbox)) for _ in range(ROUNDS + 1)][1:]
            return [
                row_of(
                    f"tracker, rules, outbox, {OBJECTS} objects ({BUDGET_MS} ms)",
                    ours, [BUDGET_MS] * ROUNDS, bound=1.0,
                ),
                interleaved(
                    f"tracker, rules, outbox, {OBJECTS} objects (ByteTrack, supervision)",
                    lambda: run_ours(frames, outbox),
                    lambda: run_reference(frames),
                    rounds=ROUNDS, units=FRAMES, bound=0.5,
                ),
            ]  # fmt: skip
        finally:
            outbox.close()


def _frame_ms(work: Callable[[], object]) -> float:
    begun_s = time.perf_counter()
    work()
    return (time.perf_counter() - begun_s) * 1e3 / FRAMES


if __name__ == "__main__":
    print(markdown(measure()))
