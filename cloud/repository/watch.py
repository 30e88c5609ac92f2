"""What will bite, before it does: a pure function from what stands and the clock to alarms."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from cloud.repository.roles import ROOT, SNAPSHOT, TARGETS, TIMESTAMP, family_role, role_text
from cloud.repository.settings import RepositorySettings
from cloud.repository.standing import Standing

_OFFLINE, _ONLINE = "repository renew", "repository refresh"


@dataclass(frozen=True, slots=True)
class Row:
    """A role as it stands.

    Attributes:
        role: its name.
        version: in force.
        expires: its end, UTC.
        command: that renews it.
        warn: so long before its end.
    """

    role: str
    version: int
    expires: datetime
    command: str
    warn: timedelta


@dataclass(frozen=True, slots=True)
class Alarm:
    """Something that somebody has to do.

    Attributes:
        role: that it is about.
        is_over: True where devices refuse it now.
        message: what, and the command that mends it.
    """

    role: str
    is_over: bool
    message: str


def rows(standing: Standing, settings: RepositorySettings) -> list[Row]:
    """Every role, the top ones first."""
    people = timedelta(days=settings.warn_offline_days)
    server = timedelta(days=settings.warn_online_days)
    root, targets = standing.root, standing.targets
    found = [
        Row(ROOT, root.version, root.expires, _OFFLINE, people),
        Row(TARGETS, targets.version, targets.expires, _OFFLINE, people),
    ]
    if standing.snapshot is not None:
        snapshot = standing.snapshot
        found.append(Row(SNAPSHOT, snapshot.version, snapshot.expires, _ONLINE, server))
    if standing.timestamp is not None:
        timestamp = standing.timestamp
        found.append(Row(TIMESTAMP, timestamp.version, timestamp.expires, _ONLINE, server))
    for name, file in standing.families.items():
        found.append(Row(family_role(name), file.version, file.expires, _OFFLINE, people))
    return found


def alarms(standing: Standing, settings: RepositorySettings, now: datetime) -> list[Alarm]:
    """What somebody has to do, the most urgent first; empty where all is well.

    Args:
        standing: what stands.
        settings: how early is early.
        now: UTC.
    """
    found = [*_ends(standing, settings, now), *_unshown(standing)]
    return sorted(found, key=lambda one: not one.is_over)


def _ends(standing: Standing, settings: RepositorySettings, now: datetime) -> Iterator[Alarm]:
    for row in rows(standing, settings):
        left = row.expires - now
        if left > row.warn:
            continue
        what = role_text(row.role)
        command = f"wayside-cloud {row.command}"
        if row.command == _OFFLINE:
            command = f"{command} {what}"
        when = f"{row.expires:%F %R} UTC"
        said = f"ended at {when}" if left <= timedelta(0) else f"ends at {when}, {_in(left)}"
        yield Alarm(row.role, left <= timedelta(0), f"{what} {row.version} {said}: `{command}`")


def _unshown(standing: Standing) -> Iterator[Alarm]:
    if not standing.is_shown:
        yield Alarm(
            SNAPSHOT, False,
            "something is signed that devices do not get yet: `wayside-cloud repository refresh`",
        )  # fmt: skip


def _in(left: timedelta) -> str:
    if left < timedelta(days=2):
        return f"in {int(left.total_seconds() // 3600)} hours"
    return f"in {left.days} days"
