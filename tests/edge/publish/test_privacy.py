"""Only the agent's user reads what waits in the outbox."""

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
import structlog

from edge.publish import schema
from edge.publish.outbox import Outbox
from edge.publish.privacy import open_to_others
from edge.publish.settings import OutboxSettings
from tests.support.drafts import drafts


@pytest.fixture(autouse=True)
def generous_umask() -> Iterator[None]:
    """An agent that somebody starts by hand, without systemd's UMask."""
    before = os.umask(0o002)
    yield
    os.umask(before)


def use(folder: Path) -> None:
    with closing(Outbox.open(folder, OutboxSettings(), "gate-1")) as outbox:
        outbox.append(drafts(10))
        assert outbox.flush(10)
        assert not open_to_others(folder.glob("*")), "while it runs, SQLite's log among them"


def test_what_the_agent_makes_is_closed_to_others(tmp_path: Path) -> None:
    folder = tmp_path / "var" / "data"
    use(folder)
    assert not open_to_others([folder, *folder.glob("*")])


def test_files_of_an_earlier_agent_are_closed_and_an_open_folder_is_told(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    folder.mkdir()
    with closing(schema.connect(folder / schema.FILE_NAME)):
        pass
    broken = folder / schema.BROKEN_NAME
    with closing(sqlite3.connect(broken)) as connection:
        connection.execute("CREATE TABLE of_last_year (event)")
    assert open_to_others([broken, folder / schema.FILE_NAME])
    with structlog.testing.capture_logs() as logs:
        use(folder)
    assert open_to_others([folder]), "perhaps its owner keeps more in it"
    (told,) = [log for log in logs if log["log_level"] == "warning"]
    assert told["remedy"] == f"chmod 700 {folder}"
