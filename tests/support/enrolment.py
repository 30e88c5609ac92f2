"""Enrolment over a real CA and a new SQLite file, and boards that ask for it."""

from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from pathlib import Path

from cloud.enrolment.attempts import Attempts
from cloud.enrolment.enrolment import Enrolment
from cloud.enrolment.enrolment import Grant as CloudGrant
from cloud.enrolment.settings import AttemptsSettings, EnrolmentSettings
from cloud.errors import CloudError
from cloud.fleet.audit import Actor, Audit
from cloud.fleet.claims import Claims
from cloud.fleet.database import FleetDatabase
from cloud.fleet.devices import Devices
from cloud.fleet.lifecycle import Lifecycle
from cloud.identity.authority import CertificateAuthority
from cloud.identity.proof import Proof
from cloud.identity.settings import IdentitySettings
from edge.errors import CloudAwayError, IdentityError
from edge.identity import x509
from edge.identity.port import Grant, Nonce, RenewalRequest
from protos.enrolment import renewal_proof
from tests.support.fleet import fleet_file

BY = Actor("user:root", "here")
ORIGIN = "192.0.2.9"
DEVICE = "gate-cam-01"
OTHER = "gate-cam-02"


class World:
    """A clock that everybody sees: of people, of the fleet's database, and monotonic."""

    def __init__(self, now: datetime | None = None) -> None:
        self.now = (now or datetime.now(timezone.utc)).replace(microsecond=0)

    def __call__(self) -> datetime:
        return self.now

    def ns(self) -> int:
        return int(self.now.timestamp()) * 10**9

    def s(self) -> float:
        return self.now.timestamp()

    def passes(self, **of_timedelta: float) -> None:
        self.now += timedelta(**of_timedelta)


@dataclass(frozen=True, slots=True)
class Desk:
    """Where boards are enrolled."""

    folder: Path
    world: World
    authority: CertificateAuthority
    claims: Claims
    devices: Devices
    lifecycle: Lifecycle
    audit: Audit
    enrolment: Enrolment

    def token(self, device: str = DEVICE, *serials: str, hours: int = 24) -> str:
        """A new claim token."""
        return self.claims.create(device, BY, hours, serials)[0].text

    def enrolled(self, device: str = DEVICE) -> "Board":
        """A board that has become this device."""
        board = Board()
        board.certificate = self.enrol(board, self.token(device)).certificate
        return board

    def enrol(
        self, board: "Board", token: str, serial: str = "", origin: str = ORIGIN
    ) -> CloudGrant:
        return self.enrolment.enrol(token, serial, board.request, origin)

    def told(self) -> list[tuple[str, str, str, str]]:
        """Who, what, upon whom and the outcome, of all that boards did."""
        entries = self.audit.page(limit=1000)
        return [
            (e.actor.partition(":")[0], e.action, e.target, e.outcome)
            for e in entries
            if not e.action.startswith("claim.") and not e.actor.startswith("user:")
        ]


@dataclass(slots=True)
class Board:
    """Hardware with a key of its own."""

    key: bytes = field(default_factory=x509.new_key)
    certificate: str = ""

    @property
    def request(self) -> str:
        return x509.signing_request(self.key)

    def proof(self, nonce: str, new: "Board", device: str = DEVICE) -> Proof:
        """What it shows to have another key certified."""
        request = new.request
        signature = x509.signature(self.key, renewal_proof(device, nonce, request))
        return Proof(device, self.certificate, nonce, request, signature)


@contextmanager
def enrolment_desk(
    folder: Path,
    world: World | None = None,
    attempts: AttemptsSettings | None = None,
    authority: CertificateAuthority | None = None,
    settings: EnrolmentSettings | None = None,
) -> Iterator[Desk]:
    """A desk with a CA and a database of its own in a folder.

    Args:
        folder: for both.
        world: the clock; None: the real one's, standing still.
        attempts: how many; None: the defaults.
        authority: a CA that is there already, of the same clock; None: a new one.
        settings: what devices are told; None: nothing.
    """
    folder.mkdir(parents=True, exist_ok=True)
    world = world or World()
    limits = attempts or AttemptsSettings()
    if authority is None:
        authority = CertificateAuthority.create(IdentitySettings(folder=folder / "ca"), world)
    with closing(FleetDatabase(fleet_file(folder / "fleet.sqlite"))) as database:
        audit = Audit(database, world.ns)
        claims = Claims(database, audit, world.ns)
        devices = Devices(database, world.ns)
        enrolment = Enrolment(
            authority, claims, devices, audit,
            settings or EnrolmentSettings(enabled=True),
            world, Attempts(limits, world.s), Attempts(limits, world.s),
        )  # fmt: skip
        lifecycle = Lifecycle(database, audit, world.ns)
        yield Desk(folder, world, authority, claims, devices, lifecycle, audit, enrolment)


class DirectCloud:
    """The cloud as a device sees it (`edge.identity.port.Cloud`), without the HTTP between.

    Args:
        desk: that answers.

    Attributes:
        is_away: nobody answers.
        loses_answers: what is asked is done, and nobody hears of it.
        asked: signing requests that arrived.
    """

    def __init__(self, desk: Desk) -> None:
        self.is_away = False
        self.loses_answers = False
        self.asked: list[str] = []
        self._desk = desk

    def enrol(self, token: str, serial: str, request: str) -> Grant:
        return self._answer(
            request, lambda: self._desk.enrolment.enrol(token, serial, request, ORIGIN)
        )

    def nonce(self) -> Nonce:
        self._reach()
        return Nonce(self._desk.enrolment.nonce(), self._desk.world())

    def renew(self, wanted: RenewalRequest) -> Grant:
        proof = Proof(
            wanted.device, wanted.certificate, wanted.nonce, wanted.request, wanted.signature
        )
        return self._answer(wanted.request, lambda: self._desk.enrolment.renew(proof, ORIGIN))

    def _reach(self) -> None:
        if self.is_away:
            raise CloudAwayError("nobody answers")

    def _answer(self, request: str, act: Callable[[], CloudGrant]) -> Grant:
        self._reach()
        self.asked.append(request)
        try:
            grant = act()
        except CloudError as error:
            raise IdentityError(f"refuses: {error}") from error
        if self.loses_answers:
            raise CloudAwayError("the answer was lost")
        settings = self._desk.enrolment.settings
        broker = (settings.broker_host, settings.broker_port) if settings.broker_host else None
        return Grant(
            grant.device, grant.certificate.encode(), grant.ca.encode(), broker,
            settings.repository_url,
        )  # fmt: skip
