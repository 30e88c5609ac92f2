"""Who is asked what may be ordered, by the settings alone."""

from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

import pytest

from cloud.app.listings import listings
from cloud.desired.port import Found
from cloud.errors import RepositoryError
from cloud.fleet.audit import Audit
from cloud.fleet.database import FleetDatabase
from cloud.settings import CloudSettings
from tests.support.fleet import fleet_file
from tests.support.records import registered
from tests.support.signed_repository import SignedRepository


def look(folder: Path, **sections: object) -> Sequence[tuple[str, Found]]:
    settings = CloudSettings.model_validate({"data_dir": folder, **sections})
    with closing(FleetDatabase(fleet_file(folder / "fleet.sqlite"))) as database:
        asked = listings(settings, database, Audit(database))
        return [(one.name, one.look("gate", "1")) for one in asked]


def test_the_registry_is_asked_first_and_a_repository_that_is_made_later_too(
    tmp_path: Path,
) -> None:
    nothing = [("the registry", Found()), ("the signed repository", Found())]
    assert look(tmp_path) == nothing
    assert not (tmp_path / "repository").exists(), "a look makes no folder"
    SignedRepository(tmp_path / "repository").release(registered(tmp_path / "made").folder)
    [registry, (name, found)] = look(tmp_path)
    assert (registry, name) == (nothing[0], "the signed repository")
    assert found.listed is not None
    assert found.listed.version == "1"


def test_a_bucket_without_credentials_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(tmp_path / "missing.json"))
    with pytest.raises(RepositoryError, match="the signed repository cannot be looked into: blobs"):
        look(tmp_path, repository={"blobs": {"url": "gs://bucket"}})
