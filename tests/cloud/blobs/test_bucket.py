"""A bucket: what is set from the URL, what is said when it does not answer, kept content types."""

import json
from datetime import timedelta
from pathlib import Path

import obstore
import pytest
from obstore.store import GCSStore, MemoryStore
from pydantic import ValidationError

from cloud.blobs.folder import FolderBlobs
from cloud.blobs.obstore import ObstoreBlobs
from cloud.blobs.opened import open_blobs
from cloud.blobs.settings import BlobSettings
from cloud.errors import BlobsAwayError, StartError
from tests.support.processes import free_port


def test_the_content_type_is_kept() -> None:
    store = MemoryStore()
    ObstoreBlobs(store, "memory").put("a/one.jpg", b"x", "image/jpeg")

    assert obstore.get(store, "a/one.jpg").attributes["Content-Type"] == "image/jpeg"


def test_a_bucket_that_does_not_answer_is_away_and_nothing_is_said_of_credentials() -> None:
    key = {
        "gcs_base_url": f"http://127.0.0.1:{free_port()}", "disable_oauth": True,
        "client_email": "me", "private_key": "hush", "private_key_id": "hush",
    }  # fmt: skip
    store = GCSStore(
        "bucket",
        config={"service_account_key": json.dumps(key)},
        client_options={"allow_http": True},
        retry_config={"max_retries": 0, "retry_timeout": timedelta(seconds=1)},
    )
    blobs = ObstoreBlobs(store, "gs://bucket")
    for ask in (
        lambda: blobs.put("a/one", b"x", "image/jpeg"),
        lambda: blobs.get("a/one"),
        lambda: blobs.size("a/one"),
        lambda: list(blobs.list("a")),
        lambda: blobs.delete(["a/one"]),
    ):
        with pytest.raises(BlobsAwayError, match="blobs gs://bucket: ") as raised:
            ask()
        assert "hush" not in str(raised.value)
        assert "\n" not in str(raised.value)


def test_credentials_that_cannot_be_read_end_the_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(tmp_path / "missing.json"))
    with pytest.raises(StartError, match="blobs gs://bucket: .*gcloud auth"):
        open_blobs(BlobSettings(url="gs://bucket"))


def test_a_relative_folder_is_meant_from_the_settings_file(tmp_path: Path) -> None:
    found = BlobSettings.model_validate({"url": "file:some/blobs"}, context={"base": tmp_path})
    assert found.folder == tmp_path / "some" / "blobs"
    assert BlobSettings.model_validate({"url": found.url}, context={"base": Path("/")}) == found


def test_a_url_says_which_store_it_is(tmp_path: Path) -> None:
    folder = open_blobs(BlobSettings(url=(tmp_path / "a folder").as_uri()))
    assert isinstance(folder, FolderBlobs)
    folder.put("a/one", b"x", "image/jpeg")
    assert (tmp_path / "a folder" / "a" / "one").read_bytes() == b"x"

    settings = BlobSettings(url="gs://my-bucket/some/folder/")
    assert (settings.bucket, settings.prefix) == ("my-bucket", "some/folder")
    bucket = open_blobs(settings)
    assert isinstance(bucket, ObstoreBlobs)
    assert not isinstance(bucket, FolderBlobs)


@pytest.mark.parametrize(
    "url",
    ["", "blobs", "file://host/blobs", "file:///", "file:", "gs://", "gs:///folder",
     "gs://me:secret@bucket", "gs://bucket?a=b", "gs://bucket/..", "gs://bucket//a",
     "s3://bucket", "http://bucket", "gs://UPPER", "file:///a%00b"],
)  # fmt: skip
def test_urls_that_are_no_place_for_blobs(url: str) -> None:
    with pytest.raises(ValidationError, match="must"):
        BlobSettings(url=url)
