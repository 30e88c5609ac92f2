"""How far something is, told to whoever shows it."""

from collections.abc import Callable

Progress = Callable[[int, int | None], None]
"""Is called with what is done and with the total, None where that is unknown."""
