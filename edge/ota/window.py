"""When updates may come: windows of local time, as those of rules (`edge.rules.schedule`)."""

from collections.abc import Sequence
from datetime import datetime, timezone

from edge.rules.schedule import ScheduleWindow


def is_open(windows: Sequence[ScheduleWindow], now_ns: int) -> bool:
    """Whether an instant is in one of the windows; where there are none, always.

    Args:
        windows: of the settings.
        now_ns: Unix time.
    """
    moment = datetime.fromtimestamp(now_ns // 1_000_000_000, timezone.utc)
    return not windows or any(window.holds(moment) for window in windows)
