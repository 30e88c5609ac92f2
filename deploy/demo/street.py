"""Three models of one family, as whoever trains them hands them over."""

import hashlib
import shutil
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx
from onnx import numpy_helper

from deploy.demo.scene import NETWORK
from models import zoo

FAMILY = "street"
LICENCE = Path(__file__).parents[2] / "LICENSE"


@dataclass(frozen=True, slots=True)
class Model:
    """A version of the family.

    Attributes:
        version: as in its manifest.
        confidence: from which on it says that it sees something.
        sight: share of the picture, from its right edge, that it looks at.
        told: what is to be expected of it, for people.
    """

    version: str
    confidence: float
    sight: float
    told: str


OWN = Model("1", 0.45, 1.0, "serves at the beginning")
BETTER = Model("2", 0.3, 1.0, "sees more")
WORSE = Model("3", 0.3, 0.3, "is blind to the greater part of the picture")


def write(model: Model, folder: Path) -> Path:
    """The manifest of a model, beside its network and its licence.

    They are one network of the zoo, changed so that it is known beforehand which one is worse. In
    all else they are models as any other.
    """
    folder.mkdir(parents=True, exist_ok=True)
    original, network = zoo.resolve(NETWORK)
    content = _seeing(network, model.sight)
    (folder / f"{FAMILY}.onnx").write_bytes(content)
    shutil.copy(LICENCE, folder / "LICENSE")
    thresholds = original.thresholds.model_copy(update={"confidence": model.confidence})
    manifest = original.model_copy(
        update={
            "name": FAMILY, "version": model.version, "thresholds": thresholds,
            "sha256": hashlib.sha256(content).hexdigest(),
        }
    )  # fmt: skip
    path = folder / f"{FAMILY}.yaml"
    path.write_text(manifest.model_dump_json())
    return path


def _seeing(network: Path, sight: float) -> bytes:
    """The network, black before its eyes but for a share of the picture at the right."""
    if sight >= 1:
        return network.read_bytes()
    model = onnx.load(network)
    (picture,) = model.graph.input
    _, _, height, width = (one.dim_value for one in picture.type.tensor_type.shape.dim)
    mask = np.zeros((1, 1, height, width), np.float32)
    mask[..., round(width * (1 - sight)) :] = 1
    for node in model.graph.node:
        node.input[:] = ["seen" if name == picture.name else name for name in node.input]
    model.graph.initializer.append(numpy_helper.from_array(mask, "sight"))
    model.graph.node.insert(0, onnx.helper.make_node("Mul", [picture.name, "sight"], ["seen"]))
    return bytes(model.SerializeToString())
