"""The names of the repository: roles, files, targets.

A family is signed for by the role `family-FAMILY`; people write `family:FAMILY`.
"""

import re

from cloud.errors import RepositoryError
from protos.errors import InvalidIdError
from protos.ids import ID_PATTERN, check_id

ROOT, TARGETS, SNAPSHOT, TIMESTAMP = "root", "targets", "snapshot", "timestamp"
TOP = (ROOT, TARGETS, SNAPSHOT, TIMESTAMP)
ONLINE = frozenset({SNAPSHOT, TIMESTAMP})
"""Roles whose keys lie on the server."""

METADATA = "metadata"
TIMESTAMP_KEY = f"{METADATA}/{TIMESTAMP}.json"
"""The one file whose bytes change."""

_PREFIX = "family-"
_FILE = re.compile(rf"{METADATA}/([1-9][0-9]{{0,8}})\.({ROOT}|{TARGETS}|{SNAPSHOT}|"
                   rf"{_PREFIX}{ID_PATTERN})\.json")  # fmt: skip
_TARGET = re.compile(rf"({ID_PATTERN})/([0-9A-Za-z][0-9A-Za-z.+-]{{0,62}})/record\.json")


def family_role(family: str) -> str:
    """The role that signs for a family.

    Raises:
        RepositoryError: no family can be called so.
    """
    try:
        return _PREFIX + check_id(family, "family")
    except InvalidIdError as error:
        raise RepositoryError(str(error)) from error


def family_of(role: str) -> str | None:
    """The family that a role signs for, None where it is one of the top."""
    return role.removeprefix(_PREFIX) if role.startswith(_PREFIX) else None


def role_of(text: str) -> str:
    """The role that somebody means by `root` or `family:gate`.

    Raises:
        RepositoryError: there is no such role.
    """
    if text in TOP:
        return text
    kind, _, family = text.partition(":")
    if kind != "family":
        raise RepositoryError(f"role {text!r} is none of {', '.join(TOP)}, family:NAME")
    return family_role(family)


def role_text(role: str) -> str:
    """A role as people write it."""
    family = family_of(role)
    return role if family is None else f"family:{family}"


def metadata_key(role: str, version: int) -> str:
    """Where a version of a role lies, for ever."""
    return f"{METADATA}/{version}.{role}.json"


def parse_key(key: str) -> tuple[str, int] | None:
    """The role and version of a file; None where it is another file."""
    found = _FILE.fullmatch(key)
    return (found[2], int(found[1])) if found else None


def target_pattern(family: str) -> str:
    """What the role of a family may speak for."""
    return f"{family}/*/record.json"


def target_path(family: str, version: str) -> str:
    """The target that a version of a family is."""
    return f"{family}/{version}/record.json"


def parse_target(path: str) -> tuple[str, str] | None:
    """The family and version of a target; None where it is no such path."""
    found = _TARGET.fullmatch(path)
    return (found[1], found[2]) if found else None


def record_key(family: str, version: str, sha256: str) -> str:
    """Where a record lies: a consistent snapshot has the hash before the file's name."""
    return f"targets/{family}/{version}/{sha256}.record.json"


def blob_key(sha256: str) -> str:
    """Where an artefact lies."""
    return f"blobs/{sha256}"
