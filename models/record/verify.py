"""Is a record's folder what was registered, and does its network still do the same?"""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from models.engines.loading import load_engine
from models.engines.port import Engine
from models.errors import ModelError, RecordError
from models.manifest import Manifest
from models.record.files import look_at_files
from models.record.reading import Read, is_record, read_record
from models.record.record import Parent, Record
from models.record.selftest import Outcome, self_test

Load = Callable[[Manifest, Path], Engine]
"""A network's file into an engine."""


@dataclass(slots=True)
class Report:
    """What was seen.

    Attributes:
        read: the record; None where it cannot be read.
        problems: each in a line; none: all is as it was registered.
        outcome: of the golden inputs; None where they were not run.
        engine: name of what ran them; empty where nothing did.
        parent: what can be said of the parent.
    """

    read: Read | None = None
    problems: list[str] = field(default_factory=list)
    outcome: Outcome | None = None
    engine: str = ""
    parent: str = "none"


def verify(folder: Path, digest: str | None = None, load: Load = load_engine) -> Report:
    """Look at everything that a record's folder holds.

    Args:
        folder: of the record.
        digest: that the record should have, from whoever can be trusted; None: the one beside it,
            which tells damage, not deceit.
        load: the engine that the golden inputs run on.
    """
    try:
        read = read_record(folder)
    except RecordError as error:
        return Report(problems=[str(error)])
    files = look_at_files(folder, read, digest)
    report = Report(read, list(files.problems))
    if read.record.golden is not None:
        needed = {read.record.network, *(path for _, path in read.record.golden.paths())}
        if needed.isdisjoint(files.damaged):
            _run_golden(folder, read.record, load, report)
    if read.record.parent is not None:
        _look_at_parent(folder, read.record.parent, report)
    return report


def _run_golden(folder: Path, record: Record, load: Load, report: Report) -> None:
    assert record.golden is not None
    try:
        engine = load(record.manifest, folder / record.network)
        report.engine = engine.name
        try:
            report.outcome = self_test(record, folder, engine)
        finally:
            engine.close()
    except ModelError as error:
        report.problems.append(str(error))
        return
    report.problems += report.outcome.problems(record.golden)


def _look_at_parent(folder: Path, parent: Parent, report: Report) -> None:
    place = folder.absolute().parent.parent / parent.name / parent.version
    called = f"{parent.name} {parent.version}"
    if not is_record(place):
        report.parent = f"{called}, which is not in this store and was not looked at"
        return
    try:
        actual = read_record(place).digest
    except RecordError as error:
        report.problems.append(f"parent: {error}")
        return
    report.parent = f"{called}, as recorded"
    if actual != parent.digest:
        report.parent = f"{called}, another one"
        report.problems.append(
            f"{place}: the parent's digest is {actual[:12]}..., recorded was "
            f"{parent.digest[:12]}..."
        )
