"""Two ingest workers against one, on a store that takes 20 ms a write.

Workers are processes, as deployed, and pull from the embedded Pub/Sub server. One works for a
project of its own, two share the subscription of another; all three run all the time, and the
backlog comes to either project by turns. Writes are small enough that the wait for the store, and
not the machine's few cores, is what a second worker can halve.
"""

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import IO

from benchmarks.cloud_ingest import EVENTS, batches_of_a_fleet
from benchmarks.report import Row, interleaved, markdown
from cloud.bus.apply import ensure
from cloud.bus.google_publisher import GooglePublisher
from cloud.bus.settings import BusSettings
from cloud.bus.topology import EVENTS as TOPIC
from tests.support.pubsub import embedded_pubsub
from wayside.process import dying_with_parent

WRITE_MS = 20
MAX_BATCHES = 10
BATCHES = 400
"""In a round: a worker alone waits 0.8 s for the store."""

ROUNDS = 15
BOUND = 1 / 1.7


class Group:
    """Workers of one project.

    Args:
        bus: where they pull from.
        output: what they print, all of them.
    """

    def __init__(self, bus: BusSettings, output: IO[str]) -> None:
        self._publisher = GooglePublisher(bus)
        self._output = output

    def run(self, batches: Sequence[bytes]) -> None:
        """Hand them batches, and return when all events are written."""
        for batch in batches:
            self._publisher.publish(TOPIC, batch)
        written = 0
        while written < len(batches) * EVENTS:
            written += int(self._output.readline())

    def close(self) -> None:
        """Disconnect."""
        self._publisher.close()


@contextmanager
def _group(endpoint: str, project: str, count: int) -> Iterator[Group]:
    """So many workers, which listen."""
    bus = BusSettings(endpoint=endpoint, project=project)
    ensure(bus)
    command = [sys.executable, "-m", "benchmarks.slow_ingest", endpoint, project,
               str(WRITE_MS), str(MAX_BATCHES)]  # fmt: skip
    reading, writing = os.pipe()
    with ExitStack() as ends:
        output = ends.enter_context(open(reading, encoding="utf-8"))  # noqa: PTH123 - a descriptor
        with open(writing, "wb") as theirs:  # noqa: PTH123
            for _ in range(count):
                ends.enter_context(_process(command, theirs))
        for _ in range(count):
            output.readline()
        group = Group(bus, output)
        ends.callback(group.close)
        yield group


@contextmanager
def _process(command: Sequence[str], output: IO[bytes]) -> Iterator[None]:
    with subprocess.Popen(dying_with_parent(command), stdout=output) as process:
        try:
            yield
        finally:
            process.terminate()


def measure(rounds: int = ROUNDS) -> list[Row]:
    """Two workers against one."""
    batches = batches_of_a_fleet(BATCHES)
    with tempfile.TemporaryDirectory() as folder, ExitStack() as ends:
        server = embedded_pubsub(Path(folder))
        server.start()
        ends.callback(server.stop)
        endpoint = f"127.0.0.1:{server.port}"
        one = ends.enter_context(_group(endpoint, "bench-one", 1))
        two = ends.enter_context(_group(endpoint, "bench-two", 2))
        return [
            interleaved(
                f"two ingest workers, a store of {WRITE_MS} ms (one worker), {BATCHES} batches",
                lambda: two.run(batches),
                lambda: one.run(batches),
                rounds=rounds,
                bound=BOUND,
            )
        ]


if __name__ == "__main__":
    print(markdown(measure()))
