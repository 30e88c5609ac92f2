"""What is known of an engine: a JSON file beside it, without which it is not used."""

import hashlib
import json
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from models.compile.tensorrt.options import Options
from models.engines.gpu import Gpu
from models.engines.tensorrt_library import Library
from models.errors import EngineError
from models.manifest import Sha256

KEY_DIGITS = 32
"""Hexadecimal digits of a key: of sha256, enough for any number of engines."""


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class KeyParts(_Frozen):
    """All that decides which engine comes out (decision 17); another value, another engine."""

    onnx_sha256: Sha256
    library: str
    library_version: str
    gpu: str | None = Field(description="name and compute capability; null: built without one")
    precision: str
    batch: str | None
    workspace_mb: int | None
    dla_core: int | None
    compute_capability: str | None

    @classmethod
    def of(
        cls, onnx_sha256: str, library: Library, gpu: Gpu | None, options: Options
    ) -> "KeyParts":
        """Of a network, the machine and what is asked for."""
        return cls.model_validate({
            "onnx_sha256": onnx_sha256,
            "library": library.name,
            "library_version": library.version,
            "gpu": None if gpu is None else str(gpu),
            **options.as_json(),
        })  # fmt: skip

    @property
    def key(self) -> str:
        """32 hexadecimal digits, the engine's name in a cache."""
        canonical = json.dumps(self.model_dump(), sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(canonical.encode()).hexdigest()[:KEY_DIGITS]


class EngineRecord(_Frozen):
    """An engine: of what it is, and which bytes it has."""

    format: Literal[1] = 1
    model: str = Field(description="name of the network")
    parts: KeyParts
    sha256: Sha256 = Field(description="of the engine's bytes")
    size_bytes: int = Field(ge=1, description="of the engine")
    build_s: float = Field(ge=0, description="s that the build took")

    def is_of(self, engine: bytes) -> bool:
        """True where these are the engine's bytes, every one of them."""
        return len(engine) == self.size_bytes and hashlib.sha256(engine).hexdigest() == self.sha256

    def text(self) -> str:
        """The file's content."""
        return self.model_dump_json(indent=2) + "\n"


def parse_record(text: str) -> EngineRecord:
    """The record that a text holds.

    Raises:
        EngineError: it is none.
    """
    try:
        return EngineRecord.model_validate_json(text)
    except ValidationError as error:
        raise EngineError(f"no record of an engine: {error.errors()[0]['msg']}") from error
