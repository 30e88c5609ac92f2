"""The CA: what it issues, revokes and lists, in a folder of its own.

root.key      the CA's private key, for its owner only
ca.pem        its certificate, for everybody who is to trust it
crl.pem       who is not to be believed any more; the broker reads it
registry.db   serial numbers and their states
"""

import contextlib
import fcntl
import hmac
import os
import secrets
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from cloud.errors import IdentityError, TooManyCredentialsError
from cloud.identity import certificates, files
from cloud.identity.certificates import Root, Validity
from cloud.identity.identities import Identity, Role
from cloud.identity.registry import Certified, Entry, Ground, Registry, too_many
from cloud.identity.settings import IdentitySettings
from cloud.identity.signing_request import requested_key
from wayside.disk import REAL

ROOT_KEY = "root.key"
CRL = "crl.pem"
REGISTRY = "registry.db"

CLOCK_SLACK = timedelta(days=1)
"""Everything is valid this much earlier, for machines whose clocks are behind."""

MAX_LIVE = 3
"""Certificates that a device may hold at once: of now, of the renewal, and one to spare."""

_BRIEFLY = timedelta(minutes=10)


def utc_now() -> datetime:
    """Now, aware of its time zone."""
    return datetime.now(timezone.utc)


@dataclass(frozen=True, slots=True)
class Credentials:
    """What somebody proves its identity with; PEM."""

    key: bytes = field(repr=False)
    certificate: bytes
    ca: bytes

    def as_files(self) -> dict[str, bytes]:
        """By file name, the key first."""
        names = (files.KEY_FILE, files.CERTIFICATE_FILE, files.CA_FILE)
        return dict(zip(names, (self.key, self.certificate, self.ca), strict=True))


