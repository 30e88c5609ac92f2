"""A file into an engine, checked against its manifest before the first frame."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import platformdirs

from models.checksum import check_sha256
from models.engines.choice import AUTO, Wanted, open_engine, require_known
from models.engines.fit import shapes_fit, shown
from models.engines.port import Engine
from models.errors import AssetError, ManifestError
from models.manifest import Manifest


def load_engine(
    manifest: Manifest, path: Path, intra_threads: int = 1, engine: str = AUTO
) -> Engine:
    """The network of a manifest, ready to run.

    Args:
        manifest: what the file should be.
        path: the ONNX or TensorFlow Lite file.
        intra_threads: threads that share the work of one frame.
        engine: name of what runs it, see `choice`.

    Raises:
        AssetError: the file cannot be read.
        ChecksumError: the file is not the manifest's.
        EngineError: it is none that the engine can run, or the engine is not to be had.
        ManifestError: its input is not what the manifest says.
    """
    require_known(engine)
    remedy = (
        f"it is not the network of manifest {manifest.name!r}: fetch the network again, or "
        "correct the manifest's `sha256`"
    )
    if path.exists() and not path.is_file():
        raise AssetError(f"{path}: is no file")
    try:
        check_sha256(path, manifest.sha256, remedy)
    except OSError as error:
        raise AssetError(f"{path}: cannot be read: {error.strerror}") from error
    takes_integers = manifest.input.dtype != "float32"
    cache = engines_folder() / manifest.sha256[:12]
    wanted = Wanted(path, intra_threads, takes_integers, cache, manifest.name)
    loaded = open_engine(engine, wanted)
    try:
        check_input(manifest, loaded)
    except ManifestError:
        loaded.close()
        raise
    return loaded


def engines_folder() -> Path:
    """Where engines that were built are kept for this user."""
    return platformdirs.user_cache_path("wayside") / "engines"


def check_input(manifest: Manifest, engine: Engine) -> None:
    """Return when the engine takes the tensor that the manifest describes.

    Raises:
        ManifestError: it takes something else; the message names both.
    """
    if len(engine.inputs) != 1:
        raise ManifestError(f"{manifest.name}: the network has {len(engine.inputs)} inputs, not 1")
    actual = engine.inputs[0]
    dtype = np.dtype(manifest.input.dtype)
    if not shapes_fit(manifest.input.shape, actual.shape) or actual.dtype != dtype:
        raise ManifestError(
            f"{manifest.name}: the manifest's input is {shown(manifest.input.shape)} {dtype}, "
            f"the network's {actual.name!r} is {shown(actual.shape)} {actual.dtype}"
        )


def check_outputs(
    manifest: Manifest, shapes: Sequence[tuple[int | None, ...]], engine: Engine
) -> None:
    """Return when the engine's outputs are those that the manifest's head reads.

    Raises:
        ManifestError: they are not; the message names both.
    """
    actual = [output.shape for output in engine.outputs]
    fits = len(actual) == len(shapes) and all(map(shapes_fit, shapes, actual))
    if not fits:
        raise ManifestError(
            f"{manifest.name}: head {manifest.head.family!r} with {len(manifest.classes)} classes "
            f"reads {', '.join(map(shown, shapes))}, "
            f"the network returns {', '.join(map(shown, actual))}"
        )
