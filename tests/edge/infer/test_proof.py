"""Does a faster engine answer the same? Three ways to tell."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from edge.infer.proof import as_registered, same_finds, same_outputs
from edge.infer.upgrade import probe_picture
from models.engines.deviation import deviation
from models.engines.loading import load_engine
from models.engines.port import Engine, TensorSpec
from models.errors import EngineError
from models.record.reading import read_record
from models.zoo import resolve
from tests.support.fake_engine import FakeEngine
from tests.support.records import registered
from tests.support.tiny_detector import tiny_manifest

F32 = np.dtype(np.float32)
ORDERED = tiny_manifest(head={"family": "yolov10"})
PICTURES = [probe_picture(40, 50, seed) for seed in range(3)]
Rows = NDArray[np.float32]


def rows(seed: int = 0, scores: tuple[float, float] = (0.01, 0.04)) -> Rows:
    """(300, 6): boxes all over the input, none of them anywhere near sure."""
    rng = np.random.default_rng(seed)
    left, top = rng.uniform(0, 20, (2, 300))
    return np.stack(
        [left, top, left + rng.uniform(4, 12, 300), top + rng.uniform(4, 12, 300),
         rng.uniform(*scores, 300), rng.integers(0, 3, 300)], axis=1,
    ).astype(np.float32)  # fmt: skip


def ordered(name: str, answer: Rows) -> FakeEngine:
    """Whatever it sees, the rows of the highest scores first, as YOLOv10 has it."""
    first = answer[np.argsort(-answer[:, 4], kind="stable")][None]
    made = FakeEngine(
        [TensorSpec("x", (1, 3, 32, 32), F32)], [TensorSpec("y", (1, 300, 6), F32)],
        lambda x: [first],
    )  # fmt: skip
    made.name = name
    return made


BEFORE = ordered("onnxruntime/CPU", rows())


def rounded(answer: Rows) -> Rows:
    """As FP16 does: every score by a percent or two, and so the order of near-equal ones."""
    answer[:, 4] *= np.random.default_rng(1).uniform(0.98, 1.02, 300).astype(np.float32)
    return answer


def test_rows_that_changed_places_are_the_same_finds() -> None:
    after = ordered("tensorrt/GPU", rounded(rows()))
    raw = np.ones((1, 3, 32, 32), np.float32)
    assert deviation(BEFORE.run(raw), after.run(raw)) > 0.15  # which raw outputs would refuse

    figures = same_finds(ORDERED, PICTURES)(BEFORE, after)

    assert figures["agreement"] > 0.9


def moved(answer: Rows) -> Rows:
    answer[:, [0, 2]] += 9
    return answer


def other_classes(answer: Rows) -> Rows:
    answer[:, 5] = (answer[:, 5] + 1) % 3
    return answer


def dumb(answer: Rows) -> Rows:
    answer[:, 4] = 0
    return answer


def no_numbers(answer: Rows) -> Rows:
    return np.full_like(answer, np.nan)


@pytest.mark.parametrize("change", [moved, other_classes, dumb, no_numbers])
def test_other_finds_are_refused(change: Callable[[Rows], Rows]) -> None:
    after = ordered("tensorrt/GPU", change(rows()))

    with pytest.raises(EngineError, match="tensorrt/GPU finds other things than onnxruntime/CPU"):
        same_finds(ORDERED, PICTURES)(BEFORE, after)


def test_where_nothing_is_found_nothing_is_proven() -> None:
    nothing = ordered("onnxruntime/CPU", dumb(rows()))

    with pytest.raises(EngineError, match="register it with --golden"):
        same_finds(ORDERED, PICTURES)(nothing, nothing)


def changed(engine: Engine, factor: float) -> Engine:
    made = FakeEngine(
        engine.inputs,
        engine.outputs,
        lambda x: [np.multiply(engine.run(x)[0], factor, dtype=np.float32)],
    )
    made.name = "tensorrt/GPU"
    return made


def test_a_record_is_asked_what_was_registered(tmp_path: Path) -> None:
    folder = registered(tmp_path).folder
    engine = load_engine(*resolve(str(folder)))
    prove = as_registered(read_record(folder).record, folder)

    figures = prove(engine, changed(engine, 1.0))
    assert figures == {"off": 0.0, "agreement": 1.0}

    with pytest.raises(EngineError) as error:
        prove(engine, changed(engine, 1.1))
    assert str(error.value).startswith("tensorrt/GPU is not as registered: golden: raw outputs are")
    engine.close()


def test_raw_outputs_may_differ_by_the_tolerance() -> None:
    probe = np.ones((1, 3, 32, 32), np.float32)

    assert same_outputs(probe, 0.1)(BEFORE, changed(BEFORE, 1.05))["off"] < 0.06
    with pytest.raises(EngineError, match=r"answers otherwise .* off by 0.2, and 0.1 is allowed"):
        same_outputs(probe, 0.1)(BEFORE, changed(BEFORE, 1.2))
