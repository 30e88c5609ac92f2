"""Are a record's files what was recorded? Nothing of them is run, and no picture is decoded."""

import stat
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from models.checksum import sha256_of
from models.errors import RecordError
from models.record.reading import CHECKSUM, RECORD, Read, bounded_bytes
from models.record.record import Artefact, Record


class Files(NamedTuple):
    """What was seen.

    Attributes:
        problems: each in a line; none: all is as it was recorded.
        damaged: paths of the artefacts that are missing or other ones.
    """

    problems: Sequence[str]
    damaged: frozenset[str]


def look_at_files(folder: Path, read: Read, digest: str | None = None) -> Files:
    """Look at the files of a record's folder, a stranger's too.

    Args:
        folder: of the record.
        read: out of this folder.
        digest: that the record should have, from whoever can be trusted; None: the one beside it,
            which tells damage, not deceit.
    """
    problems = _digest_problems(folder, read, digest)
    damaged = set()
    for artefact in read.record.artefacts:
        problem = artefact_problem(folder, artefact)
        if problem:
            damaged.add(artefact.path)
            problems.append(problem)
    return Files([*problems, *_strangers(folder, read.record)], frozenset(damaged))


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
