"""Events to this disk: an outbox as the agent has it, in a folder that is taken away again."""

import tempfile
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from edge.bench.timing import Timing
from edge.errors import OutboxError
from edge.publish.outbox import Outbox
from edge.publish.settings import OutboxSettings
from edge.rules.port import Draft, Event
from protos.ids import Lane
from protos.v1.event_batch_pb2 import EventBatch

COMMITS = 20

_WAIT_S = 5.0


@contextmanager
def passing_outbox(folder: Path, settings: OutboxSettings, device: str) -> Iterator[Outbox]:
    """An outbox on the disk of a folder; nothing of it stays.

    Args:
        folder: of the agent's outbox; it need not be there, and what is in it is left alone.
        settings: of the agent's outbox.
        device: id of the device.

    Raises:
        OSError: the disk cannot be written.
        OutboxError: neither by SQLite.
    """
    place = next(there for there in (folder, *folder.absolute().parents) if there.exists())
    with (
        tempfile.TemporaryDirectory(prefix=".wayside-bench-", dir=place) as passing,
        closing(Outbox.open(Path(passing), settings, device)) as outbox,
    ):
        yield outbox


def commits(outbox: Outbox) -> Timing:
    """From an alarm's append until it is durable.

    Raises:
        OutboxError: the disk refuses.
    """
    took_s = []
    alarm = Draft(Lane.ALARM, Event(camera="bench", kind=EventBatch.ZONE_ENTERED))
    for _ in range(COMMITS):
        begun_s = time.perf_counter()
        outbox.append([alarm])
        if not outbox.flush(_WAIT_S):
            raise OutboxError(f"a commit took longer than {_WAIT_S:.0f} s; see the disk")
        took_s.append(time.perf_counter() - begun_s)
    return Timing.of(took_s)
