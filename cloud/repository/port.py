"""What the repository needs of the registry of models."""

from collections.abc import Sequence
from typing import Protocol

from cloud.fleet.audit import Actor


class Registry(Protocol):
    """Models by name and version. A name is a family here."""

    def record(self, name: str, version: str) -> bytes:
        """The bytes of a version's `record.json`.

        Raises:
            CloudError: there is no such version, or it cannot be read; the message says which.
        """

    def artefacts(self, name: str, version: str) -> Sequence[tuple[str, int]]:
        """The sha256 and the size in bytes of all that belongs to a version.

        Raises:
            CloudError: as above.
        """

    def open(self, sha256: str) -> bytes:
        """An artefact's bytes.

        Raises:
            CloudError: as above.
        """

    def state(self, name: str, version: str) -> str:
        """CANDIDATE, VALIDATED, RELEASED, DEPRECATED or REVOKED, in whatever case.

        Raises:
            CloudError: as above.
        """

    def released(self, name: str, version: str, release: int, by: Actor) -> None:
        """Note that devices may take a version; again is harmless.

        Raises:
            CloudError: it cannot be noted; what was published stands.
        """

    def revoked(self, name: str, version: str, by: Actor) -> None:
        """Note that no device may have a version any more; again is harmless.

        Raises:
            CloudError: as above.
        """
