"""Whoever runs the fleet hears of what will bite: once a day, and before it does."""

from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest
from obstore.store import MemoryStore
from structlog.testing import capture_logs

from cloud.blobs.obstore import ObstoreBlobs
from cloud.errors import BlobsAwayError, RepositoryError
from cloud.repository.lookout import Lookout
from cloud.repository.settings import RepositorySettings
from cloud.repository.standing import Standing
from tests.support.processes import wait_until
from tests.support.signed_repository import SignedRepository

BEGIN = datetime(2026, 3, 1, tzinfo=timezone.utc)
SETTINGS = RepositorySettings.model_validate(
    {"blobs": {"url": "file:///x/y"}, "keys_folder": "/x/keys"}
)


class Days:
    """A clock that is set."""

    def __init__(self) -> None:
        self.past = 0.0

    def now(self) -> datetime:
        return BEGIN + timedelta(days=self.past)


@pytest.fixture
def days() -> Days:
    return Days()


@pytest.fixture
def repository() -> SignedRepository:
    blobs = ObstoreBlobs(MemoryStore(), "memory")
    return SignedRepository(Path("nowhere"), now=lambda: BEGIN, blobs=blobs)


def said(lookout: Lookout) -> list[tuple[str, str, str]]:
    """What one look has the log say: level, event, role."""
    with capture_logs() as logs:
        lookout.look()
    return [(one["log_level"], one["event"], one.get("role", "")) for one in logs]


NEEDED = "the repository needs somebody"


def test_it_says_once_a_day_what_ends_and_again_when_it_has_ended(
    repository: SignedRepository, days: Days
) -> None:
    lookout = Lookout(lambda: repository.standing, SETTINGS, days.now)
    assert said(lookout) == []
    days.past = 5
    assert said(lookout) == [("warning", NEEDED, "timestamp")]
    days.past = 5.9
    assert said(lookout) == [], "it was said today, though fewer hours are left"
    days.past = 6
    assert said(lookout) == [("warning", NEEDED, "timestamp")]
    days.past = 7
    assert said(lookout) == [("error", NEEDED, "timestamp")]
    assert lookout.view is not None
    assert [alarm.is_over for alarm in lookout.view.alarms] == [True]
    assert {row.role for row in lookout.view.rows} == {"root", "targets", "snapshot", "timestamp"}


def test_what_was_mended_is_said_at_once_when_it_comes_back(
    repository: SignedRepository, days: Days
) -> None:
    standing: list[Standing | None] = [repository.standing]
    lookout = Lookout(lambda: standing[0], SETTINGS, days.now)
    days.past = 6
    assert len(said(lookout)) == 1
    standing[0] = None
    assert said(lookout) == [], "there is no repository, and nothing to be done for it"
    standing[0] = repository.standing
    assert len(said(lookout)) == 1


def test_a_repository_that_proves_nothing_is_an_alarm(days: Days) -> None:
    def read() -> Standing | None:
        raise RepositoryError("metadata/1.root.json: is signed by nobody")

    lookout = Lookout(read, SETTINGS, days.now)
    assert said(lookout) == [("error", NEEDED, "root")]
    assert lookout.view is not None
    assert "signed by nobody" in lookout.view.alarms[0].message


def test_files_that_are_away_are_no_alarm_and_it_looks_again(
    repository: SignedRepository, days: Days
) -> None:
    is_away = [True]

    def read() -> Standing | None:
        if is_away[0]:
            raise BlobsAwayError("the bucket does not answer")
        return repository.standing

    lookout = Lookout(read, SETTINGS, days.now, every_s=0.01)
    with capture_logs() as logs:
        lookout.start()
        wait_until(lambda: len(logs) >= 2, "two looks")
        assert lookout.running
        assert lookout.view is None
        is_away[0] = False
        wait_until(lambda: lookout.view is not None, "a view")
        lookout.stop()
    assert not lookout.running
    assert {one["event"] for one in logs} == {"nobody can say how the repository stands"}
