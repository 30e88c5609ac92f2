"""Snapshot and timestamp: what the server signs by itself. Nothing is read or written here.

A snapshot says which versions belong together, the timestamp which snapshot is the newest. While
keys change they are signed by the old and the new ones, so that devices that know only one of two
roots believe them.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from tuf.api.metadata import Metadata, Root, Snapshot, Timestamp

from cloud.errors import RepositoryError
from cloud.repository.roles import ROOT, SNAPSHOT, TARGETS, TIMESTAMP
from cloud.repository.settings import ExpirySettings
from cloud.repository.signing import PrivateKey, key_text
from cloud.repository.standing import File, Standing, is_signed, parse
from cloud.repository.trust import keys_of

Keys = Mapping[str, PrivateKey]
"""Private keys of the server, by id."""


def is_current(standing: Standing, roots: Sequence[Root], now: datetime, life: timedelta) -> bool:
    """True where the snapshot that devices get can stay.

    It says what it has to, all of these roots believe it, and half of its life is left. So most
    rounds change the timestamp alone, and idle devices fetch a few hundred bytes.
    """
    snapshot = standing.snapshot
    return (
        standing.is_shown
        and snapshot is not None
        and all(is_signed(root, SNAPSHOT, snapshot) for root in roots)
        and snapshot.expires - now > life / 2
    )


def next_snapshot(
    standing: Standing, roots: Sequence[Root], keys: Keys, now: datetime, expiry: ExpirySettings
) -> File[Snapshot]:
    """The snapshot of what stands.

    Raises:
        RepositoryError: a key is missing.
    """
    snapshot = Snapshot(
        version=standing.snapshot_number + 1,
        expires=now + timedelta(days=expiry.snapshot_days),
        meta=standing.wanted(),
    )
    metadata = Metadata(snapshot)
    _sign_as_prepared(metadata, standing.snapshot, standing, keys)
    return parse(_signed(metadata, SNAPSHOT, roots, keys), Snapshot, SNAPSHOT)


def next_timestamp(
    standing: Standing,
    snapshot: File[Snapshot],
    roots: Sequence[Root],
    keys: Keys,
    now: datetime,
    expiry: ExpirySettings,
) -> File[Timestamp]:
    """The timestamp of a snapshot.

    Raises:
        RepositoryError: a key is missing.
    """
    timestamp = Timestamp(
        version=_timestamp_number(standing, now),
        expires=now + timedelta(days=expiry.timestamp_days),
        snapshot_meta=snapshot.as_meta(),
    )
    metadata = Metadata(timestamp)
    _sign_as_prepared(metadata, standing.timestamp, standing, keys)
    return parse(_signed(metadata, TIMESTAMP, roots, keys), Timestamp, TIMESTAMP)


def _timestamp_number(standing: Standing, now: datetime) -> int:
    """Higher than every one that devices have seen."""
    if standing.timestamp is not None:
        return standing.timestamp.version + 1
    # Where it is lost its number is, too; more than one a second was never given.
    return int(now.timestamp()) if standing.snapshot_number else 1


def check_worth_showing(standing: Standing, now: datetime) -> None:
    """Return where devices could believe what stands.

    A family whose end has come harms no other family, so it is no reason to stop.

    Raises:
        RepositoryError: root or targets has ended.
    """
    check_lasting(standing.root, ROOT, now)
    check_lasting(standing.targets, TARGETS, now)


def check_lasting(file: "File[Any]", role: str, now: datetime) -> None:
    """Return where a role that people sign has not ended.

    Raises:
        RepositoryError: it has.
    """
    if file.signed.is_expired(now):
        raise RepositoryError(
            f"{role} {file.version} ended at {file.expires:%F %R} UTC and no device believes "
            f"what rests on it: `wayside-cloud repository renew {role}`"
        )


def is_worth_showing(standing: Standing, now: datetime) -> bool:
    """True where devices could believe what stands."""
    return not any(
        file.metadata.signed.is_expired(now) for file in (standing.root, standing.targets)
    )


def lost_roles(before: Root, keys: Keys) -> list[str]:
    """The online roles for which the server has no key that this root names."""
    return [
        role for role in (SNAPSHOT, TIMESTAMP)
        if not any(key.keyid in keys for key in keys_of(before, role))
    ]  # fmt: skip


def _sign_as_prepared(
    metadata: "Metadata[Any]", before: "File[Any] | None", standing: Standing, keys: Keys
) -> None:
    """Sign with the keys of a root that is about to come.

    Somebody prepares for it while a refresh runs; without this, what the refresh shows would be
    refused as soon as that root is there.
    """
    named = {keyid for root in standing.roots for keyid in root.signed.keys}
    for keyid in before.metadata.signatures if before else ():
        if keyid in keys and keyid not in named:
            keys[keyid].sign(metadata)


def _signed(metadata: "Metadata[Any]", role: str, roots: Sequence[Root], keys: Keys) -> bytes:
    """Signed for all of these roots by the keys that we have."""
    for root in roots:
        theirs = keys_of(root, role)
        for key in theirs:
            if key.keyid in keys and key.keyid not in metadata.signatures:
                keys[key.keyid].sign(metadata)
        if not root.get_verification_result(role, metadata.signed_bytes, metadata.signatures):
            able = ", ".join(map(key_text, theirs))
            raise RepositoryError(
                f"the server has no key of {role} for root {root.version}, which names: {able}; "
                "put it into repository.keys_folder, with mode 600"
            )
    return metadata.to_bytes()
