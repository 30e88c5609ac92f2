"""Outboxes of a test, closed at its end."""

import contextlib
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from edge.publish import schema
from edge.publish.clock import ClockState
from edge.publish.outbox import Outbox
from edge.publish.settings import OutboxSettings
from tests.support.outboxes import QUICK, OpenOutbox


@pytest.fixture
def open_outbox(tmp_path: Path) -> Iterator[OpenOutbox]:
    """Opens the outbox of the test's folder, as often as it likes."""
    opened: list[Outbox] = []

    def make(
        settings: OutboxSettings = QUICK, connect_to: schema.Connect = schema.connect
    ) -> Outbox:
        outbox = Outbox.open(
            tmp_path, settings, "gate-1", clock=lambda: ClockState(True, 2), connect_to=connect_to
        )
        opened.append(outbox)
        return outbox

    yield make
    for outbox in opened:
        with contextlib.suppress(sqlite3.ProgrammingError):
            outbox.close()
