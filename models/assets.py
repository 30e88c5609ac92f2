"""Files by URL and sha256, from a folder, the user's cache or the internet, in this order."""

import fcntl
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

import platformdirs

from models.checksum import check_sha256
from models.download import Limits, download
from models.errors import AssetError, ChecksumError
from models.progress import Progress

VARIABLE = "WAYSIDE_ASSETS"
"""Environment variable: a folder that is asked first; empty: none is."""


@dataclass(frozen=True, slots=True)
class Asset:
    """A file that anybody can get, and tell from any other.

    Attributes:
        name: what people call it.
        url: https.
        sha256: of its bytes, 64 lower-case hexadecimal digits.
        path_in_assets: where it lies in an assets folder, `zoo/yolox_nano.onnx`.
    """

    name: str
    url: str
    sha256: str
    path_in_assets: str

    @property
    def cache_name(self) -> str:
        """File name in the cache; another version of the file gets another name."""
        path = PurePosixPath(self.path_in_assets)
        return f"{path.stem}-{self.sha256[:12]}{path.suffix}"


@dataclass(frozen=True, slots=True)
class Places:
    """Where assets are looked for.

    Attributes:
        folders: asked first, only ever read.
        cache: what is downloaded is kept here.
        limits: of a download.
    """

    folders: tuple[Path, ...]
    cache: Path
    limits: Limits = field(default_factory=Limits)

    @classmethod
    def of_user(cls, environ: Mapping[str, str] = os.environ) -> "Places":
        """The folder that WAYSIDE_ASSETS names and the user's cache.

        Without the variable: `../shared`, seen from the current directory and from the project.
        """
        given = environ.get(VARIABLE)
        if given is None:
            project = Path(__file__).resolve().parent.parent
            folders = tuple(
                dict.fromkeys((Path.cwd().parent / "shared", project.parent / "shared"))
            )
        else:
            folders = (Path(given).expanduser(),) if given else ()
        return cls(folders, platformdirs.user_cache_path("wayside") / "assets")

    def holds(self, asset: Asset) -> bool:
        """True where a file that could be the asset's is on this machine, unchecked."""
        return any(path.is_file() for path in self._candidates(asset))

    def _candidates(self, asset: Asset) -> list[Path]:
        paths = [folder / asset.path_in_assets for folder in self.folders]
        return [*paths, self.cache / asset.cache_name]


def fetch(asset: Asset, progress: Progress | None = None, places: Places | None = None) -> Path:
    """The path of the asset's file, whose sha256 was checked.

    Args:
        asset: what is wanted.
        progress: told of a download's progress, if there is one.
        places: where to look; default: those of the user.

    Raises:
        AssetError: it is nowhere to be had; the message says what would help.
        ChecksumError: a file is not what it should be; it is deleted unless it lies in a folder
            of the user's own.
    """
    places = places or Places.of_user()
    found = find(asset, places)
    if found is not None:
        return found
    cached = places.cache / asset.cache_name
    try:
        places.cache.mkdir(parents=True, exist_ok=True)
        with _alone(cached):
            if not cached.exists():  # another process may have been quicker
                download(asset.url, asset.sha256, cached, places.limits, progress)
    except ChecksumError:
        raise
    except AssetError as error:
        raise AssetError(f"{error}; {_remedy(asset)}") from error
    except OSError as error:
        raise AssetError(f"{cached}: cannot be written: {error}; {_remedy(asset)}") from error
    return cached


def find(asset: Asset, places: Places) -> Path | None:
    """The path of the asset's file where it is on this machine already, checked.

    Raises:
        AssetError: the file cannot be read.
        ChecksumError: it is another file; a cached one is deleted.
    """
    for folder in places.folders:
        path = folder / asset.path_in_assets
        if path.is_file():
            _check(path, asset, f"mend or remove it, or let {VARIABLE} name another folder")
            return path
    cached = places.cache / asset.cache_name
    if not cached.is_file():
        return None
    try:
        _check(cached, asset, "the file was deleted, the next try downloads it again")
    except ChecksumError:
        cached.unlink(missing_ok=True)
        raise
    return cached


def _check(path: Path, asset: Asset, remedy: str) -> None:
    try:
        check_sha256(path, asset.sha256, remedy)
    except OSError as error:
        raise AssetError(f"{path}: cannot be read: {error.strerror}") from error


def _remedy(asset: Asset) -> str:
    return (
        f"to go without a download, set {VARIABLE} to a folder and put the file there as "
        f"{asset.path_in_assets} (from {asset.url})"
    )


@contextmanager
def _alone(cached: Path) -> Iterator[None]:
    """Keep other processes from downloading the same file at the same time; they wait."""
    with cached.with_name(f"{cached.name}.lock").open("wb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
