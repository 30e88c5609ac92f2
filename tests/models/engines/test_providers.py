"""What an engine on several providers is called, and what each provider is told."""

from pathlib import Path

from models.engines.providers import CPU, PROVIDERS, options_of, told

CUDA, TENSORRT = PROVIDERS["CUDA"].name, PROVIDERS["TensorRT"].name


def test_a_network_that_runs_on_one_provider_is_named_by_it() -> None:
    assert told(PROVIDERS["CUDA"], {CUDA: 120}, [CUDA, CPU]) == "onnxruntime/CUDA"
    assert told(PROVIDERS["CPU"], {CPU: 120}, [CPU]) == "onnxruntime/CPU"


def test_what_runs_elsewhere_is_counted() -> None:
    counts = {CUDA: 117, CPU: 3}
    assert told(PROVIDERS["CUDA"], counts, [CUDA, CPU]) == (
        "onnxruntime/CUDA, 3 of 120 operators on CPU"
    )
    counts = {TENSORRT: 100, CUDA: 19, CPU: 1}
    assert told(PROVIDERS["TensorRT"], counts, [TENSORRT, CUDA, CPU]) == (
        "onnxruntime/TensorRT, 19 of 120 operators on CUDA, 1 of 120 operators on CPU"
    )


def test_a_release_that_does_not_count_claims_nothing_of_the_rest() -> None:
    assert told(PROVIDERS["CUDA"], {}, [CUDA, CPU]) == "onnxruntime/CUDA"


def test_what_tensorrt_builds_is_kept_and_the_others_are_told_nothing(tmp_path: Path) -> None:
    options = options_of(PROVIDERS["TensorRT"], tmp_path / "kept")
    assert options["trt_engine_cache_path"] == str(tmp_path / "kept")
    assert (tmp_path / "kept").stat().st_mode & 0o777 == 0o700
    assert options["trt_engine_cache_enable"] == "True"
    assert options_of(PROVIDERS["TensorRT"], None) == {}
    assert all(options_of(PROVIDERS[label], tmp_path) == {} for label in ("CPU", "CUDA"))
