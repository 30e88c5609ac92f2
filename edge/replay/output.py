"""Where the lines go: to a file that is written whole or not at all, or to standard output."""

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from pathlib import Path

from edge.errors import ReplayError
from models.commands.terminal import bar
from models.progress import Progress
from models.whole import whole

Write = Callable[[str], None]


@contextmanager
def written(out: Path | None, kept: Sequence[Path | None]) -> Iterator[Write]:
    """What takes a line.

    Args:
        out: a file; None: standard output, where each line is told at once.
        kept: files that `out` must not replace.

    Raises:
        ReplayError: the file cannot be written, or is one of those to be kept.
    """
    if out is None:
        yield lambda line: print(line, flush=True)  # noqa: T201 - it is what was asked for
        return
    if any(path is not None and path.exists() and _is_same(out, path) for path in kept):
        raise ReplayError(f"--out {out}: would be written over what is read; name another file")
    try:
        with whole(out) as (part,), part.open("w", encoding="utf-8") as file:
            yield lambda line: _put(file.write, line)
    except OSError as error:
        raise ReplayError(f"--out {out}: cannot be written: {error.strerror}") from error


@contextmanager
def progress_bar(out: Path | None) -> Iterator[Progress]:
    """Tells how far it is on stderr, unless the lines are told on the same terminal."""
    is_seen = out is not None or not sys.stdout.isatty()
    with bar("replay", "frames") if is_seen else nullcontext(_say_nothing) as progress:
        yield progress


def _put(write: Callable[[str], object], line: str) -> None:
    write(line)
    write("\n")


def _is_same(one: Path, other: Path) -> bool:
    return one.exists() and one.samefile(other)


def _say_nothing(done: int, total: int | None) -> None:
    """No bar."""
