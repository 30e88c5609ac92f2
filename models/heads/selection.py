"""The head that a manifest names."""

from models.heads.fastestdet import FastestDetDecoder
from models.heads.port import Head
from models.heads.yolox import YoloxDecoder
from models.manifest import Manifest, YoloxHead


def head_of(manifest: Manifest) -> Head:
    """The decoder for a manifest's `head`."""
    if isinstance(manifest.head, YoloxHead):
        return YoloxDecoder(manifest.head, manifest.input, len(manifest.classes))
    return FastestDetDecoder(manifest.head, manifest.input, len(manifest.classes))
