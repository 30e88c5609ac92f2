"""What of the registry can be ordered: aliases, and why not what is in another state."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from cloud.desired.port import MOST_NAMED, Listed
from cloud.registry.listing import RegistryListing
from cloud.registry.registry import Registry
from cloud.registry.report import Report
from cloud.registry.states import ModelState
from tests.support.model_records import BY, model_registry

GOOD = Report(at_ns=5, by="user:ada", findings=())
ONE = "1" * 64


@pytest.fixture
def registry(tmp_path: Path) -> Iterator[Registry]:
    with model_registry(tmp_path) as made:
        yield made


@pytest.fixture
def listing(registry: Registry) -> RegistryListing:
    return RegistryListing(registry.models, registry.aliases)


def add(registry: Registry, version: str, release: int | None = None, name: str = "gate") -> None:
    """A version that is validated; with a number, released."""
    registry.models.add(name, version, ONE, BY)
    registry.models.keep_report(name, version, GOOD, BY)
    if release is not None:
        registry.models.release(name, version, release, BY)


def problem(listing: RegistryListing, wanted: str) -> str:
    listed = listing.look("gate", wanted).listed
    assert listed is not None
    return listed.problem


def test_an_alias_stands_for_its_version(registry: Registry, listing: RegistryListing) -> None:
    add(registry, "1", 1)
    add(registry, "2", 2)
    registry.aliases.set("gate", "champion", "1", BY)
    found = listing.look("gate", "champion")
    assert found.listed == Listed("1", bytes.fromhex(ONE))
    assert found.aliases == {"champion": "1"}
    assert listing.look("gate", "challenger").listed is None
    add(registry, "champion", 3)
    named = listing.look("gate", "champion").listed
    assert named is not None
    assert named.version == "champion", "a version that is called so comes first"


def test_each_other_state_says_what_lacks(registry: Registry, listing: RegistryListing) -> None:
    registry.models.add("gate", "1", ONE, BY)
    assert "is a candidate" in problem(listing, "1")
    add(registry, "2")
    registry.aliases.set("gate", "challenger", "2", BY)
    told = "is validated, and not released: `wayside-cloud repository release gate 2`"
    assert problem(listing, "challenger") == told
    add(registry, "3", 1)
    assert problem(listing, "3") == ""
    registry.models.change("gate", "3", ModelState.DEPRECATED, BY)
    assert problem(listing, "3").startswith("is deprecated: `wayside-cloud models restore gate 3`")
    registry.models.change("gate", "3", ModelState.REVOKED, BY)
    assert problem(listing, "3") == "is revoked for good"
    assert listing.look("gate", "3").released == ()


def test_no_more_is_read_than_can_be_named(registry: Registry, listing: RegistryListing) -> None:
    for number in range(1, MOST_NAMED + 4):
        add(registry, f"1.{number}", number)
        add(registry, "1", 1, f"model-{number:02}")
    found = listing.look("model-11", "9")
    assert found.models[0] == "model-11", "the one that was asked for, however many there are"
    assert len(listing.look("yard", "9").models) == MOST_NAMED + 1
    released = listing.look("gate", "9").released
    assert (len(released), released[0]) == (MOST_NAMED + 1, f"1.{MOST_NAMED + 3}")
