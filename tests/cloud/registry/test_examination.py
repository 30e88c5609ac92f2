"""What is found in a stranger's model, by what looks at it; no process of its own here."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from onnx import ModelProto

from cloud.registry.examination import examine
from cloud.registry.report import Examined
from models.graph.limits import Limits
from tests.support import strange_networks
from tests.support.model_records import record, rewritten, with_network

LIMITS = Limits(
    domains=frozenset({"ai.onnx"}), operators=None, refused=frozenset({"Loop"}), max_nodes=100,
    max_weight_bytes=2**20, max_input_bytes=2**20, max_tensor_bytes=2**30, min_opset=9,
    max_opset=21,
)  # fmt: skip
ALL_STEPS = [
    "reading it", "reading its graph", "checking its graph", "loading it",
    "running its golden pictures",
]  # fmt: skip


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return record(tmp_path)


@pytest.fixture
def look(monkeypatch: pytest.MonkeyPatch) -> Callable[..., tuple[Examined, list[str]]]:
    """What is found in a folder, and what was begun; as the worker does, from within it."""

    def run(folder: Path, limits: Limits = LIMITS) -> tuple[Examined, list[str]]:
        monkeypatch.chdir(folder)
        begun: list[str] = []
        seen = examine(Path(), limits, begun.append)
        assert all(line and "\n" not in line for line in seen.findings)
        assert not any(str(folder.parent) in line for line in seen.findings)
        return seen, begun

    return run


Look = Callable[..., tuple[Examined, list[str]]]


def test_a_good_model_is_measured(folder: Path, look: Look) -> None:
    seen, begun = look(folder)
    assert (seen.findings, begun) == ((), ALL_STEPS)
    assert seen.facts is not None
    assert (seen.facts.cases, seen.facts.agreement, seen.facts.nodes) == (3, 1.0, 4)


@pytest.mark.parametrize(
    ("made", "says", "last"),
    [
        (strange_networks.custom_operator, "com.evil::Exfiltrate; allowed are ai.onnx", 1),
        (strange_networks.endless, "operators that are not allowed: Loop", 1),
        (lambda: strange_networks.elsewhere("/etc/passwd"), "'answer' in '/etc/passwd'", 1),
        (lambda: strange_networks.elsewhere_in_a_branch("../x"), "'answer' in '../x'", 1),
        (strange_networks.told_bomb, "huge 3x1024x1024x1024 float32", 2),
    ],
)
def test_what_a_graph_may_not_hold_is_seen_before_it_is_loaded(
    folder: Path, look: Look, made: Callable[[], ModelProto], says: str, last: int
) -> None:
    seen, begun = look(with_network(folder, made().SerializeToString()))
    [line] = seen.findings
    assert says in line
    assert (begun[-1], seen.facts) == (ALL_STEPS[last], None)


def test_another_answer_is_a_finding_with_figures(folder: Path, look: Look) -> None:
    onnx = strange_networks.other_answer().SerializeToString()
    seen, begun = look(with_network(folder, onnx))
    assert begun == ALL_STEPS
    assert "golden: raw outputs are off by" in seen.findings[0]
    assert "finds agree to 0.0%, and 90.0% is demanded" in seen.findings[1]
    assert seen.facts is not None
    assert seen.facts.agreement == 0.0


@pytest.mark.parametrize("content", [b"\xff\xff not ONNX at all", b"\0", b"ORTM" * 100])
def test_what_is_no_onnx_is_told(folder: Path, look: Look, content: bytes) -> None:
    seen, begun = look(with_network(folder, content))
    [line] = seen.findings
    assert line.startswith("network.onnx: is no ONNX file")
    assert begun[-1] == "reading its graph"


def test_what_its_checker_refuses_is_told(folder: Path, look: Look) -> None:
    model = strange_networks.plain()
    model.graph.node[0].op_type = "Frobnicate"
    seen, begun = look(with_network(folder, model.SerializeToString()))
    [line] = seen.findings
    assert "Frobnicate" in line
    assert begun[-1] == "checking its graph"


def test_what_does_not_fit_its_manifest_is_told(folder: Path, look: Look) -> None:
    def widen(document: dict[str, dict[str, dict[str, int]]]) -> None:
        document["manifest"]["input"]["width"] = 64

    seen, begun = look(rewritten(folder, widen))
    [line] = seen.findings
    assert "the manifest's input is" in line
    assert begun[-1] == "loading it"
    small, begun = look(folder, replace(LIMITS, max_input_bytes=12_288))
    assert small.findings == ("its input is of 24,576 bytes a picture, allowed are 12,288",)
    assert begun == ALL_STEPS[:1], "a graph may leave its sides free"


def test_what_nobody_can_compare_is_not_run(folder: Path, look: Look) -> None:
    def forget(document: dict[str, object]) -> None:
        document["golden"] = None

    seen, begun = look(rewritten(folder, forget))
    [line] = seen.findings
    assert "has no golden pictures" in line
    assert begun == ALL_STEPS[:1]


def test_a_golden_file_that_lies_is_told(folder: Path, look: Look) -> None:
    """Its hash is right: whoever made the record made this too."""
    (folder / "golden/0.png").write_bytes(b"\x89PNG\r\n\x1a\n" + b"\0" * 40)
    seen, _ = look(folder)
    [line] = seen.findings
    assert line.startswith("golden/0.png: is no PNG of 50x40")
