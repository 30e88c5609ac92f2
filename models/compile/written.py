"""A network and its manifest, written together."""

from pathlib import Path

from onnx import ModelProto
from pydantic import ValidationError

from models.checksum import sha256_of
from models.errors import GraphError
from models.manifest import InputSpec, Made, Manifest, text_of
from models.whole import whole


def require_new(out: Path) -> None:
    """Return when a network and its manifest can be written, and overwrite nothing.

    Raises:
        GraphError: one is there, or the folder is not.
    """
    if not out.parent.is_dir():
        raise GraphError(f"{out}: there is no folder {out.parent}")
    for path in (out, out.with_suffix(".yaml")):
        if path.exists():
            raise GraphError(f"{path}: is there already, and is not overwritten")


def write_network(
    manifest: Manifest, model: ModelProto, out: Path, what: str, spec: InputSpec, how: Made
) -> Manifest:
    """Write a network that was made from another, then its manifest, whole or not at all.

    The manifest comes last: whoever finds it finds both.

    Args:
        manifest: of what it was made from.
        model: the network.
        out: where to.
        what: was done, for the version: `int8`.
        spec: its input.
        how: it was made, and what proved it; the manifest says it for ever.

    Raises:
        GraphError: it cannot be written.
    """
    try:
        with whole(out, out.with_suffix(".yaml")) as (network, text):
            network.write_bytes(model.SerializeToString())
            made = Manifest.model_validate({
                **manifest.model_dump(), "version": f"{manifest.version}-{what}",
                "input": spec.model_dump(), "sha256": sha256_of(network),
                "parent": manifest.sha256, "made": how,
            })  # fmt: skip
            text.write_text(text_of(made), encoding="utf-8")
    except OSError as error:
        raise GraphError(f"{out}: cannot be written: {error.strerror}") from error
    except ValidationError as error:
        raise GraphError(
            f"{out}: the manifest makes no other: {error.errors()[0]['msg']}; shorten its version"
        ) from error
    return made
