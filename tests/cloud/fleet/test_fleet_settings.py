"""Which databases may be named, and in which words the others are refused."""

from pathlib import Path

import pytest
from pydantic import ValidationError

from cloud.fleet.settings import FleetSettings


@pytest.mark.parametrize(
    "url",
    [
        "sqlite://",
        "sqlite:////var/lib/fleet.sqlite",
        "postgresql://127.0.0.1/fleet",
        "postgresql+psycopg://wayside@localhost:5433/fleet",
        "postgresql://wayside@[::1]/fleet",
        "postgresql:///fleet?host=/run/postgresql",
        "postgresql://db.example/fleet?sslmode=verify-full",
        "postgresql://db.example/fleet?sslmode=verify-full&sslrootcert=system",
        "postgresql:///fleet?host=a.example:5432,b.example:5432&sslmode=verify-full",
    ],
)
def test_urls_that_fit(url: str) -> None:
    assert FleetSettings(url=url).url.replace("%2F", "/").replace("%3A", ":").replace(
        "%2C", ","
    ) == url  # fmt: skip


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("nonsense", "must be"),
        ("mysql://db/fleet", "must be"),
        ("postgresql+asyncpg://127.0.0.1/fleet", "must be"),
        ("postgresql://user:secret@127.0.0.1/fleet", "PGPASSWORD"),
        ("postgresql://127.0.0.1/fleet?password=secret", "PGPASSWORD"),
        ("postgresql://127.0.0.1/fleet?sslpassword=secret", "PGPASSWORD"),
        ("postgresql:///fleet", "must name the server"),
        ("postgresql://127.0.0.1/fleet?service=other", "must name the server"),
        ("postgresql://db.example/fleet", "sslmode=verify-full"),
        ("postgresql://db.example/fleet?sslmode=require", "sslmode=verify-full"),
        ("postgresql://127.0.0.1/fleet?host=db.example", "'db.example' is another machine"),
        ("postgresql://127.0.0.1/fleet?hostaddr=10.0.0.1", "'10.0.0.1' is another machine"),
        ("postgresql:///fleet?host=127.0.0.1,db.example", "'db.example' is another machine"),
        ("postgresql:///fleet?host=127.0.0.1&host=db.example:5432", "'db.example' is another"),
    ],
)
def test_urls_that_do_not_fit_are_refused(url: str, why: str) -> None:
    with pytest.raises(ValidationError, match=why):
        FleetSettings(url=url)


def test_files_are_meant_from_the_settings_file() -> None:
    url = "postgresql://db.example/fleet?sslmode=verify-full&sslrootcert=ca.pem&sslkey=/k.pem"
    found = FleetSettings.model_validate({"url": url}, context={"base": Path("/etc/wayside")})
    assert "sslrootcert=%2Fetc%2Fwayside%2Fca.pem" in found.url
    assert "sslkey=%2Fk.pem" in found.url
