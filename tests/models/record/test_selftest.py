"""An engine against golden inputs: what is the same passes, and what is not is told."""

import json
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from models.commands.terminal import frames_of
from models.engines.loading import load_engine
from models.engines.port import Engine, Tensor
from models.errors import RecordError
from models.record.reading import read_record
from models.record.record import Record
from models.record.register import register
from models.record.selftest import Outcome, self_test
from models.record.store import Store
from models.record.verify import verify
from models.zoo import resolve
from tests.support.fake_engine import FakeEngine
from tests.support.real_assets import real_asset, real_network
from tests.support.records import LICENCE, WHO, registered, rewritable, submission

Change = Callable[[Tensor], Tensor]


def scaled(by: float) -> Change:
    """Every value, so much larger."""
    return lambda tensor: np.multiply(tensor, by, dtype=np.float32)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return rewritable(registered(tmp_path).folder)


@pytest.fixture
def record(folder: Path) -> Record:
    return read_record(folder).record


@pytest.fixture
def engine(folder: Path) -> Iterator[Engine]:
    made = load_engine(*resolve(str(folder)))
    yield made
    made.close()


def changed(engine: Engine, change: Change, tensor: Change = lambda x: x) -> FakeEngine:
    """An engine whose outputs, or inputs, are another's and changed."""
    return FakeEngine(
        engine.inputs, engine.outputs,
        lambda x: [change(one) for one in engine.run(tensor(x))],
    )  # fmt: skip


def problems(record: Record, outcome: Outcome) -> list[str]:
    assert record.golden is not None
    return outcome.problems(record.golden)


def test_the_same_engine_is_the_same(folder: Path, record: Record, engine: Engine) -> None:
    outcome = self_test(record, folder, engine)

    assert outcome == Outcome(cases=3, difference=0.0, agreement=1.0)
    assert problems(record, outcome) == []


def test_what_is_a_little_off_is_within(folder: Path, record: Record, engine: Engine) -> None:
    outcome = self_test(record, folder, changed(engine, scaled(1.01)))

    assert outcome.difference == pytest.approx(0.01, rel=1e-3)
    assert outcome.agreement == 1.0
    assert problems(record, outcome) == []


def _without_the_person(output: Tensor) -> Tensor:
    lost = np.array(output, np.float32)
    lost[0, 0, 4] = 0
    return lost


def _another_class(output: Tensor) -> Tensor:
    other = np.array(output, np.float32)
    other[0, 0, 5:7] = other[0, 0, 6:4:-1]
    return other


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (scaled(1.2), r"raw outputs are off by 0\.2 .*0\.05 is allowed"),
        (lambda y: np.full_like(y, np.nan), r"raw outputs are off by inf"),
        (_without_the_person, r"finds agree to 0\.0%, and 90\.0% is demanded"),
        (_another_class, r"finds agree to 0\.0%"),
    ],
)
@pytest.mark.filterwarnings("ignore:invalid value:RuntimeWarning")
def test_what_is_beyond_is_told(
    folder: Path, record: Record, engine: Engine, change: Change, expected: str
) -> None:
    told = problems(record, self_test(record, folder, changed(engine, change)))

    assert all(line.startswith("golden: ") for line in told)
    assert [line for line in told if re.search(expected, line)], told


def test_files_that_are_no_golden_files_are_refused(
    folder: Path, record: Record, engine: Engine
) -> None:
    for name, content, expected in (
        ("0.png", b"\x89PNG", "0.png: is no PNG of 50x40"),
        ("0.f32", b"\0" * 8, "0.f32: is of 8 bytes, expected 128"),
        ("0.f32", b"\0" * 500, "0.f32: is of 500 bytes, at most 128"),
        ("0.f32", np.full(32, np.nan, "<f4").tobytes(), "0.f32: holds NaN"),
        ("positions.u32", b"\xff" * 128, "positions.u32: lies beyond output output"),
        ("0.json", b"[" * 90_000, "0.json: holds no finds of gate"),
    ):
        path = folder / "golden" / name
        good = path.read_bytes()
        path.write_bytes(content)
        with pytest.raises(RecordError) as caught:
            self_test(record, folder, engine)
        assert str(caught.value).startswith(f"{folder / 'golden'}/{expected}")
        path.write_bytes(good)


GOOD: dict[str, Any] = {"class": 0, "confidence": 0.9, "box": [1, 2, 3, 4]}


@pytest.mark.parametrize(
    "rows",
    [
        {"class": 0}, [1], [None], ["class"], [{**GOOD, "class": 3}], [{**GOOD, "class": -1}],
        [{**GOOD, "class": True}], [{**GOOD, "box": [1, 2, 3]}], [{**GOOD, "box": "1234"}],
        [{**GOOD, "box": [1, 2, 3, float("nan")]}], [{**GOOD, "confidence": float("inf")}],
        [{**GOOD, "mask": [2000, -1, 1]}], [{**GOOD, "mask": [10**12]}], [{**GOOD, "mask": 7}],
        [{**GOOD, "note": 1}], [{"class": 0, "confidence": 0.9}], [GOOD] * 10_001,
    ],
)  # fmt: skip
def test_finds_of_a_stranger_are_looked_at(
    folder: Path, record: Record, engine: Engine, rows: object
) -> None:
    (folder / "golden" / "0.json").write_text(json.dumps(rows))

    with pytest.raises(RecordError, match=r"0\.json: holds ") as caught:
        self_test(record, folder, engine)
    assert len(str(caught.value)) < 500


def test_a_record_without_golden_inputs_cannot_be_tested(tmp_path: Path) -> None:
    done = registered(tmp_path, pictures=())
    engine = load_engine(*resolve(str(done.folder)))

    with pytest.raises(RecordError, match="no golden inputs"):
        self_test(done.read.record, done.folder, engine)
    engine.close()
    assert verify(done.folder).problems == []


def test_a_real_network_is_held_to_its_channels(tmp_path: Path) -> None:
    manifest, path = real_network("yolox-nano")
    frames = frames_of(real_asset("cctv-people"), 6)
    made = submission(tmp_path / "model")
    real = type(made)(manifest, path, licence_file=LICENCE, pictures=frames)
    done = register(real, Store(tmp_path / "store"), WHO)
    record, folder = done.read.record, done.folder

    assert verify(folder).problems == []
    engine = load_engine(manifest, path)
    swapped = changed(engine, lambda y: y, lambda x: np.ascontiguousarray(x[:, ::-1]))
    outcome = self_test(record, folder, swapped)
    engine.close()

    # Every person is still found: only the raw values show that red is blue.
    assert outcome.agreement == 1.0
    (line,) = problems(record, outcome)
    assert "raw outputs are off by" in line
    assert outcome.difference is not None
    assert outcome.difference > 0.1


def test_a_device_needs_neither_onnx_nor_an_engine_to_import_it() -> None:
    code = (
        "import sys, models.record.selftest, models.zoo\n"
        "print(*{'onnx', 'onnxruntime', 'typer', 'rich'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout == "\n"
