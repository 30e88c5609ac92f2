"""What the registry knows of a model, of a family, of an alias and of an engine."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from cloud.errors import RegistryError
from cloud.registry.report import Report
from cloud.registry.states import ModelState
from protos.errors import InvalidIdError
from protos.ids import check_id

VERSION_PATTERN = r"[0-9A-Za-z][0-9A-Za-z.+-]{0,62}"
"""As a manifest's `version`."""

GPU_PATTERN = r"SM[1-9][0-9]{1,2}"
"""Compute capability of a GPU, as in `SM87` of an Orin."""

NUMBER_PATTERN = r"[0-9]{1,4}(\.[0-9]{1,4}){1,3}"
"""A version of TensorRT or JetPack, as in `10.3`."""

MAX_RELEASE = 2**53 - 1
"""JSON carries larger numbers not everywhere."""


@dataclass(frozen=True, slots=True)
class Model:
    """A version of a family. All times are by the cloud's clock.

    Attributes:
        digest: sha256 of its record's bytes, which never change.
        release: the number that was signed for it, growing within the family; None: none was.
        revision: grows with every change of what stands here.
        report: of its last validation; None: there was none.
    """

    name: str
    version: str
    digest: str
    state: ModelState
    release: int | None
    revision: int
    added_by: str
    added_ns: int
    changed_ns: int
    report: Report | None


@dataclass(frozen=True, slots=True)
class Family:
    """All versions of a name.

    Attributes:
        versions: how many there are.
        newest_release: the largest number that was signed; None: none was.
        aliases: versions by alias.
    """

    name: str
    versions: int
    newest_release: int | None
    aliases: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Alias:
    """A name that stands for one version of a family, `champion` or `challenger`.

    Attributes:
        revision: grows with every change.
    """

    name: str
    alias: str
    version: str
    revision: int
    set_by: str
    set_ns: int


@dataclass(frozen=True, slots=True)
class Board:
    """What an engine was built for.

    Attributes:
        gpu: compute capability, `SM87`.
        tensorrt: its version, `10.3`.
        jetpack: its version, `6.2`; empty: a computer with a card.
    """

    gpu: str
    tensorrt: str
    jetpack: str = ""

    def __str__(self) -> str:
        jetpack = f", JetPack {self.jetpack}" if self.jetpack else ""
        return f"{self.gpu}, TensorRT {self.tensorrt}{jetpack}"

    def check(self) -> None:
        """Return when these are names that an engine may be listed under.

        Raises:
            RegistryError: one is not; the message says which and what is allowed.
        """
        if not re.fullmatch(GPU_PATTERN, self.gpu):
            raise RegistryError(f"gpu {self.gpu[:40]!r} is not like SM87")
        if not re.fullmatch(NUMBER_PATTERN, self.tensorrt):
            raise RegistryError(f"tensorrt {self.tensorrt[:40]!r} is not like 10.3")
        if self.jetpack and not re.fullmatch(NUMBER_PATTERN, self.jetpack):
            raise RegistryError(f"jetpack {self.jetpack[:40]!r} is not like 6.2")


@dataclass(frozen=True, slots=True)
class Engine:
    """A file that a board made of a model's network; see ADR 0073 for who may trust it.

    Attributes:
        sha256: of the file.
        size_bytes: of the file.
    """

    name: str
    version: str
    board: Board
    sha256: str
    size_bytes: int
    added_by: str
    added_ns: int


def check_names(name: str, version: str) -> None:
    """Return when a model may be called so.

    Raises:
        RegistryError: it may not.
    """
    check_name(name, "model")
    if not re.fullmatch(VERSION_PATTERN, version):
        raise RegistryError(
            f"version {version[:100]!r} is not allowed: 1 to 63 letters, digits, '.', '+' and '-', "
            "starting with a letter or digit"
        )


def check_name(name: str, what: str) -> None:
    """Return when a family or an alias may be called so.

    Raises:
        RegistryError: it may not.
    """
    try:
        check_id(name, what)
    except InvalidIdError as error:
        raise RegistryError(str(error)) from error
