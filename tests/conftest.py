"""What holds for every test."""

import logging
import threading
from collections.abc import Iterator

import pytest
import structlog
from hypothesis import settings

from tests.support.pubsub import emulator_jar

# A shared machine may stall for longer than any deadline per example; pytest-timeout watches.
settings.register_profile("wayside", deadline=None)
settings.load_profile("wayside")


def pytest_report_header() -> str:
    """Say which real part is missing that nobody can install from Debian's own archive."""
    jar = emulator_jar()
    return f"Google's Pub/Sub emulator: {jar or 'not installed, its tests are left out'}"


@pytest.fixture(autouse=True)
def _same_process_afterwards() -> Iterator[None]:
    """A command sets up logging and thread errors for a process of its own."""
    root = logging.getLogger()
    handlers, level, hook = list(root.handlers), root.level, threading.excepthook
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    threading.excepthook = hook
    structlog.reset_defaults()
