"""Proposals in files, as they travel between machines."""

from pathlib import Path

from cloud.errors import RepositoryError
from cloud.identity import files
from cloud.repository.proposal import MAX_BYTES, Proposal, from_bytes, to_bytes


def read_proposal(path: Path) -> Proposal:
    """The proposal in a file.

    Raises:
        RepositoryError: it cannot be read, or holds none.
    """
    return from_bytes(_read(path), str(path))


def read_root(path: Path) -> bytes:
    """The root that a signer keeps.

    Raises:
        RepositoryError: it cannot be read.
    """
    return _read(path)


def check_releases(proposal: Proposal, folder: Path) -> None:
    """Return where a proposal releases the record of a folder, and nothing else.

    Raises:
        RepositoryError: it releases another one, or none; or there is no record.
    """
    from cloud.repository.plan import news
    from models.errors import RecordError
    from models.record.reading import read_record

    try:
        read = read_record(folder)
    except RecordError as error:
        raise RepositoryError(str(error)) from error
    manifest = read.record.manifest
    own = (manifest.name, manifest.version, read.digest)
    found = [
        (one.family, new.version, new.sha256) for one in news(proposal) for new in one.released
    ]
    if found != [own]:
        names = ", ".join(f"{name} {version} ({sha256[:12]})" for name, version, sha256 in found)
        raise RepositoryError(
            f"the proposal releases {names or 'nothing'}, and {folder} is {own[0]} {own[1]} "
            f"({own[2][:12]}): sign nothing, and ask who sent it"
        )


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(MAX_BYTES + 1)
    except OSError as error:
        raise RepositoryError(f"{path}: cannot be read: {error.strerror}") from error


def write_proposal(path: Path, proposal: Proposal) -> None:
    """A proposal into a new file.

    Raises:
        RepositoryError: it is there already, or cannot be written.
    """
    try:
        files.create(path, to_bytes(proposal), files.PUBLIC)
    except FileExistsError as error:
        raise RepositoryError(
            f"{path} is there already, perhaps with signatures: name another file"
        ) from error
    except OSError as error:
        raise RepositoryError(f"{path}: cannot be written: {error.strerror}") from error


def rewrite_proposal(path: Path, proposal: Proposal) -> None:
    """A proposal with more signatures into its file.

    Raises:
        RepositoryError: it cannot be written; the file is as it was.
    """
    try:
        files.replace(path, to_bytes(proposal), files.PUBLIC)
    except OSError as error:
        raise RepositoryError(f"{path}: cannot be written: {error.strerror}") from error