class CertificateAuthority:
    """A CA that is there already; `create` makes a new one.

    Args:
        settings: its folder, and how long things last.
        now: the clock.

    Raises:
        IdentityError: there is none, or it cannot be read.
    """

    def __init__(self, settings: IdentitySettings, now: Callable[[], datetime] = utc_now) -> None:
        self._settings = settings
        self._folder = settings.folder
        self._now = now
        self._registry = Registry(self._folder / REGISTRY)
        self._root = _load_root(self._folder)

    @classmethod
    def create(
        cls, settings: IdentitySettings, now: Callable[[], datetime] = utc_now
    ) -> "CertificateAuthority":
        """Make a new CA, whole or not at all.

        Raises:
            IdentityError: there is one already, or the folder cannot be written.
        """
        folder = settings.folder
        if os.path.lexists(folder):
            raise IdentityError(f"{folder} is there already: a CA is made once and never replaced")
        draft = folder.with_name(f".{folder.name}.{secrets.token_hex(4)}")
        try:
            draft.mkdir(mode=0o755, parents=True)
            try:
                _write_root(draft, settings, now())
                cls(settings.model_copy(update={"folder": draft}), now).refresh()
                draft.rename(folder)
            except BaseException:
                shutil.rmtree(draft)
                raise
            REAL.sync(folder.parent)
        except OSError as error:
            raise IdentityError(f"{folder} cannot be made: {error.strerror}") from error
        return cls(settings, now)

    @property
    def certificate(self) -> x509.Certificate:
        """The root's."""
        return self._root.certificate

    @property
    def certificate_pem(self) -> bytes:
        """The root's, as it is handed out."""
        return certificates.pem(self._root.certificate)

    @property
    def crl_file(self) -> Path:
        """The revocation list that a broker reads."""
        return self._folder / CRL

    def check_vacant(self, out: Path) -> None:
        """Return where `issue` would write into this folder.

        Raises:
            IdentityError: it holds credentials.
        """
        files.check_vacant(out)

    def issue(self, identity: Identity, out: Path, days: int | None = None) -> Entry:
        """Write a new key, its certificate and the CA's into a folder.

        Args:
            identity: whose it is; it may hold others already, which stay valid.
            out: the folder; made where it is missing, nothing in it is overwritten.
            days: life of the certificate; default: the settings'.

        Raises:
            IdentityError: the folder holds credentials, or cannot be written.
        """
        files.check_vacant(out)
        validity = self._validity(days)
        serial = x509.random_serial_number()
        credentials = self._sign(identity, serial, validity)
        self._registry.add(serial, identity, validity)
        files.write_credentials(out, credentials.as_files())
        return Entry(serial, identity.common_name, identity.role, validity, None)

    def certify(
        self, identity: Identity, request: str, most: int = MAX_LIVE, ground: Ground | None = None
    ) -> Certified:
        """Sign the key of a signing request; asked again for the same key, hand out the same.

        Args:
            identity: whose key it is; the request's own words about that are not read.
            request: PKCS #10, PEM.
            most: certificates that they may hold at once.
            ground: what it is given for; None: the caller answers for that.

        Raises:
            RequestRefusedError: it is no request for an EC P-256 key, or that key's certificate
                counts no more.
            TooManyCredentialsError: they hold `most` already; nothing is revoked for them.
            CertificateRefusedError, CloudError: what it is given for holds no more.
            IdentityError: the registry cannot be written, or the CA has expired.
        """
        key = requested_key(request)
        serial, validity = x509.random_serial_number(), self._validity()
        signed = certificates.sign(self._root, identity, key, serial, validity)
        entry = Entry(serial, identity.common_name, identity.role, validity, None)
        new = Certified(entry, certificates.pem(signed))
        digest = certificates.key_digest(key)
        return self._registry.add_for_key(new, digest, most, self._now(), ground or Ground())

    @staticmethod
    def digest_of(request: str) -> bytes:
        """What the key of a signing request is known by, 32 bytes.

        Raises:
            RequestRefusedError: `certify` would refuse it.
        """
        return certificates.key_digest(requested_key(request))

    def check_room(self, identity: Identity, most: int = MAX_LIVE) -> None:
        """Return where somebody may be given one more certificate.

        Raises:
            TooManyCredentialsError: they hold `most` already.
        """
        held = [one for one in self.entries_of(identity) if one.state(self._now()) == "valid"]
        if len(held) >= most:
            raise TooManyCredentialsError(too_many(identity.common_name, len(held)))

    def revoke(self, identity: Identity) -> list[Entry]:
        """Revoke all certificates of an identity; again is harmless. Returns those revoked.

        Raises:
            IdentityError: it never had one, or the list cannot be written.
        """
        if not self._registry.entries_of(identity):
            raise IdentityError(
                f"{identity.role.value} {identity.common_name!r} has no certificate of this CA; "
                "`wayside-cloud ca list` shows who has"
            )
        with self._alone():
            self._registry.revoke(identity, self._now())
            self._write_crl()
        return self._registry.entries_of(identity)

    def is_retired(self, identity: Identity) -> bool:
        """True where none of their certificates counts, nor lacks in the revocation list.

        One lacks there where somebody was interrupted who revoked it.

        Raises:
            IdentityError: the list cannot be read.
        """
        now, crl = self._now(), self._crl()
        return all(
            crl.get_revoked_certificate_by_serial_number(item.serial) is not None
            for item in self._registry.entries_of(identity)
            if item.validity.end >= now
        )

    def listed_serial(self, identity: Identity) -> int | None:
        """A serial number of theirs that the revocation list names, None where all have expired."""
        now = self._now()
        listed = [
            item.serial
            for item in self._registry.entries_of(identity)
            if item.revoked_at is not None and item.validity.end >= now
        ]
        return listed[-1] if listed else None

    def refresh(self) -> datetime:
        """Write the revocation list anew; returns until when it counts.

        Raises:
            IdentityError: it cannot be written.
        """
        with self._alone():
            return self._write_crl()

    def entries(self) -> list[Entry]:
        """Every certificate, by name, the oldest first."""
        return self._registry.entries()

    def entries_of(self, identity: Identity) -> list[Entry]:
        """Every certificate of somebody, the oldest first."""
        return self._registry.entries_of(identity)

    def entry(self, serial: int) -> Entry | None:
        """The certificate of a serial number; None where it is none of ours."""
        return self._registry.entry(serial)

    def is_listed(self, serial: int) -> bool:
        """True where the revocation list names it.

        Raises:
            IdentityError: the list cannot be read.
        """
        return self._crl().get_revoked_certificate_by_serial_number(serial) is not None

    def derived_secret(self, purpose: str) -> bytes:
        """32 bytes for a purpose, the same wherever this CA's key is, and known to nobody else."""
        return hmac.digest(certificates.key_pem(self._root.key), purpose.encode(), "sha256")

    def services(self) -> list[str]:
        """Common names of the services that hold a valid certificate."""
        now = self._now()
        return sorted(
            {
                item.common_name
                for item in self.entries()
                if item.role is Role.SERVICE and item.state(now) == "valid"
            }
        )

    def crl_end(self) -> datetime:
        """Until when the revocation list counts.

        Raises:
            IdentityError: it cannot be read.
        """
        end = self._crl().next_update_utc
        assert end is not None, "all lists of ours have one"
        return end

    def impersonate(self, identity: Identity, serial: int | None = None) -> Credentials:
        """Credentials for minutes, which must never leave this machine.

        They are in no registry: who can read the root's key needs no registry.

        Args:
            identity: whose they claim to be.
            serial: of a certificate there is already; a revocation of it revokes this one too.
        """
        now = _whole_second(self._now())
        validity = Validity(now - CLOCK_SLACK, now + _BRIEFLY)
        return self._sign(identity, serial or x509.random_serial_number(), validity)

    def _validity(self, days: int | None = None) -> Validity:
        """From a little before now on, never beyond the root's.

        Raises:
            IdentityError: the root has expired.
        """
        now = self._now()
        if now >= self.certificate.not_valid_after_utc:
            raise IdentityError(
                f"the CA in {self._folder} expired at "
                f"{self.certificate.not_valid_after_utc:%Y-%m-%d}: make a new one in another "
                "identity.folder, and enrol all anew"
            )
        end = _whole_second(now + timedelta(days=days or self._settings.certificate_days))
        begin = _whole_second(now - CLOCK_SLACK)
        return Validity(begin, min(end, self.certificate.not_valid_after_utc))

    def _crl(self) -> x509.CertificateRevocationList:
        try:
            return x509.load_pem_x509_crl(self.crl_file.read_bytes())
        except (OSError, ValueError) as error:
            raise _unreadable(self.crl_file, error) from error

    def _sign(self, identity: Identity, serial: int, validity: Validity) -> Credentials:
        key = certificates.new_key()
        certificate = certificates.sign(self._root, identity, key.public_key(), serial, validity)
        return Credentials(
            certificates.key_pem(key),
            certificates.pem(certificate),
            certificates.pem(self.certificate),
        )

    def _write_crl(self) -> datetime:
        now = _whole_second(self._now())
        end = now + timedelta(days=self._settings.crl_days)
        number, validity = self._registry.add_list(now - CLOCK_SLACK, end)
        revoked = self._registry.revoked(now - CLOCK_SLACK)
        crl = certificates.make_crl(self._root, number, validity, revoked)
        files.replace(self.crl_file, certificates.pem(crl), files.PUBLIC)
        return end

    @contextlib.contextmanager
    def _alone(self) -> Iterator[None]:
        """No other process writes a list meanwhile, and a file that refuses is told."""
        try:
            descriptor = os.open(self._folder, os.O_RDONLY)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX)
                yield
            finally:
                os.close(descriptor)
        except OSError as error:
            raise IdentityError(f"{self._folder} cannot be written: {error.strerror}") from error


