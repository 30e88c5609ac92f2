"""Is a record's folder what was registered, and does its network still do the same?"""

import stat
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from models.checksum import sha256_of
from models.engines.loading import load_engine
from models.engines.port import Engine
from models.errors import ModelError, RecordError
from models.manifest import Manifest
from models.record.reading import CHECKSUM, RECORD, Read, bounded_bytes, is_record, read_record
from models.record.record import Artefact, Parent, Record
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
    report = Report(read, _digest_problems(folder, read, digest))
    damaged = []
    for artefact in read.record.artefacts:
        problem = artefact_problem(folder, artefact)
        if problem:
            damaged.append(artefact.path)
            report.problems.append(problem)
    report.problems += _strangers(folder, read.record)
    if read.record.golden is not None:
        needed = {read.record.network, *(path for _, path in read.record.golden.paths())}
        if needed.isdisjoint(damaged):
            _run_golden(folder, read.record, load, report)
    if read.record.parent is not None:
        _look_at_parent(folder, read.record.parent, report)
    return report


def _digest_problems(folder: Path, read: Read, digest: str | None) -> list[str]:
    problems = []
    try:
        beside = bounded_bytes(folder / CHECKSUM, 4096)
        if beside != f"{read.digest}  {RECORD}\n".encode():
            problems.append(f"{folder / RECORD}: its sha256 is not the one in {CHECKSUM}")
    except RecordError as error:
        problems.append(str(error))
    if digest is not None and digest != read.digest:
        problems.append(f"{folder / RECORD}: its digest is {read.digest}, expected {digest}")
    return problems


def artefact_problem(folder: Path, artefact: Artefact) -> str:
    """What is wrong with a file; empty where nothing is."""
    path = folder / artefact.path
    try:
        # A link may lead anywhere, to what never ends too; and so may one on the way.
        if path.parent.resolve() != folder.resolve() / Path(artefact.path).parent:
            return f"{path}: its folder is a link"
        status = path.lstat()
        if not stat.S_ISREG(status.st_mode):
            return f"{path}: is no plain file"
        if status.st_size != artefact.size:
            return f"{path}: is of {status.st_size:,} bytes, recorded were {artefact.size:,}"
        actual = sha256_of(path)
    except OSError as error:
        return f"{path}: cannot be read: {error.strerror}"
    if actual != artefact.sha256:
        return f"{path}: sha256 is {actual[:12]}..., recorded was {artefact.sha256[:12]}..."
    return ""


def _strangers(folder: Path, record: Record) -> list[str]:
    """Files that the record does not know, the first few."""
    known = {RECORD, CHECKSUM, *(one.path for one in record.artefacts)}
    found = sorted(
        path.relative_to(folder).as_posix() for path in folder.rglob("*")
        if path.is_symlink() or not path.is_dir()
    )  # fmt: skip
    return [f"{folder / name}: is not of the record" for name in found if name not in known][:10]


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
