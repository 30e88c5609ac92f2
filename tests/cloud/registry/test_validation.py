"""A stranger's model looked at apart: whatever it does to its process, it is told in one line."""

import sys
from pathlib import Path

import pytest

from cloud.errors import RegistryError
from cloud.registry.report import MAX_FINDINGS, Examined
from cloud.registry.settings import ValidationSettings
from cloud.registry.validation import examine_apart
from tests.support import strange_networks
from tests.support.model_records import SMALL, record, with_network

LIMITS = SMALL.validation
ALL = LIMITS.model_copy(update={"refused_operators": ()})


def findings(folder: Path, limits: ValidationSettings = LIMITS) -> list[str]:
    return list(examine_apart(folder, limits).findings)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return record(tmp_path)


def test_a_good_model_is_measured(folder: Path) -> None:
    seen = examine_apart(folder, LIMITS)
    assert seen.findings == ()
    facts = seen.facts
    assert facts is not None
    assert (facts.engine, facts.opset, facts.nodes) == ("onnxruntime/CPU", 17, 4)
    assert (facts.cases, facts.difference, facts.agreement) == (3, 0.0, 1.0)
    assert facts.weight_bytes > 128


def test_what_takes_more_memory_than_it_may_is_a_finding(folder: Path) -> None:
    [line] = findings(with_network(folder, strange_networks.hidden_bomb().SerializeToString()))
    assert "network.onnx" in line or "its process" in line
    assert "/tmp" not in line


def test_what_never_answers_is_ended_by_the_time_of_its_processor(folder: Path) -> None:
    limits = ALL.model_copy(update={"cpu_s": 4})
    endless = strange_networks.endless().SerializeToString()
    [line] = findings(with_network(folder, endless), limits)
    assert line == (
        "running its golden pictures, its process took more time of the processor than it may and "
        "was ended"
    )


def test_the_limits_are_those_of_the_settings(folder: Path) -> None:
    strict = ValidationSettings(
        domains=("ai.onnx", "com.ours"), operators=("Add",), refused_operators=("Add",),
        max_nodes=3, max_opset=16,
    )  # fmt: skip
    assert findings(folder, strict) == [
        "operators that are not allowed: Add, Mul, ReduceMean, Squeeze",
        "its operator set is 17, allowed are 9 to 16",
        "it has 4 operators, allowed are 3",
    ]


def process(folder: Path, code: str, timeout_s: float = 30.0) -> Examined:
    """What is made of a process that behaves so, in the place of the real one."""
    limits = LIMITS.model_copy(update={"timeout_s": timeout_s})
    return examine_apart(folder, limits, [sys.executable, "-c", code])


BEGINS = """print('{"begins": "loading it"}', flush=True)\n"""


@pytest.mark.parametrize(
    ("code", "says"),
    [
        ("import time; time.sleep(3600)", "loading it, its process took more than 1 s"),
        ("import os; os.kill(os.getpid(), 9)", "loading it, its process was killed"),
        ("import os; os.abort()", "loading it, its process ended with signal 6"),
        ("while True: print('x' * 65536)", "loading it, its process talked without end"),
        ("print('nonsense')", "loading it, its process said what nobody understands"),
        ("print('[1]'); print('{')", "said what nobody understands"),
        ("""print('{"examined": {"findings": [], "facts": {"engine": 1}}}')""",
         "said what nobody understands"),
        ("""print('{"examined": {"findings": []}}'); raise SystemExit(1)""",
         "ended with exit code 1"),
    ],
)  # fmt: skip
def test_a_process_that_was_taken_over_is_believed_nothing(
    tmp_path: Path, code: str, says: str
) -> None:
    [line] = process(tmp_path, BEGINS + code, timeout_s=1.0 if "3600" in code else 30.0).findings
    assert says in line


def test_what_it_says_is_bounded_and_in_one_line(tmp_path: Path) -> None:
    told = (
        """import json; print(json.dumps({"examined": {"findings": ["a\\nb\\x1b[31m" * 999]}}))"""
    )
    [line] = process(tmp_path, BEGINS + told).findings
    assert line.startswith("a b?[31ma b")
    assert len(line) == 400
    many = (
        BEGINS
        + f"""import json
print(json.dumps({{"examined": {{"findings": ["x"] * {MAX_FINDINGS + 1}}}}}))"""
    )
    assert process(tmp_path, many).findings == (
        "loading it, its process said what nobody understands",
    )


@pytest.mark.parametrize(
    ("code", "says"),
    [
        ("""print('{"missing": "onnx"}')""",
         r"onnx is not installed.*pip install 'wayside\[edge,models\]'"),
        ("raise SystemExit('no memory to begin with')", "exit code 1: no memory to begin with"),
        ("pass", "said nothing"),
    ],
)  # fmt: skip
def test_what_is_not_the_models_fault_is_no_finding(tmp_path: Path, code: str, says: str) -> None:
    with pytest.raises(RegistryError, match=says):
        process(tmp_path, code)
