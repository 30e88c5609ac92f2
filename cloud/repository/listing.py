"""What of the signed repository can be ordered: the port of `cloud.desired`."""

from collections.abc import Callable

from cloud.desired.port import MOST_NAMED, Found, Listed
from cloud.repository.family import Family
from cloud.repository.standing import Standing


class SignedListing:
    """The signed repository, as orders look into it.

    It has no aliases, and knows nothing of what was never signed.

    Args:
        standing: reads what stands, each time anew; None where there is no repository.
    """

    name = "the signed repository"

    def __init__(self, standing: Callable[[], Standing | None]) -> None:
        self._standing = standing

    def look(self, family: str, wanted: str) -> Found:
        """See `Listing.look`.

        Raises:
            RepositoryError: what lies there proves nothing.
            BlobsAwayError: try again.
        """
        standing = self._standing()
        if standing is None:
            return Found()
        models = tuple(sorted(standing.families, key=lambda name: name != family))
        models = models[: MOST_NAMED + 1]
        if family not in standing.families:
            return Found(models=models)
        signed = standing.releases(family)
        newest_first = reversed(signed.releases)
        released = tuple(one.version for one in newest_first if one.number >= signed.floor)
        return Found(_listed(signed, wanted), released[: MOST_NAMED + 1], models=models)


def _listed(signed: Family, version: str) -> Listed | None:
    if version in signed.withdrawn:
        # Its record is named nowhere any more.
        return Listed(version, b"", "is revoked for good")
    release = signed.find(version)
    if release is None:
        return None
    below = f"is release {release.number}, below the floor of {signed.floor}"
    problem = below if release.number < signed.floor else ""
    return Listed(version, bytes.fromhex(release.sha256), problem)
