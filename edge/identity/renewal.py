"""A new key and certificate while the agent runs, long before those of now end.

At two thirds of a certificate's life, a little later at random so that a fleet does not come at
once. The cloud may be away for weeks then: each attempt goes on with the same new key. The device's
clock says when to ask, and the cloud's whether it is time. Whatever goes wrong here is said, and
never ends the agent.
"""

import random
import threading
from collections.abc import Callable
from datetime import datetime, timezone

import structlog

from edge.errors import CloudAwayError, IdentityError
from edge.identity import x509
from edge.identity.folder import Credentials, CredentialsFolder
from edge.identity.port import Cloud, RenewalRequest
from edge.identity.settings import IdentitySettings
from protos.enrolment import renewal_proof
from wayside.backoff import Backoff

LOOK_AGAIN_S = 3600.0
"""The clock may be set meanwhile, by days: no wait is longer."""

_CLOCK_SHARE = 0.05
"""Of a certificate's life: so far may the device's clock be ahead of the cloud's."""

_GOODBYE_S = 2.0
_log = structlog.get_logger(__name__)


class Renewal:
    """Renews the credentials of a folder, in a thread of its own. Use it as a context.

    Args:
        folder: of the credentials.
        cloud: opens the way to who certifies; called for each attempt.
        settings: when.
        on_renewed: called once new credentials are in the folder.
        note_error: has the heartbeat repeat an error.
        now: the clock.
        rng: of the jitter and the waits.
    """

    def __init__(
        self,
        folder: CredentialsFolder,
        cloud: Callable[[], Cloud],
        settings: IdentitySettings,
        on_renewed: Callable[[], None],
        note_error: Callable[[str], None],
        now: Callable[[], datetime] = lambda: datetime.now(timezone.utc),
        rng: random.Random | None = None,
    ) -> None:
        self._folder = folder
        self._cloud = cloud
        self._on_renewed = on_renewed
        self._note_error = note_error
        self._now = now
        rng = rng or random.Random()
        self._share = settings.renew_at + rng.uniform(0, settings.jitter)
        self._backoff = Backoff(settings.retry_initial_s, settings.retry_max_s, rng=rng)
        self._last_error = ""
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="renewal", daemon=True)

    def __enter__(self) -> "Renewal":
        self._thread.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._stop.set()
        self._thread.join(_GOODBYE_S)  # an answer that is waited for may take longer

    @property
    def due(self) -> datetime:
        """When the certificate of now is to be renewed.

        Raises:
            IdentityError: the folder holds none.
        """
        certificate = x509.read(self._folder.current().certificate)
        return certificate.begin + (certificate.end - certificate.begin) * self._share

    def step(self) -> float:
        """Renew where it is time; returns the seconds until the next look."""
        try:
            with self._folder.alone():
                self._folder.settle()
                left_s = self._left_s()
                if left_s > 0:
                    return min(left_s, LOOK_AGAIN_S)
                self._renew(self._folder.current())
                left_s = self._left_s()
        except IdentityError as error:
            return self._failed(error)
        self._backoff.reset()
        self._last_error = ""
        if not self._stop.is_set():
            self._on_renewed()
        return min(max(left_s, 1.0), LOOK_AGAIN_S)

    def _run(self) -> None:
        wait_s = 0.0
        while not self._stop.wait(wait_s):
            wait_s = self._step()

    def _step(self) -> float:
        """A step that comes back whatever happens: cameras go on without a new certificate."""
        try:
            return self.step()
        except Exception as error:  # noqa: BLE001 - see above
            _log.critical("renewal broke", exc_info=True)
            self._note_error(f"certificate not renewed: {error!r}")
            return LOOK_AGAIN_S

    def _left_s(self) -> float:
        """Seconds until it is time."""
        return (self.due - self._now()).total_seconds()

    def _renew(self, old: Credentials) -> None:
        """Have a new key certified, and the folder's credentials exchanged."""
        device = x509.read(old.certificate).device
        key, request = self._new_request()
        cloud = self._cloud()
        nonce = cloud.nonce()
        self._check_clock(nonce.now)
        signature = x509.signature(old.key, renewal_proof(device, nonce.word, request))
        wanted = RenewalRequest(device, old.certificate.decode(), nonce.word, request, signature)
        try:
            grant = cloud.renew(wanted)
        except CloudAwayError:
            raise
        except IdentityError:
            self._folder.drop_key()  # the next attempt may do better with another one
            raise
        # By the CA of now: who answers in the cloud's place must not bring a CA of their own.
        x509.check(key, grant.certificate, old.ca)
        new = x509.read(grant.certificate)
        if new.device != device:
            raise IdentityError(f"the cloud's certificate is of {new.device!r}, not of {device!r}")
        self._folder.take(grant.certificate, old.ca)
        _log.info("certificate renewed", until=f"{new.end:%Y-%m-%d %H:%M} UTC")

    def _new_request(self) -> tuple[bytes, str]:
        """The key that is to be certified, which is on the disk, and its signing request."""
        key = self._folder.key()
        if key is not None:
            try:
                return key, x509.signing_request(key)
            except IdentityError as error:  # nobody has certified it, so it can be made again
                _log.warning("the next key is made anew", reason=str(error))
        key = x509.new_key()
        self._folder.keep_key(key)
        return key, x509.signing_request(key)

    def _check_clock(self, cloud_now: datetime | None) -> None:
        """Return where it is about time by the cloud's clock too.

        By one that is far ahead each new certificate would be due as soon as it is there, and all
        that a device may hold used up at once.

        Raises:
            IdentityError: it is not.
        """
        certificate = x509.read(self._folder.current().certificate)
        tolerated = (certificate.end - certificate.begin) * _CLOCK_SHARE
        if cloud_now is None or self.due - cloud_now <= tolerated:
            return
        raise IdentityError(
            f"this device's clock says {self._now():%Y-%m-%d %H:%M} UTC and the cloud's "
            f"{cloud_now:%Y-%m-%d %H:%M}, by which there is time until {self.due:%Y-%m-%d}: set "
            "the clock"
        )

    def _failed(self, error: IdentityError) -> float:
        wait_s = self._backoff.next_s()
        _log.warning("certificate not renewed", reason=str(error), retry_s=round(wait_s))
        if str(error) != self._last_error:
            self._last_error = str(error)
            self._note_error(f"certificate not renewed: {error}")
        return wait_s
