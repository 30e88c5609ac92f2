"""Alarms before something bites, and none before that."""

from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest
from obstore.store import MemoryStore
from pydantic import ValidationError

from cloud.blobs.obstore import ObstoreBlobs
from cloud.repository import changes
from cloud.repository.settings import ExpirySettings, RepositorySettings
from cloud.repository.watch import alarms
from tests.support.signed_repository import SignedRepository

BEGIN = datetime(2026, 3, 1, tzinfo=timezone.utc)
SETTINGS = RepositorySettings.model_validate(
    {"blobs": {"url": "file:///x/y"}, "keys_folder": "/x/keys"}
)


@pytest.fixture
def repository() -> SignedRepository:
    made = SignedRepository(
        Path("nowhere"), now=lambda: BEGIN, blobs=ObstoreBlobs(MemoryStore(), "memory")
    )
    made.add_family("gate")
    return made


def said(repository: SignedRepository, days: float) -> list[tuple[str, bool]]:
    now = BEGIN + timedelta(days=days)
    return [(one.role, one.is_over) for one in alarms(repository.standing, SETTINGS, now)]


def test_every_end_is_told_beforehand_and_the_over_ones_first(
    repository: SignedRepository,
) -> None:
    assert said(repository, 0) == []
    assert said(repository, 4.9) == []
    assert said(repository, 5) == [("timestamp", False)]
    assert said(repository, 7) == [("timestamp", True)]
    assert said(repository, 28) == [("timestamp", True), ("snapshot", False)]
    assert said(repository, 150) == [
        ("snapshot", True), ("timestamp", True), ("family-gate", False),
    ]  # fmt: skip
    assert said(repository, 335) == [
        ("snapshot", True), ("timestamp", True), ("family-gate", True), ("root", False),
        ("targets", False),
    ]  # fmt: skip


def test_an_alarm_names_the_command(repository: SignedRepository) -> None:
    now = BEGIN + timedelta(days=179, hours=5)
    messages = [one.message for one in alarms(repository.standing, SETTINGS, now)]
    assert messages == [
        "snapshot 2 ended at 2026-03-31 00:00 UTC: `wayside-cloud repository refresh`",
        "timestamp 2 ended at 2026-03-08 00:00 UTC: `wayside-cloud repository refresh`",
        "family:gate 1 ends at 2026-08-28 00:00 UTC, in 19 hours: `wayside-cloud repository renew "
        "family:gate`",
    ]


def test_what_was_interrupted_is_told(repository: SignedRepository) -> None:
    renewal = changes.renew(repository.standing, "family-gate", repository.asked)
    content = repository.signed(renewal).parts[0].metadata.to_bytes()
    repository.blobs.put("metadata/2.family-gate.json", content, "application/json")
    [alarm] = alarms(repository.standing, SETTINGS, BEGIN)
    assert not alarm.is_over
    assert "signed that devices do not get yet" in alarm.message
    repository.refresh()
    assert said(repository, 0) == []
    assert repository.standing.family("gate").version == 2


def test_settings_that_would_always_warn_are_refused() -> None:
    with pytest.raises(ValidationError, match="warn_online_days 7 is no less"):
        SETTINGS.model_validate({**SETTINGS.model_dump(), "warn_online_days": 7})
    with pytest.raises(ValidationError, match="warn_offline_days 200 is no less"):
        SETTINGS.model_validate({**SETTINGS.model_dump(), "warn_offline_days": 200})
    with pytest.raises(ValidationError, match="timestamp_days 40 is more than snapshot_days 30"):
        ExpirySettings(timestamp_days=40)
