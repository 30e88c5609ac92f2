"""Execution providers of ONNX Runtime: what each is called, comes with and is told.

Reference: https://onnxruntime.ai/docs/execution-providers/
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from models.private import private_folder

CPU = "CPUExecutionProvider"

Options = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Provider:
    """An execution provider that can be asked for.

    Attributes:
        label: what an engine's name says, `CUDA`.
        name: what ONNX Runtime calls it.
        brought_by: what has to be installed where it is not built in.
        rest: providers that take what it does not, the CPU excepted, which always may.
    """

    label: str
    name: str
    brought_by: str = ""
    rest: tuple[str, ...] = ()


_GPU = (
    "pip install onnxruntime-gpu in place of onnxruntime (on a Jetson: the wheel that NVIDIA "
    "builds for its JetPack)"
)
_OF_CPU = Provider("CPU", CPU)
_OF_CUDA = Provider("CUDA", "CUDAExecutionProvider", _GPU)
PROVIDERS: Mapping[str, Provider] = {
    provider.label: provider
    for provider in (
        _OF_CPU,
        _OF_CUDA,
        Provider("TensorRT", "TensorrtExecutionProvider", _GPU, (_OF_CUDA.name,)),
        Provider(
            "OpenVINO", "OpenVINOExecutionProvider",
            "pip install onnxruntime-openvino in place of onnxruntime, or choose engine "
            "openvino/CPU, which stands beside it",
        ),
    )
}  # fmt: skip


def options_of(provider: Provider, cache: Path | None) -> dict[str, str]:
    """What a provider is told, where its own defaults are not what a camera needs.

    FP16 is no option here: a network is made FP16 against proof (`wayside-models halve`).

    Args:
        provider: that is asked for.
        cache: folder where what it builds for this network is kept; None: nothing is.

    Raises:
        EngineError: others may write to the folder, or it cannot be made.
    """
    if provider.label != "TensorRT" or cache is None:
        return {}
    # Without it TensorRT builds for minutes each time the program starts.
    kept = str(private_folder(cache))
    return {
        "trt_engine_cache_enable": "True", "trt_engine_cache_path": kept,
        "trt_timing_cache_enable": "True", "trt_timing_cache_path": kept,
    }  # fmt: skip


def label_of(name: str) -> str:
    """What people call a provider: `CUDA` of `CUDAExecutionProvider`."""
    for provider in PROVIDERS.values():
        if provider.name == name:
            return provider.label
    return name.removesuffix("ExecutionProvider")


def told(provider: Provider, operators: Mapping[str, int], order: Sequence[str]) -> str:
    """The name of an engine that tells where the network really runs.

    Args:
        provider: that was asked for.
        operators: how many each provider took, by its name; empty: this ONNX Runtime tells not.
        order: providers of the session, the preferred first.

    Returns:
        `onnxruntime/CUDA`, or `onnxruntime/CUDA, 3 of 120 operators on CPU`.
    """
    total = sum(operators.values())
    elsewhere = [
        f"{operators[name]} of {total} operators on {label_of(name)}"
        for name in order
        if name != provider.name and operators.get(name)
    ]
    return ", ".join([f"onnxruntime/{provider.label}", *elsewhere])