def _write_root(folder: Path, settings: IdentitySettings, now: datetime) -> None:
    begin = _whole_second(now)
    validity = Validity(begin - CLOCK_SLACK, begin + timedelta(days=settings.root_days))
    root = certificates.make_root(f"Wayside CA {secrets.token_hex(4)}", validity)
    files.create(folder / ROOT_KEY, certificates.key_pem(root.key), files.SECRET)
    files.create(folder / files.CA_FILE, certificates.pem(root.certificate), files.PUBLIC)
    files.create(folder / REGISTRY, b"", files.SECRET)
    Registry(folder / REGISTRY).create()


def _load_root(folder: Path) -> Root:
    if not folder.exists():
        raise IdentityError(f"there is no CA in {folder}: make one with `wayside-cloud ca init`")
    path = folder / ROOT_KEY
    try:
        key = load_pem_private_key(path.read_bytes(), password=None)
        path = folder / files.CA_FILE
        certificate = x509.load_pem_x509_certificate(path.read_bytes())
    except (OSError, ValueError, TypeError) as error:
        raise _unreadable(path, error) from error
    if (
        not isinstance(key, ec.EllipticCurvePrivateKey)
        or key.public_key() != certificate.public_key()
    ):
        raise IdentityError(f"{folder / ROOT_KEY} is not the key of {path}; restore the folder")
    return Root(key, certificate)


def _unreadable(path: Path, error: Exception) -> IdentityError:
    """Never with the library's words: they may quote what stands in the file."""
    why = error.strerror if isinstance(error, OSError) else "not what it should hold"
    return IdentityError(f"{path}: {why}; restore the CA's folder from its backup")


def _whole_second(moment: datetime) -> datetime:
    return moment.replace(microsecond=0)
