"""What the life of an update needs of trust: who says what may run here, and who brings it.

Every method but `check_offline`, `floor` and `revoked` may wait for the network. Failures are
`edge.errors.OtaError`, whose code says what was wrong and which says itself whether it may pass.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Target:
    """What the repository vouches for.

    Attributes:
        family: name of the model.
        version: as in its manifest.
        release: grows with each version released within a family, from 1.
        sha256: of record.json's bytes, 64 lower-case hexadecimal digits.
        length: of these bytes.
        min_agent: version that an agent must have to run it; None: any.
    """

    family: str
    version: str
    release: int
    sha256: str
    length: int
    min_agent: str | None


class Trust(Protocol):
    """Says what may run on this device, by signatures alone."""

    def refresh(self) -> None:
        """Take the newest metadata.

        Raises:
            OtaError: it cannot be had, or cannot be believed; what was trusted still is.
        """

    def target(self, family: str, version: str) -> Target:
        """What the trusted metadata says of a version.

        Raises:
            OtaError: nothing, or that it may not run here.
        """

    def floor(self, family: str) -> int:
        """The least release of a family that may be taken, as far as is known; 0: any."""

    def revoked(self, family: str) -> frozenset[int]:
        """Releases of a family that may not serve any more."""

    def check_offline(self, family: str, record: bytes) -> Target:
        """What the trusted metadata says of a record that lies here; no network, no expiry.

        Raises:
            OtaError: it was never vouched for, or is no more. Code `not-readable`: the metadata
                itself is damaged, and nothing can be said.
        """


class Fetcher(Protocol):
    """Brings files of the repository, and goes on where it was cut off."""

    def record(self, target: Target, into: Path, progress: Callable[[int], None]) -> None:
        """The record of a target, whole and durable.

        Args:
            target: that is vouched for.
            into: path of the file; its folder is there.
            progress: told how many bytes have come, in between; what it raises ends the fetching.

        Raises:
            OtaError: it cannot be had, or is another.
        """

    def blob(self, sha256: str, size: int, into: Path, progress: Callable[[int], None]) -> None:
        """An artefact, whole and durable; `into`'s `.part` is gone on with.

        Args:
            sha256: of the artefact, 64 lower-case hexadecimal digits.
            size: bytes.
            into: path of the file; its folder is there.
            progress: told how many bytes have come, in between; what it raises ends the fetching.

        Raises:
            OtaError: it cannot be had, or is another; a bad part is deleted.
        """
