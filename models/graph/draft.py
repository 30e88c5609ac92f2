"""A manifest to start from, for a network whose family is believed to be known."""

from collections.abc import Mapping, Sequence
from typing import Any

from models.graph.recognise import Belief
from models.manifest import Manifest, text_of
from protos.ids import as_id

_IMAGENET = {"scale": 1 / 255, "mean": [0.485, 0.456, 0.406], "std": [0.229, 0.224, 0.225]}
_CENTRED = {"colour": "rgb", "resize": {"mode": "letterbox", "anchor": "centre"}, "scale": 1 / 255}
_INPUTS: Mapping[str, Mapping[str, Any]] = {
    "yolox": {"colour": "bgr", "resize": {"mode": "letterbox", "anchor": "top-left"}},
    "yolov5": _CENTRED,
    "yolov8": _CENTRED,
    "yolov10": _CENTRED,
    "fastestdet": {
        "colour": "bgr", "resize": {"mode": "plain"}, "scale": 1 / 255, "interpolation": "area",
    },
    "nanodet": {
        "colour": "bgr", "resize": {"mode": "plain"},
        "mean": [103.53, 116.28, 123.675], "std": [57.375, 57.12, 58.395],
    },
    "ssd": {"colour": "rgb", "resize": {"mode": "plain"}, "scale": 1 / 255},
    "detr": {"colour": "rgb", "resize": {"mode": "plain"}, **_IMAGENET},
    "segmentation": {"colour": "rgb", "resize": {"mode": "plain"}, "scale": 1 / 255},
    "classification": {"colour": "rgb", "resize": {"mode": "centre-crop"}, **_IMAGENET},
}  # fmt: skip
_NO_IMAGENET = {"colour": "rgb", "resize": {"mode": "plain"}, "scale": 1 / 255}


def draft(
    name: str, size: tuple[int, int], belief: Belief, names: Sequence[str] | None, sha256: str
) -> Manifest:
    """A manifest; what nobody can tell from the file is a guess, to be corrected by hand.

    Args:
        name: of the file, of which an id is made.
        size: width and height of the input.
        belief: the family.
        names: of the classes, as the file has them.
        sha256: of the file.

    Raises:
        pydantic.ValidationError: the belief contradicts itself.
    """
    picture = _INPUTS[belief.head["family"]]
    if belief.head["family"] == "detr" and belief.head["activation"] != "softmax":
        picture = _NO_IMAGENET  # RT-DETR
    return Manifest.model_validate({
        "name": as_id(name),
        "version": "0.1.0",
        "input": {"width": size[0], "height": size[1], **picture},
        "head": belief.head,
        "classes": _classes(belief, names),
        "licence": "NOASSERTION",
        "source": "unknown: say where the network comes from",
        "sha256": sha256,
    })  # fmt: skip


def draft_text(manifest: Manifest, reason: str) -> str:
    """The manifest as YAML, with what a reader should look at."""
    return (
        "# Made by `wayside-models inspect`. The file does not say everything: see that\n"
        "# - colour, resize, scale, mean and std are those that the network was trained with\n"
        "# - the classes are in the network's order\n"
        "# - licence and source are named\n"
        f"# The head: {reason}.\n{text_of(manifest)}"
    )


def _classes(belief: Belief, names: Sequence[str] | None) -> list[str]:
    if belief.head["family"] == "segmentation":
        return [name for of_output in belief.head["outputs"] for name in of_output if name]
    if names is None or len(names) != belief.classes:
        return [f"class-{number}" for number in range(belief.classes)]
    found: list[str] = []
    for number, name in enumerate(names):
        slug = as_id(name)
        found.append(slug if slug not in found else f"{slug}-{number}")
        while found.count(found[-1]) > 1:
            found[-1] += "-more"
    return found
