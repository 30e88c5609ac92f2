"""Figures by slice, from the files that evaluations leave."""

import json
from pathlib import Path

import pytest

from models.errors import RecordError
from models.record.metrics import read_metrics
from models.record.record import Metric
from tests.support.records import DATA

HEAD = "metric,value,class,condition,samples,data\n"


def written(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.write_text(text)
    return path


def test_csv_and_json_say_the_same_in_one_order(tmp_path: Path) -> None:
    table = written(tmp_path, "m.csv", HEAD + "recall,1,person,night,80,gate-val\r\n"
                    "map50,0.5,,rain,7,gate-val\nmap50,.61,,,400,gate-val\n")  # fmt: skip
    rows = [
        {"metric": "map50", "value": 0.61, "samples": 400, "data": "gate-val"},
        {"metric": "map50", "value": 0.5, "condition": "rain", "samples": 7, "data": "gate-val"},
        {"metric": "recall", "value": 1, "class": "person", "condition": "night",
         "samples": 80, "data": "gate-val"},
    ]  # fmt: skip
    listed = written(tmp_path, "m.json", json.dumps(rows))

    found = read_metrics(table, [DATA])

    assert found == read_metrics(listed, [DATA])
    assert found == (
        Metric(name="map50", value=0.61, samples=400, data_set=DATA.sha256),
        Metric(name="map50", value=0.5, condition="rain", samples=7, data_set=DATA.sha256),
        Metric(name="recall", value=1.0, class_name="person", condition="night", samples=80,
               data_set=DATA.sha256),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("m.csv", HEAD + "map50,high,,,400,gate-val\n", "row 1: value: .*, not 'high'"),
        ("m.csv", HEAD + "map50,nan,,,400,gate-val\n", "row 1: value: .*finite"),
        ("m.csv", HEAD + "map50,0.5,,,0,gate-val\n", "row 1: samples: "),
        ("m.csv", HEAD + "map50,0.5,,,,gate-val\n", "row 1: samples is missing"),
        ("m.csv", HEAD + "mAP,0.5,,,4,gate-val\n", "row 1: metric: "),
        ("m.csv", HEAD + "map50,0.5,,,4,coco\n", "row 1: data 'coco' is none of .*gate-val"),
        ("m.csv", HEAD + "map50,0.5,,,4,gate-val,7\n", "row 1: None is unknown"),
        ("m.csv", HEAD + 'map50,"0.5\n', "is no CSV"),
        ("m.csv", "metric;value\nmap50;0.5\n", "row 1: metric;value is unknown"),
        ("m.csv", HEAD, "holds no figure"),
        ("m.json", '{"map50": 0.5}', "must be a list of rows such as"),
        ("m.json", "[1]", "must be a list of rows such as"),
        ("m.json", "[" * 100_000, "is no JSON"),
        ("m.json", "nothing", "is no JSON"),
        ("m.txt", "map50 0.5", r"read from \.json or \.csv"),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, name: str, text: str, expected: str) -> None:
    with pytest.raises(RecordError, match=expected) as caught:
        read_metrics(written(tmp_path, name, text), [DATA])
    assert "\n" not in str(caught.value)


def test_what_is_no_text_is_refused(tmp_path: Path) -> None:
    (tmp_path / "m.csv").write_bytes(b"\xff\xfe")
    with pytest.raises(RecordError, match="is not UTF-8 text"):
        read_metrics(tmp_path / "m.csv", [DATA])
