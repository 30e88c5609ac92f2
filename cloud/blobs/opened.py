"""The blob store that the settings name."""

from datetime import timedelta

from obstore.exceptions import BaseError
from obstore.store import GCSStore, LocalStore

from cloud.blobs.folder import FolderBlobs
from cloud.blobs.obstore import ObstoreBlobs
from cloud.blobs.port import Blobs
from cloud.blobs.settings import BlobSettings
from cloud.errors import StartError


def open_blobs(settings: BlobSettings) -> Blobs:
    """The folder, or the bucket; a bucket is first spoken to when it is used.

    Raises:
        StartError: the folder cannot be written, or the credentials cannot be read.
    """
    folder = settings.folder
    if folder is not None:
        return FolderBlobs(folder)
    try:
        store = GCSStore(
            settings.bucket,
            prefix=settings.prefix,
            client_options={"timeout": timedelta(seconds=settings.timeout_s)},
            retry_config={"retry_timeout": timedelta(seconds=settings.retry_s)},
        )
    except (BaseError, OSError, ValueError) as error:
        reason = str(error).partition("\n")[0]
        raise StartError(
            f"blobs {settings.url}: {reason}. Run `gcloud auth application-default login`, or "
            "set blobs.url to a folder"
        ) from error
    return ObstoreBlobs(store, settings.url)


def open_to_read(settings: BlobSettings) -> Blobs | None:
    """The same to read only: nothing is made in a folder; None where it is not there.

    Raises:
        StartError: the credentials of a bucket cannot be read.
    """
    folder = settings.folder
    if folder is None:
        return open_blobs(settings)
    return ObstoreBlobs(LocalStore(folder), str(folder)) if folder.is_dir() else None
