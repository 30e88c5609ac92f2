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
    try:
        with path.open("rb") as file:
            content = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise RepositoryError(f"{path}: cannot be read: {error.strerror}") from error
    return from_bytes(content, str(path))


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
