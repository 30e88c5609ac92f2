"""What serves, or is on trial, may be revoked at any time; it gives way at once, network or not."""

from collections.abc import Callable
from functools import partial
from pathlib import Path

import structlog

from edge.errors import OtaError
from edge.ota.life import Failed, Fallen, Happening
from edge.ota.port import Trust
from edge.ota.serving import Serving
from edge.ota.slots import Found, Slot, Slots, Vouch
from edge.ota.states import Code

_log = structlog.get_logger(__name__)


class Revocations:
    """Says what was revoked, and has it give way.

    Args:
        trust: says what may run here.
        serving: the networks that look at frames.
        slots: of a family.
    """

    def __init__(self, trust: Trust, serving: Serving, slots: Callable[[str], Slots]) -> None:
        self._trust = trust
        self._serving = serving
        self._slots = slots
        self._still_looks: dict[str, Slot] = {}

    def refresh(self) -> None:
        """Take the newest metadata; see `Trust.refresh`."""
        self._trust.refresh()

    def families(self) -> list[str]:
        """Those of which something must give way, by what is known; any thread may ask."""
        return [
            family for family in self._serving.families
            if family in self._still_looks or self._is_hit(family)
        ]  # fmt: skip

    def give_way(self, family: str) -> list[Happening]:
        """Have what was revoked of a family give way to what may serve; by who exchanges networks.

        Returns:
            what happened to the family.

        Raises:
            OSError: nobody can read now what is committed.
        """
        slots, revoked = self._slots(family), self._trust.revoked(family)
        active = slots.active
        committed, trial = (
            active.slots.get(name or "") for name in (active.committed, active.trial)
        )
        gone = [slot for slot in (trial, committed) if slot and slot.release in revoked]
        told: list[Happening] = []
        if trial is not None and gone:
            told.append(Failed(str(Code.REVOKED), _said(gone[0])))
        found = Found(slots.folder / active.committed if active.committed else None, committed)
        if committed is not None and committed in gone:
            self._still_looks[family] = committed
            found = slots.fall_back(self._vouch(family), str(Code.REVOKED), _said(committed))
        elif trial is not None:
            return told
        if (fallen := self._fallen(family, slots, found)) is not None:
            told.append(fallen)
        return told

    def _fallen(self, family: str, slots: Slots, found: Found) -> Fallen | None:
        """That what was revoked looks at frames no more; None where it does, or never did."""
        slot = self._still_looks.get(family)
        if slot is None:
            return None
        try:
            version = self._exchanged(family, slots, found)
        except OtaError as error:
            _log.error(
                "what was revoked still looks at frames", family=family, error=str(error),
                remedy="it is tried again with each look, and at the next start",
            )  # fmt: skip
            return None
        del self._still_looks[family]
        return Fallen(str(Code.REVOKED), _said(slot), slot.deployment, slot.version, version)

    def _exchanged(self, family: str, slots: Slots, found: Found) -> str:
        """Version that looks at frames now: the first that can be loaded.

        Raises:
            OtaError: none can, not even the settings' own model.
        """
        tried: set[Path] = set()
        while found.folder is not None and found.folder not in tried:
            tried.add(found.folder)
            try:
                self._serving.exchange(family, found.folder)
            except OtaError as error:
                found = slots.fall_back(self._vouch(family), error.code, error.detail)
            else:
                return found.slot.version if found.slot else ""
        self._serving.exchange(family, None)
        return ""

    def _is_hit(self, family: str) -> bool:
        try:
            active = self._slots(family).active
        except OSError:
            return False
        revoked, named = self._trust.revoked(family), (active.committed, active.trial)
        return any(slot.release in revoked for name, slot in active.slots.items() if name in named)

    def _vouch(self, family: str) -> Vouch:
        return partial(self._trust.check_offline, family)


def _said(slot: Slot) -> str:
    return f"release {slot.release} was revoked"
