"""Token or certificate in, certificate out; everything in the audit.

A token is used up, and its device registered, before the CA signs. Broken off between the two, the
device asks again with the same key, which the token still enrols and the CA certifies once.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

import structlog

from cloud.enrolment.attempts import Attempts, Flood
from cloud.enrolment.settings import EnrolmentSettings
from cloud.errors import (
    CertificateRefusedError,
    ClaimRefusedError,
    CloudError,
    IdentityError,
    RequestRefusedError,
    TooManyAttemptsError,
    UnknownDeviceError,
)
from cloud.fleet.api_key import digest
from cloud.fleet.audit import Actor, Audit
from cloud.fleet.claim_token import token_id_of
from cloud.fleet.claims import Board, Claims
from cloud.fleet.devices import Devices
from cloud.identity import proof as proofs
from cloud.identity.authority import CertificateAuthority, utc_now
from cloud.identity.identities import Role, identify
from cloud.identity.proof import Holder, Nonces, Proof
from cloud.identity.registry import Ground

_ENROL = "device.enrol"
_RENEW = "certificate.renew"
_NOBODY = "nobody"
_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Grant:
    """What a device is given.

    Attributes:
        device: its id.
        certificate: for its key, with those between it and the CA, PEM.
        ca: the CA's certificate, PEM.
        valid_until: end of the certificate.
    """

    device: str
    certificate: str
    ca: str
    valid_until: datetime


class Enrolment:
    """Enrols boards and renews certificates. Any thread may use it.

    Args:
        authority: signs.
        claims: the tokens, which register devices.
        devices: the fleet.
        audit: told of all that is given and refused.
        settings: limits of attempts.
        now: the clock.
        attempts: made of the settings, if None; counts enrolments.
        renewals: the same, counts renewals.
        reload_broker: has the broker read the revocation list again; None: somebody else does.
    """

    def __init__(
        self,
        authority: CertificateAuthority,
        claims: Claims,
        devices: Devices,
        audit: Audit,
        settings: EnrolmentSettings,
        now: Callable[[], datetime] = utc_now,
        attempts: Attempts | None = None,
        renewals: Attempts | None = None,
        reload_broker: Callable[[], None] | None = None,
    ) -> None:
        self.settings = settings
        self._authority = authority
        self._claims = claims
        self._devices = devices
        self._audit = audit
        self._now = now
        self._attempts = attempts or Attempts(settings.attempts)
        self._renewals = renewals or Attempts(settings.attempts)
        self._nonces = Nonces(authority)
        self._reload_broker = reload_broker

    def enrol(self, token: str, serial: str, request: str, origin: str) -> Grant:
        """The certificate of the device that a token enrols.

        Args:
            token: the claim token.
            serial: that the board gives as its own; may be empty.
            request: PKCS #10, PEM; only its key counts.
            origin: address that it comes from.

        Raises:
            TooManyAttemptsError: before anything was looked at.
            RequestRefusedError: the request is none; the token is not used up.
            ClaimRefusedError: the token enrols nobody.
            TooManyCredentialsError: the device holds as many certificates as it may.
            IdentityError: the CA cannot be used now.
            StoreAwayError: the database does not answer.
        """
        token_id = token_id_of(token) or ""
        self._admit(self._attempts, _ENROL, origin, token_id, token)
        try:
            board = Board(serial, self._authority.digest_of(request), origin)
            device = self._claims.redeem(token, board)
        except RequestRefusedError as error:
            self._tell_stranger(self._attempts, _ENROL, origin, token_id, error)
            raise
        except ClaimRefusedError as error:
            if error.token_id is None:
                self._tell_stranger(self._attempts, _ENROL, origin, "", error)
            raise
        ground = Ground(lambda: self._claims.check_unrevoked(token_id))
        return self._certified(device, request, Actor(f"claim:{token_id}", origin), ground)

    @property
    def time_s(self) -> int:
        """Unix seconds, by the clock that certificates are given by."""
        return int(self._now().timestamp())

    def nonce(self) -> str:
        """A word that the proof of a renewal must carry; nothing is remembered of it."""
        return self._nonces.new(self._now())

    def renew(self, proof: Proof, origin: str) -> Grant:
        """A certificate for another key of a device that holds one that counts.

        Strangers are counted together, and who has shown a key by its certificate alone: so no
        flood keeps a device from renewing, but one by its own key.

        Raises:
            TooManyAttemptsError: before anything was looked up.
            CertificateRefusedError: the proof is none, or the certificate counts no more.
            RequestRefusedError: the request is none.
            TooManyCredentialsError: the device holds as many certificates as it may.
            IdentityError: the CA cannot be used now.
            StoreAwayError: the database does not answer.
        """
        holder = self._shown(proof, origin)
        by = Actor(f"device:{holder.name}", origin)
        flood = self._renewals.take_of(f"{holder.serial:x}")
        self._require_patience(flood, by, _RENEW, proof.device)
        try:
            proofs.check(holder, proof.device, self._authority, self._now())
            self._require_in_service(proof.device)
        except CertificateRefusedError as error:
            self._tell(by, _RENEW, proof.device, error)
            raise
        ground = Ground(lambda: self._require_in_service(proof.device), holder.serial)
        return self._certified(proof.device, proof.request, by, ground)

    def retire(self, device: str, by: Actor) -> None:
        """Revoke the certificates of a device whose hardware is replaced, where it has any.

        The broker refuses them once it has read the CA's revocation list. Where it cannot be told
        to, the log says so, for the revocation itself is done.

        Raises:
            IdentityError: the revocation list cannot be written.
            StoreAwayError: the database does not answer.
        """
        identity = identify(Role.DEVICE, device)
        if self._authority.is_retired(identity):
            return
        number = self._audit.begin(by, "certificate.revoke", device)
        try:
            self._authority.revoke(identity)
        except IdentityError as error:
            self._audit.close(number, f"failed: {error}")
            raise
        self._audit.close(number, "done")
        self._tell_broker(device)

    def _tell_broker(self, device: str) -> None:
        why = "no identity.listener.pid_file names a broker of this machine"
        if self._reload_broker is not None:
            try:
                self._reload_broker()
            except IdentityError as error:
                why = str(error)
            else:
                return
        _log.warning("broker not told of a revocation: give it the list, and SIGHUP",
                     device=device, reason=why)  # fmt: skip

    def _certified(self, device: str, request: str, by: Actor, ground: Ground) -> Grant:
        number = self._audit.begin(by, "certificate.issue", device)
        try:
            identity = identify(Role.DEVICE, device)
            made = self._authority.certify(identity, request, ground=ground)
        except CloudError as error:
            self._audit.close(number, f"refused: {error}")
            raise
        self._audit.close(number, f"done: {made.entry.serial:x}")
        _log.info("certificate issued", device=device, by=by.name, origin=by.origin)
        ca = self._authority.certificate_pem
        end = made.entry.validity.end
        return Grant(device, made.certificate.decode(), ca.decode(), end)

    def _require_in_service(self, device: str) -> None:
        try:
            found = self._devices.get(device)
        except UnknownDeviceError as error:
            raise CertificateRefusedError(f"the fleet has no device {device!r}") from error
        if found.decommissioned_ns is not None:
            raise CertificateRefusedError(f"device {device!r} is decommissioned")

    def _shown(self, proof: Proof, origin: str) -> Holder:
        """Who has shown the key of a certificate; strangers are counted, and told about it."""
        try:
            return proofs.shown(proof, self._authority, self._nonces, self._now())
        except CertificateRefusedError as error:
            self._admit(self._renewals, _RENEW, origin, "")
            self._tell_stranger(self._renewals, _RENEW, origin, proof.device, error)
            raise

    def _admit(
        self, attempts: Attempts, action: str, origin: str, token_id: str, token: str = ""
    ) -> None:
        # By the whole of it: who knows a token's id alone must not keep its holder out.
        shown = digest(token).hex() if token_id else ""
        flood = attempts.take(origin, shown)
        self._require_patience(flood, Actor(_NOBODY, origin), action, token_id)

    def _require_patience(self, flood: Flood | None, by: Actor, action: str, target: str) -> None:
        if flood is None:
            return
        error = TooManyAttemptsError(f"{flood.reason}: try again later", flood.retry_after_s)
        if flood.is_first:
            self._tell(by, action, target, error)
        raise error

    def _tell_stranger(
        self, attempts: Attempts, action: str, origin: str, target: str, error: CloudError
    ) -> None:
        """Write a refusal down whose sender is not known, as long as there are not too many."""
        if attempts.may_tell():
            self._tell(Actor(_NOBODY, origin), action, target, error)

    def _tell(self, by: Actor, action: str, target: str, error: CloudError) -> None:
        _log.warning("refused", action=action, by=by.name, origin=by.origin, reason=str(error))
        number = self._audit.begin(by, action, target)
        self._audit.close(number, f"refused: {error}")
