"""Errors of the cloud.

CloudError
├── BusError               Pub/Sub: try again
│   └── BusRefusedError    Pub/Sub will never take this: dead-letter it
├── PushDeniedError        a push from nobody that is let in: answer 401, or 403 where `known`
├── StoreError
│   ├── StoreAwayError     the database does not answer: try again, acknowledge nothing
│   ├── StoreRefusedError  the database refuses some events, by name: dead-letter them
│   └── QueryError         the question is out of range: the caller asks another one
├── BlobsError
│   ├── BlobsAwayError     the blob store does not do what was asked now: try again
│   ├── BlobNotFoundError  there is no such blob
│   └── BlobKeyError       a key that no blob may have
├── IdentityError          the CA, or a broker's configuration: the message says what to do
│   ├── RequestRefusedError      a signing request that is not signed: the sender mends it
│   ├── CertificateRefusedError  a certificate that renews nothing
│   └── TooManyCredentialsError  somebody holds as many certificates as they may
├── ClaimError             a claim token cannot be made so: the caller asks for another one
│   ├── ClaimRefusedError  this token enrols nobody: the caller needs another one
│   └── UnknownClaimError  there is no token of that id
├── TooManyAttemptsError   somebody tries too often: they try again later
├── ArchiveError           a file of the archive is damaged, or cannot be written
├── AccessError            a key cannot be made so: the caller asks for another one
│   ├── KeyRefusedError    this key opens nothing: the caller needs another one
│   └── UnknownKeyError    there is no key of that id
├── DeviceError            a device cannot be changed so: the message says why
│   └── UnknownDeviceError there is no device of that id
├── ErasureError           an erasure cannot be asked for now: the message says why
│   └── UnknownErasureError there is no erasure of that number
├── RegistryError          a model cannot be added or changed so: the message says why
│   ├── UnknownModelError  there is no model, or no alias, of that name
│   ├── ModelChangedError  somebody changed it meanwhile: look again
│   └── DamagedModelError  what was kept of a model is gone or damaged: the message says what
├── RepositoryError        the signed repository cannot be changed so: the message says why
│   ├── StaleProposalError somebody was faster: propose anew
│   └── SigningKeyError    a key file cannot be made, read or opened
├── BackupError            a backup cannot be written, or taken back: the message says what to do
└── StartError             a part of `wayside-cloud up` cannot start: the message says what to do
    └── StoreHeldError     another process holds the store's file
"""

from collections.abc import Mapping

from protos.ids import EventId
from wayside.errors import WaysideError


class CloudError(WaysideError):
    """Something about the cloud."""


class BusError(CloudError):
    """Pub/Sub does not do what was asked."""


class BusRefusedError(BusError):
    """Pub/Sub will never take this message."""


class PushDeniedError(CloudError):
    """A push request whose token lets nobody in.

    Args:
        message: why, without anything of the token.
        known: true where the token is right and its owner has no business here.
    """

    def __init__(self, message: str, *, known: bool = False) -> None:
        super().__init__(message)
        self.known = known


class StoreError(CloudError):
    """The store."""


class StoreAwayError(StoreError):
    """The store does not answer now."""


class StoreRefusedError(StoreError):
    """The store will never take some events of a write; all the others of it are stored.

    Args:
        store: which one, for people.
        reasons: by the name of each refused event; never empty.
    """

    def __init__(self, store: str, reasons: Mapping[EventId, str]) -> None:
        first = next(iter(reasons))
        more = f" (and {len(reasons) - 1} more)" if len(reasons) > 1 else ""
        super().__init__(f"{store} refuses event {first}{more}: {reasons[first]}")
        self.reasons = reasons


class QueryError(StoreError):
    """A question that the store does not answer."""


class BlobsError(CloudError):
    """The blob store."""


class BlobsAwayError(BlobsError):
    """The blob store does not do what was asked now."""


class BlobNotFoundError(BlobsError):
    """There is no such blob."""


class BlobKeyError(BlobsError):
    """A key that no blob may have."""


class IdentityError(CloudError):
    """The CA, or what stands on its certificates, is not as it must be."""


class RequestRefusedError(IdentityError):
    """A signing request that the CA does not sign."""


class CertificateRefusedError(IdentityError):
    """A certificate that renews nothing."""


class TooManyCredentialsError(IdentityError):
    """Somebody holds as many valid certificates as they may."""


class ClaimError(CloudError):
    """Claim tokens, and whom they enrol."""


class ClaimRefusedError(ClaimError):
    """A token that enrols nobody.

    Attributes:
        token_id: of the token whose secret was shown; None where nobody is known by what was shown.
    """

    def __init__(self, reason: str, token_id: str | None = None) -> None:
        super().__init__(reason)
        self.token_id = token_id


class UnknownClaimError(ClaimError):
    """No claim token has this id."""


class TooManyAttemptsError(CloudError):
    """Somebody tries more often than they may.

    Attributes:
        retry_after_s: seconds until they may again.
    """

    def __init__(self, reason: str, retry_after_s: float) -> None:
        super().__init__(reason)
        self.retry_after_s = retry_after_s


class ArchiveError(CloudError):
    """A file of the archive is damaged, or cannot be written."""


class AccessError(CloudError):
    """Keys, and what they open."""


class KeyRefusedError(AccessError):
    """A key that opens nothing.

    Attributes:
        key_id: of the key whose secret was shown; None where nobody is known by what was shown.
    """

    def __init__(self, reason: str, key_id: str | None = None) -> None:
        super().__init__(reason)
        self.key_id = key_id


class UnknownKeyError(AccessError):
    """No key has this id."""


class DeviceError(CloudError):
    """A device that cannot be changed so."""


class UnknownDeviceError(DeviceError):
    """No device has this id."""


class ErasureError(CloudError):
    """An erasure that cannot be asked for now."""


class UnknownErasureError(ErasureError):
    """No erasure has this number."""


class RegistryError(CloudError):
    """A model that cannot be added or changed so."""


class UnknownModelError(RegistryError):
    """No model, or no alias, has this name."""


class ModelChangedError(RegistryError):
    """Somebody changed a model or an alias since the caller looked at it."""


class DamagedModelError(RegistryError):
    """What was kept of a model is not what was put there."""


class RepositoryError(CloudError):
    """The signed repository is not as it must be, or cannot be changed so."""


class StaleProposalError(RepositoryError):
    """What a proposal was made for is not in force any more."""


class SigningKeyError(RepositoryError):
    """A key that cannot be made, read or opened."""


class BackupError(CloudError):
    """A backup of the fleet's database that cannot be written, or taken back."""


class StartError(CloudError):
    """A part that cannot be started."""


class StoreHeldError(StartError):
    """A store's file that another process holds."""
