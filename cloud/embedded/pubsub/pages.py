"""Lists in pages."""

from collections.abc import Iterable

from cloud.embedded.pubsub.errors import invalid

DEFAULT_PAGE = 100
MAX_PAGE = 1000


def page_of(names: Iterable[str], size: int, token: str) -> tuple[list[str], str]:
    """A page of names in order, and the token of the next one, empty at the end.

    Args:
        names: all of them.
        size: of the page, 0: as the server likes.
        token: of an earlier page, empty for the first.

    Raises:
        StatusError: INVALID_ARGUMENT, the size is negative.
    """
    if size < 0:
        raise invalid(f"page_size {size} is negative")
    size = min(size or DEFAULT_PAGE, MAX_PAGE)
    rest = sorted(name for name in names if name > token)
    return rest[:size], rest[size - 1] if len(rest) > size else ""
