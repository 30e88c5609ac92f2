"""Measure everything, print the table, and write it into docs/benchmarks.md."""

import argparse
import platform
import sys
from collections.abc import Callable, Mapping
from datetime import datetime, timezone
from pathlib import Path

from rich.console import Console
from rich.markdown import Markdown

from benchmarks import (
    after_inference,
    cloud_bridge,
    cloud_ingest,
    cloud_workers,
    engines,
    heads,
    pipeline,
    queries,
    tracker,
    tracking,
    yolov8,
)
from benchmarks.report import Row, markdown

DOCUMENT = Path(__file__).parents[1] / "docs" / "benchmarks.md"
_BEGIN, _END = "<!-- table -->\n", "<!-- /table -->\n"

PARTS: Mapping[str, tuple[Callable[[], list[Row]], ...]] = {
    "edge": (
        heads.measure,
        engines.measure,
        tracker.measure,
        after_inference.measure,
        pipeline.measure,
        yolov8.measure,
    ),
    "cloud": (cloud_bridge.measure, cloud_ingest.measure, cloud_workers.measure, queries.measure),
}


def main() -> int:
    """Run the benchmarks; the exit code says whether every bound holds."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("part", nargs="?", choices=PARTS, help="only this one, and no writing")
    arguments.add_argument("--no-write", action="store_true", help="only print the table")
    options = arguments.parse_args()
    chosen = PARTS if options.part is None else {options.part: PARTS[options.part]}
    rows = [row for part in chosen.values() for measure in part for row in measure()]
    kept = tracking.measure() if options.part in {None, "edge"} else []
    table = markdown(rows) + ("\n" + tracking.markdown(kept) if kept else "")
    Console().print(Markdown(table))
    if options.part is None and not options.no_write:
        _write(table)
    return 0 if all([*(row.holds for row in rows), *(row.holds for row in kept)]) else 1


def _write(table: str) -> None:
    text = DOCUMENT.read_text(encoding="utf-8")
    head, _, rest = text.partition(_BEGIN)
    _, _, tail = rest.partition(_END)
    when = datetime.now(timezone.utc).date()
    where = f"{platform.processor() or platform.machine()}, Python {platform.python_version()}"
    DOCUMENT.write_text(
        f"{head}{_BEGIN}\nMeasured on {when}, {where}.\n\n{table}\n{_END}{tail}", encoding="utf-8"
    )


if __name__ == "__main__":
    sys.exit(main())
