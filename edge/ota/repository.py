"""What may run on this device, as those say who hold the keys.

    refresh()           roots, timestamp, snapshot, targets, and the roles of the device's families
    target()            what a family's key vouches for; neither revoked nor below the floor
    floor(), revoked()  the highest ever seen, from the disk
    check_offline()     was a record in a slot vouched for, and is it still? No network, no expiry

An order from the cloud, the server and the online keys can only withhold: what a device takes
follows from its family's role, which a key signs that is on no server.
"""

import contextlib
import hashlib
import threading
from collections.abc import Collection

import structlog
from tuf.api.metadata import Targets

from edge.errors import OtaError
from edge.ota import releases
from edge.ota.client import DISK, Client
from edge.ota.port import Target
from edge.ota.refusal import refusal
from edge.ota.states import Code
from edge.ota.takeable import require_not_revoked, require_takeable

_log = structlog.get_logger(__name__)


class Repository:
    """`edge.ota.port.Trust` over a signed repository; several threads may use it.

    Args:
        client: of the repository.
        agent: version of this agent.
        families: whose floors and revocations are known from the first refresh on; of others, once
            the device has had to do with them.
    """

    def __init__(self, client: Client, agent: str, families: Collection[str] = ()) -> None:
        self._client = client
        self._agent = agent
        self._families = frozenset(families)
        self._lock = threading.Lock()

    def refresh(self) -> None:
        """Take the newest metadata; see `Trust`.

        A family whose role cannot be had, or has expired, holds up no other: it is logged, and
        `target` says it. Nor does a disk that refuses keep floors and revocations from being known.
        """
        with self._lock:
            try:
                self._client.refresh()
            except OtaError as error:
                if error.code in DISK:
                    self._take_all_rules()
                raise
            self._take_all_rules()

    def target(self, family: str, version: str) -> Target:
        """What a family's key vouches for; see `Trust`.

        Raises:
            OtaError: nothing, or that it may not be taken by this device.
        """
        with self._lock:
            return self._target(family, version)

    def floor(self, family: str) -> int:
        """The least release that may be taken; see `Trust`."""
        return self._client.marks.floors.get(family, 0)

    def revoked(self, family: str) -> frozenset[int]:
        """Releases that may not serve; see `Trust`."""
        return self._client.marks.revoked.get(family, frozenset())

    def check_offline(self, family: str, record: bytes) -> Target:
        """What is known of a record that lies here; see `Trust`.

        What was vouched for when it was taken is remembered: a device goes on with it where the
        metadata is damaged, or no longer lists it. The floor is no matter here: it says what may be
        taken, and going back to the other slot is always allowed.

        Raises:
            OtaError: `revoked`; `unknown-target` where nobody vouched for it; `not-readable`.
        """
        sha256 = hashlib.sha256(record).hexdigest()
        known = {one.sha256: one for one in self._client.marks.vouched.get(family, ())}
        target = known.get(sha256)
        if target is None:
            with self._lock:
                target = self._listed(family, sha256)
        require_not_revoked(target, self.revoked(family))
        return target

    def _target(self, family: str, version: str) -> Target:
        path, role = releases.path_of(family, version), releases.role_for(family)
        found = self._client.find(path)
        if found.role != role:
            raise refusal(Code.UNKNOWN_TARGET, f"{path}: is listed by {found.role}, not by {role}")
        self._take_rules(family, found.signed)
        target = releases.target_of(family, version, found.target)
        require_takeable(target, self.floor(family), self.revoked(family), self._agent)
        self._client.mark(self._client.marks.with_vouched(target))
        return target

    def _listed(self, family: str, sha256: str) -> Target:
        role = releases.role_for(family)
        for path, file in self._client.kept_role(role).targets.items():
            version = path.removeprefix(f"{family}/").removesuffix("/record.json")
            if file.hashes.get("sha256") == sha256 and path == releases.path_of(family, version):
                return self._remembered(releases.target_of(family, version, file))
        raise refusal(Code.UNKNOWN_TARGET, f"{family}: nobody vouched for record {sha256[:12]}")

    def _remembered(self, target: Target) -> Target:
        with contextlib.suppress(OtaError):  # a full disk is no reason to serve nothing
            self._client.mark(self._client.marks.with_vouched(target))
        return target

    def _take_all_rules(self) -> None:
        for family in sorted(self._client.marks.families | self._families):
            self._try_to_take_rules(family)

    def _try_to_take_rules(self, family: str) -> None:
        role = releases.role_for(family)
        if not self._client.delegates(role):
            return
        try:
            self._take_rules(family, self._client.role(role))
        except OtaError as error:
            _log.warning("a family's releases cannot be had", family=family, error=str(error))

    def _take_rules(self, family: str, signed: Targets) -> None:
        rules = releases.rules_of(releases.role_for(family), signed)
        self._client.mark(releases.with_rules(self._client.marks, family, rules))
