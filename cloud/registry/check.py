"""Is everything of every model still in the blobs, as it was put there?"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from cloud.errors import DamagedModelError
from cloud.registry.artefacts import key_of
from cloud.registry.model import Model
from cloud.registry.registry import Registry

_PAGE = 200

Tell = Callable[[int], None]
"""Is told how many models were looked at."""


@dataclass(slots=True)
class Checked:
    """What was seen.

    Attributes:
        models: how many were looked at.
        files: how many of theirs, each sha256 once.
        size_bytes: of these.
        problems: each in a line; none: all is there.
        orphans: keys of blobs that are of no model, and their bytes; also those of an `add` that
            was under way. None, where a record cannot be read: nobody knows what is its.
    """

    models: int = 0
    files: int = 0
    size_bytes: int = 0
    problems: list[str] = field(default_factory=list)
    orphans: list[tuple[str, int]] | None = field(default_factory=list)


def check(registry: Registry, tell: Tell) -> Checked:
    """Read every byte of every model, and look for what is of none.

    Raises:
        BlobsAwayError, StoreAwayError: begin again.
    """
    # Listed first: an `add` puts files before its row, so of one that is done by now all is known.
    listed = [(entry.key, entry.size_bytes) for entry in registry.files.kept()]
    checked, known = Checked(), dict[str, str]()
    for model in _all(registry):
        _look_at(registry, model, checked, known)
        checked.models += 1
        tell(checked.models)
    keys = {key_of(sha256) for sha256 in known}
    if checked.orphans is not None:
        checked.orphans = [(key, size) for key, size in listed if key not in keys]
    return checked


def _look_at(registry: Registry, model: Model, checked: Checked, known: dict[str, str]) -> None:
    called = f"{model.name} {model.version}"
    files: list[tuple[str, str, int | None]] = [("record.json", model.digest, None)]
    try:
        named = registry.artefacts(model.name, model.version)
        files += [("a file", sha256, size) for sha256, size in named]
    except DamagedModelError:
        checked.orphans = None  # the problem is told below, by the record
    files += [
        (f"engine for {one.board}", one.sha256, one.size_bytes)
        for one in registry.engines.of(model.name, model.version)
    ]
    for what, sha256, size in files:
        if sha256 not in known:
            checked.files += 1
            known[sha256] = _problem(registry, sha256, size, checked)
        if known[sha256]:
            checked.problems.append(f"{called}: {what}: {known[sha256]}")


def _problem(registry: Registry, sha256: str, size: int | None, checked: Checked) -> str:
    """What is wrong with a file; empty where nothing is."""
    try:
        content = registry.open(sha256)
    except DamagedModelError as error:
        return str(error)
    checked.size_bytes += len(content)
    if size is not None and size != len(content):
        return f"{key_of(sha256)}: is of {len(content):,} bytes, recorded were {size:,}"
    return ""


def _all(registry: Registry) -> Iterator[Model]:
    after = ("", "")
    while page := registry.models.page(after=after, limit=_PAGE):
        yield from page
        after = page[-1].name, page[-1].version
