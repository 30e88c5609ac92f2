"""Files that are written whole or not at all: under a hidden name first, then renamed."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


def hidden(path: Path) -> Path:
    """The name that a file has until it is whole, in the same folder and of the same suffix."""
    return path.with_name(f".{path.stem}.{os.getpid()}.part{path.suffix}")


@contextmanager
def whole(*paths: Path) -> Iterator[tuple[Path, ...]]:
    """Names to write to, which become the files when the context ends, all of them or none.

    Args:
        paths: the files. The last one comes last: whoever finds it finds the others too. Several
            are new ones, as none may be left behind that was put in place before another failed.

    Yields:
        A hidden name for each; whatever happens, nothing is left under it.

    Raises:
        OSError: a file cannot be put in place.
    """
    parts = tuple(hidden(path) for path in paths)
    placed: list[Path] = []
    try:
        yield parts
        for part, path in zip(parts, paths, strict=True):
            part.replace(path)
            placed.append(path)
    except BaseException:
        for path in placed:
            path.unlink(missing_ok=True)
        raise
    finally:
        for part in parts:
            part.unlink(missing_ok=True)
