"""wayside-edge within the process of a test, which then is as it was before."""

import logging
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import structlog
from typer.testing import CliRunner, Result

from edge.cli import app


@contextmanager
def process_as_before() -> Iterator[None]:
    """A program owns its process: it sets logging, signals and the threads' last resort."""
    root = logging.getLogger()
    handlers, level, hook = root.handlers[:], root.level, threading.excepthook
    handled = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield
    finally:
        structlog.reset_defaults()
        root.handlers[:], root.level = handlers, level
        threading.excepthook = hook
        for number, handler in handled.items():
            signal.signal(number, handler)


def call(*arguments: str | Path) -> Result:
    """What comes of a command; whatever is wrong, it shows no traceback."""
    with process_as_before():
        result = CliRunner().invoke(app, [str(argument) for argument in arguments])
    assert "Traceback" not in result.output
    assert result.exception is None or isinstance(result.exception, SystemExit)
    return result
