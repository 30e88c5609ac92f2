"""Settings of stores."""

from pathlib import Path

import pytest
from pydantic import BaseModel, ValidationError

from cloud.store.settings import DuckDbSettings, InfluxDbSettings, StoreSettings


class Whole(BaseModel):
    store: StoreSettings


def test_the_kind_says_which_one() -> None:
    duck = Whole.model_validate({"store": {"kind": "duckdb", "path": "x.duckdb"}})
    assert duck.store == DuckDbSettings(path=Path("x.duckdb"))
    influx = Whole.model_validate({"store": {"kind": "influxdb", "url": "https://db.example/"}})
    assert isinstance(influx.store, InfluxDbSettings)
    assert influx.store.url == "https://db.example"


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("http://db.example:8086", "reachable from outside"),
        ("ftp://127.0.0.1", "must be http"),
        ("127.0.0.1:8086", "must be http"),
        ("https://user:secret@db.example", "credentials"),
        ("https://db.example?token=secret", "credentials"),
    ],
)
def test_unsafe_urls_are_refused(url: str, why: str) -> None:
    with pytest.raises(ValidationError, match=why):
        InfluxDbSettings(kind="influxdb", url=url)


def test_the_token_comes_from_a_file_or_the_environment(tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text(" abc \nrest")
    assert InfluxDbSettings(kind="influxdb", token_file=file).token() == "abc"
    named = InfluxDbSettings(kind="influxdb", token_variable="TOKEN")
    assert named.token({"TOKEN": "xyz"}) == "xyz"
    assert InfluxDbSettings(kind="influxdb").token() == ""
    with pytest.raises(ValidationError, match="exclude each other"):
        InfluxDbSettings(kind="influxdb", token_file=file, token_variable="TOKEN")


def test_counts_outlive_events_or_go_with_them() -> None:
    assert DuckDbSettings(retention_days=30, rollup_retention_days=30).rollup_retention_days == 30
    for days in (
        {"rollup_retention_days": 30},
        {"retention_days": 31, "rollup_retention_days": 30},
    ):
        with pytest.raises(ValidationError, match="at least as many"):
            DuckDbSettings.model_validate(days)
