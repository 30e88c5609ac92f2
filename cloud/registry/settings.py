"""How large a model may be, and what it may hold to be validated."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, model_validator

Name = Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9_.]{0,99}$")]

UNBOUNDED = (
    "Loop", "Scan", "RandomNormal", "RandomNormalLike", "RandomUniform", "RandomUniformLike",
    "Bernoulli", "Multinomial",
)  # fmt: skip
"""Standard operators that run for as long as a file says, or never answer the same twice."""


class ValidationSettings(BaseModel):
    """What a network may hold, and what its process may take."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    timeout_s: float = Field(
        300.0, gt=0, le=7200, description="of a validation, after which its process is ended"
    )
    cpu_s: int = Field(600, ge=1, le=14_400, description="of all its threads together")
    memory_mb: int = Field(2048, ge=256, le=2**20, description="MB that its process may write to")
    address_space_mb: int = Field(
        8192, ge=512, le=2**22, description="MB that its process may reserve"
    )
    domains: tuple[Name, ...] = Field(
        ("ai.onnx",), min_length=1, max_length=32,
        description="of operators; ai.onnx: the standard's own",
    )  # fmt: skip
    operators: tuple[Name, ...] | None = Field(
        None, max_length=1000, description="null: all of these domains; else only these"
    )
    refused_operators: tuple[Name, ...] = Field(
        UNBOUNDED, max_length=1000, description="not these, whatever is said above"
    )
    max_nodes: int = Field(10_000, ge=1, le=10**6, description="operators, all bodies together")
    max_weight_bytes: int = Field(
        268_435_456, ge=1024, le=2**31, description="of all weights in the file"
    )
    max_input_bytes: int = Field(
        50_331_648, ge=1024, le=2**31, description="of the tensor of one picture"
    )
    max_tensor_bytes: int = Field(
        1_073_741_824, ge=1024, le=2**33, description="of any tensor between two operators"
    )
    min_opset: int = Field(9, ge=1, le=99, description="of the standard's operators")
    max_opset: int = Field(21, ge=1, le=99, description="boards know no newer one")

    @model_validator(mode="after")
    def _there_is_an_opset(self) -> "ValidationSettings":
        if self.max_opset < self.min_opset:
            raise ValueError("max_opset must be at least min_opset")
        return self


class ModelSettings(BaseModel):
    """How large a model may be, and what it may hold to be validated."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    max_artefact_bytes: int = Field(
        536_870_912, ge=1024, le=2**32, description="of one file of a model, or of an engine"
    )
    max_model_bytes: int = Field(
        1_073_741_824, ge=1024, le=2**34, description="of all files of a model together"
    )
    validation: ValidationSettings = ValidationSettings()
