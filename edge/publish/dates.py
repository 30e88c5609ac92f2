"""Since when the clock of each start of the agent is known to have been right."""

import sqlite3


class Dates:
    """The table of when a kept clock was first seen; calls belong to a transaction."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def see(self, now_ns: int) -> dict[int, int]:
        """The clock is kept and says `now_ns`: note it for the starts that have no date.

        Returns:
            Unix time by the number of the start, for each that has rows.
        """
        with_rows = "SELECT age FROM sequences WHERE rows > 0"
        self._connection.execute(f"DELETE FROM dates WHERE age NOT IN ({with_rows})")  # noqa: S608
        self._connection.execute(
            f"INSERT OR IGNORE INTO dates (age, seen_ns) SELECT DISTINCT age, ? FROM ({with_rows})",  # noqa: S608
            (now_ns,),
        )
        return dict(self._connection.execute("SELECT age, seen_ns FROM dates"))
