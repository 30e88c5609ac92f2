"""Where it is listed which models a device may be ordered to run."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

MOST_NAMED = 8
"""Versions, or models, that a refusal names at most."""


@dataclass(frozen=True, slots=True)
class Listed:
    """A version of a model, as somebody lists it.

    Attributes:
        version: as its manifest has it.
        sha256: of its record, 32 bytes.
        problem: why nobody may order it, as in `is revoked for good`; empty: it may be ordered.
    """

    version: str
    sha256: bytes
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Found:
    """What a listing has for an order.

    Attributes:
        listed: the version that is meant; None: it has none of that name.
        released: versions of the model that may be ordered, the newest first.
        aliases: versions of the model by alias.
        models: names of models that it has, the one that was asked for first, if it is among them;
            none: it lists nothing at all.
    """

    listed: Listed | None = None
    released: tuple[str, ...] = ()
    aliases: Mapping[str, str] = field(default_factory=dict)
    models: tuple[str, ...] = ()


class Listing(Protocol):
    """Models by name and version: the registry, the signed repository.

    Attributes:
        name: of it, for people.
    """

    @property
    def name(self) -> str: ...

    def look(self, family: str, wanted: str) -> Found:
        """What there is for an order.

        Args:
            family: the model's name.
            wanted: a version of it, or what stands for one.

        Returns:
            Of each kind `MOST_NAMED` + 1 names at most, so that it shows where there are more.

        Raises:
            CloudError: it cannot be read now; the message says why.
        """
