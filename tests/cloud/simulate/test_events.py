"""Simulated events are those of a real agent, as far as the cloud can tell."""

import random

import pytest

from cloud.simulate.events import LANES, Scene
from cloud.store.records import records
from protos import codec
from protos.ids import Lane
from protos.v1.event_batch_pb2 import EventBatch

KINDS = {
    Lane.ALARM: {"line-crossed", "zone-entered"},
    Lane.STATE: {"object-started", "object-updated", "object-ended"},
    Lane.STATS: {"counts"},
}


def scene(now_ns: int = 1_790_000_000_000_000_000, seed: int = 1) -> Scene:
    return Scene("sim-00001", 7, random.Random(seed), lambda: now_ns)


@pytest.mark.parametrize("lane", LANES)
def test_batch_is_one_that_ingest_takes(lane: Lane) -> None:
    payload = scene().batch(lane, 11, 50)
    batch = codec.decode_batch(payload)
    assert (batch.device, batch.boot, batch.first_seq, batch.count) == ("sim-00001", 7, 11, 50)
    assert len(payload) < codec.MAX_BATCH_BYTES
    found = records(batch)
    assert {record.kind for record in found} == KINDS[lane]
    for record in found:
        if record.box is not None:
            top, left, height_end, width_end = (
                record.box[0], record.box[1], record.box[0] + record.box[3],
                record.box[1] + record.box[2],
            )  # fmt: skip
            assert 0 <= top < height_end <= 1.0001
            assert 0 <= left < width_end <= 1.0001


def test_captured_times_never_repeat_even_where_the_clock_stands() -> None:
    here = scene()
    batches = [codec.decode_batch(here.batch(lane, 1, 20)) for lane in LANES]
    times = [event.captured_ns // 1000 for batch in batches for event in batch.events]
    assert len(set(times)) == len(times)
    assert times == sorted(times)


def test_counts_are_summed() -> None:
    here = scene()
    batch = codec.decode_batch(here.batch(Lane.STATS, 1, 30))
    numbers = [count.count for event in batch.events for count in event.counts.counts]
    assert here.counted == sum(numbers) > 0
    assert {event.kind for event in batch.events} == {EventBatch.COUNTS}


def test_seed_repeats_what_is_seen() -> None:
    assert scene(seed=3).batch(Lane.STATE, 1, 10) == scene(seed=3).batch(Lane.STATE, 1, 10)
    assert scene(seed=3).batch(Lane.STATE, 1, 10) != scene(seed=4).batch(Lane.STATE, 1, 10)


def test_every_lane_comes_up() -> None:
    here = scene()
    assert {here.lane() for _ in range(200)} == set(LANES)
