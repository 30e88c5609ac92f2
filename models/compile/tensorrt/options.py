"""What is asked for when an engine is built."""

from dataclasses import dataclass
from typing import Literal, get_args

from models.errors import EngineError

Precision = Literal["onnx", "fp16", "int8"]
"""onnx: of the types that stand in the file. fp16, int8: TensorRT may use these as well (8.6 to
10; newer ones take precision from the file alone)."""

BUILD_TIMEOUT_S = 3600.0
"""A large network on a small board takes most of an hour."""

RETRY_AFTER_S = 86400.0
"""What a build that failed waits until an agent begins it again."""

KEEP = 4
"""Engines of one network that are kept: of two releases, before and after an update of TensorRT."""

AS_IN_FILE: Precision = "onnx"


@dataclass(frozen=True, slots=True)
class Batch:
    """Pictures at once, for a network whose batch is free.

    Raises:
        EngineError: not 1 <= least <= usual <= most.
    """

    least: int = 1
    usual: int = 1
    most: int = 1

    def __post_init__(self) -> None:
        if not 1 <= self.least <= self.usual <= self.most:
            raise EngineError(f"batch {self}: must be min:opt:max, rising, from 1")

    def __str__(self) -> str:
        return f"{self.least}:{self.usual}:{self.most}"

    @classmethod
    def parse(cls, text: str) -> "Batch":
        """Of `min:opt:max`, or of one number that is all three.

        Raises:
            EngineError: it is neither.
        """
        parts = text.split(":")
        if not all(part.isdecimal() and part.isascii() for part in parts):
            parts = []
        if len(parts) == 1:
            parts *= 3
        if len(parts) != 3:
            raise EngineError(f"batch {text!r}: must be min:opt:max, as in 1:1:8, or one number")
        return cls(*map(int, parts))


@dataclass(frozen=True, slots=True)
class Options:
    """How a network becomes an engine.

    Attributes:
        precision: see `Precision`.
        batch: of a network whose batch is free; None: one picture. A fixed batch is the file's.
        workspace_mb: MiB of GPU memory that a layer may use while it works; None: all there is.
        dla_core: Deep Learning Accelerator that is to take the layers it can, the GPU the rest;
            None: the GPU alone.
        compute_capability: what TensorRT-RTX builds for, `8.9`, or `current` for this machine's
            GPU; None: every GPU from 8.0 on. TensorRT itself builds for this machine only.

    Raises:
        EngineError: a value makes no sense.
    """

    precision: Precision = AS_IN_FILE
    batch: Batch | None = None
    workspace_mb: int | None = None
    dla_core: int | None = None
    compute_capability: str | None = None

    def __post_init__(self) -> None:
        if self.precision not in get_args(Precision):
            known = ", ".join(get_args(Precision))
            raise EngineError(f"precision {self.precision!r} is unknown; there are {known}")
        if self.workspace_mb is not None and self.workspace_mb < 1:
            raise EngineError(f"workspace of {self.workspace_mb} MiB: must be 1 or more")
        if self.dla_core is not None and self.dla_core < 0:
            raise EngineError(f"DLA core {self.dla_core}: must be 0 or more")

    def as_json(self) -> dict[str, object]:
        """For the record, the key and the process that builds."""
        return {
            "precision": self.precision,
            "batch": None if self.batch is None else str(self.batch),
            "workspace_mb": self.workspace_mb,
            "dla_core": self.dla_core,
            "compute_capability": self.compute_capability,
        }
