"""A folder of data at one moment, by digest.

The digest is the sha256 of a listing: for every file a line `SHA256  PATH`, as `sha256sum` writes
it, ordered by the bytes of PATH. So anybody can check it without us, inside of the folder:

    find . -type f,l ! -path '*/.*' ! -path ./dataset.yaml -printf '%P\\0' | LC_ALL=C sort -z |
        xargs -0 sha256sum | sha256sum

Hidden files and folders are left out, and so is `dataset.yaml`, which describes the rest.
"""

import hashlib
import os
from collections.abc import Iterator
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from models.checksum import sha256_of
from models.errors import RecordError
from models.manifest import Id, Spdx
from models.progress import Progress
from models.record.record import DataSet, Line
from wayside import settings

DESCRIPTION = "dataset.yaml"


class Description(BaseModel):
    """What `dataset.yaml` says: what nobody can see by the files."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    split: Id
    licence: Spdx
    source: Line


def data_set(name: str, folder: Path, progress: Progress | None = None) -> DataSet:
    """The data of a folder, which `dataset.yaml` in it or `FOLDER.yaml` beside it describes.

    Args:
        name: what the data set is called.
        folder: of the files, however deep.
        progress: told how far it is.

    Raises:
        RecordError: it is no folder, holds nothing, or something that has no place in a listing.
        SettingsError: its description is refused.
    """
    described = _description(folder)
    paths = sorted(_files(folder), key=lambda path: os.fsencode(path.relative_to(folder)))
    if not paths:
        raise RecordError(f"{folder}: holds no file; a data set has at least one")
    listing, size = hashlib.sha256(), 0
    for number, path in enumerate(paths, 1):
        try:
            size += path.stat().st_size
            line = f"{sha256_of(path)}  {_listed(path, folder)}\n"
        except OSError as error:
            raise RecordError(f"{path}: cannot be read: {error.strerror}") from error
        listing.update(line.encode())
        if progress is not None:
            progress(number, len(paths))
    return DataSet(
        name=name, split=described.split, sha256=listing.hexdigest(), files=len(paths), size=size,
        licence=described.licence, source=described.source,
    )  # fmt: skip


def _description(folder: Path) -> Description:
    if not folder.is_dir():
        raise RecordError(f"{folder}: there is no such folder")
    inside = folder / DESCRIPTION
    beside = folder.absolute().with_name(f"{folder.absolute().name}.yaml")
    for path in (inside, beside):
        if path.is_file():
            return settings.load(path, Description)
    raise RecordError(
        f"{inside}: is missing; it should say `split: train`, `licence: CC-BY-4.0` (SPDX; "
        "NOASSERTION where nobody knows) and `source: where the data is from`"
    )


def _files(folder: Path) -> Iterator[Path]:
    def refuse(error: OSError) -> None:
        raise RecordError(f"{error.filename}: cannot be read: {error.strerror}") from error

    for root, folders, names in os.walk(folder, onerror=refuse):
        here = Path(root)
        folders[:] = [name for name in folders if not name.startswith(".")]
        for name in folders:
            if (here / name).is_symlink():
                raise RecordError(
                    f"{here / name}: is a link to a folder; a data set is one folder without them"
                )
        for name in names:
            path = here / name
            if name.startswith(".") or path == folder / DESCRIPTION:
                continue
            if not path.is_file():
                raise RecordError(f"{path}: is no file, or a link to nothing")
            yield path


def _listed(path: Path, folder: Path) -> str:
    name = path.relative_to(folder).as_posix()
    if not name.isprintable() or "\\" in name:
        raise RecordError(
            f"{path!r}: a name with a backslash or a character that cannot be printed has no "
            "place in a listing; rename it"
        )
    return name
