"""What will bite, before it does: a pure function from what stands and the clock to alarms."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from cloud.repository.roles import ROOT, SNAPSHOT, TARGETS, TIMESTAMP, family_role, role_text
from cloud.repository.settings import RepositorySettings
from cloud.repository.standing import Standing


@dataclass(frozen=True, slots=True)
class Row:
    """A role as it stands.

    Attributes:
        role: its name.
        version: in force.
        expires: its end, UTC.
        is_online: signed by the server.
    """

    role: str
    version: int
    expires: datetime
    is_online: bool = False


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


def rows(standing: Standing) -> list[Row]:
    """Every role, the top ones first."""
    found = [
        Row(ROOT, standing.root.version, standing.root.expires),
        Row(TARGETS, standing.targets.version, standing.targets.expires),
    ]
    if standing.snapshot is not None:
        found.append(Row(SNAPSHOT, standing.snapshot.version, standing.snapshot.expires, True))
    if standing.timestamp is not None:
        found.append(Row(TIMESTAMP, standing.timestamp.version, standing.timestamp.expires, True))
    for name, file in standing.families.items():
        found.append(Row(family_role(name), file.version, file.expires))
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
    for row in rows(standing):
        warn = settings.warn_online_days if row.is_online else settings.warn_offline_days
        left = row.expires - now
        if left > timedelta(days=warn):
            continue
        what, is_over = role_text(row.role), left <= timedelta(0)
        said = f"end{'ed' if is_over else 's'} at {row.expires:%F %R} UTC"
        command = "refresh" if row.is_online else f"renew {what}"
        soon = "" if is_over else f", {_in(left)}"
        yield Alarm(
            row.role, is_over,
            f"{what} {row.version} {said}{soon}: `wayside-cloud repository {command}`",
        )  # fmt: skip


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
