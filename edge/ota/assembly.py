"""The life of updates put together: what serves at a start, and the part that takes orders."""

import random
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import partial
from importlib.metadata import version
from pathlib import Path

import structlog

from edge.errors import OtaError
from edge.networks import Networks
from edge.ota.driver import Driver
from edge.ota.hot_swap import Counts, HotSwap, check_fits
from edge.ota.journal import Journal
from edge.ota.life import Fallen
from edge.ota.performer import Performer, Places
from edge.ota.port import Fetcher, Target, Trust
from edge.ota.reports import Sender
from edge.ota.revocations import Revocations
from edge.ota.serving import Serving
from edge.ota.slots import Found, Slot, Slots, Vouch
from edge.ota.starts import MAX_TRIES, Starts
from edge.ota.states import Code
from edge.ota.updater import Looks, Publish, Updater
from edge.ota.window import is_open
from edge.settings import EdgeSettings
from edge.watchdog import Watchdog
from models import zoo
from models.errors import ModelError
from wayside.disk import REAL, Disk

JOURNAL = "journal.json"
FIRST_LOOK_S = 300.0
"""Within this time after a start it is seen whether anything was revoked: a vehicle may be at work
for an hour a day."""

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Origin:
    """Where models come from, and who says that they may."""

    trust: Trust
    fetcher: Fetcher


class NobodyToAsk:
    """Stands in for trust and fetcher where neither can be opened: what is committed serves on.

    Args:
        error: why they cannot.
    """

    def __init__(self, error: OtaError) -> None:
        self._error = OtaError(error.code, error.detail, is_passing=True)

    def refresh(self) -> None:
        """See `Trust.refresh`."""
        raise self._error

    def target(self, family: str, version: str) -> Target:
        """See `Trust.target`."""
        raise self._error

    def floor(self, family: str) -> int:
        """See `Trust.floor`."""
        return 0

    def revoked(self, family: str) -> frozenset[int]:
        """See `Trust.revoked`."""
        return frozenset()

    def check_offline(self, family: str, record: bytes) -> Target:
        """See `Trust.check_offline`."""
        raise OtaError(Code.NOT_READABLE, self._error.detail)

    def record(self, target: Target, into: Path, progress: Callable[[int], None]) -> None:
        """See `Fetcher.record`."""
        raise self._error

    def blob(self, sha256: str, size: int, into: Path, progress: Callable[[int], None]) -> None:
        """See `Fetcher.blob`."""
        raise self._error


@contextmanager
def origin_of(settings: EdgeSettings, stop: threading.Event) -> Iterator[Origin | None]:
    """Where an agent's models come from, until the block ends; None where the settings name none.

    Args:
        settings: of the agent.
        stop: once set, every wait for the network ends soon.
    """
    if settings.ota.url is None:
        yield None
        return
    from edge.ota.trust import open_trust

    with ExitStack() as ends:
        try:
            families = {zoo.manifest(model.name).name for model in settings.models_in_use.values()}
            opened = ends.enter_context(
                open_trust(settings.ota, settings.data_dir, stop, families=families)
            )
            origin = Origin(opened.trust, opened.fetcher)
        except OtaError as error:
            _log.error(
                "no updates", code=error.code, error=error.detail,
                remedy="what is committed serves; mend it and start the agent again",
            )  # fmt: skip
            origin = Origin(NobodyToAsk(error), NobodyToAsk(error))
        yield origin


@dataclass(slots=True)
class Start:
    """What serves when the agent starts, found in the slots before anything is loaded.

    Attributes:
        folders: of slots, by family; where none is named, the settings' own model serves.
        fallen: what had served and does not any more.
    """

    folders: dict[str, Path] = field(default_factory=dict)
    fallen: list[tuple[str, Fallen]] = field(default_factory=list)

    def take(self, family: str, before: str, found: Found) -> Path | None:
        """What was found for a family, and from which deployment it had come.

        Args:
            family: name of the model.
            before: id of the order that had brought what served before.
            found: what serves.
        """
        self.folders.pop(family, None)
        if found.folder is not None:
            self.folders[family] = found.folder
        if found.has_fallen:
            now = found.slot.version if found.slot else ""
            code, detail = found.problems[0]
            self.fallen.append((family, Fallen(code, detail, before, to_version=now)))
        return found.folder


class Updates:
    """All that updates need, in the order in which an agent comes up.

    Args:
        settings: of the agent.
        origin: where models come from.
        disk: that slots and journal are on.
    """

    def __init__(self, settings: EdgeSettings, origin: Origin, disk: Disk | None = None) -> None:
        self._settings = settings
        self._origin = origin
        self._disk = disk or REAL
        self._places = Places.under(settings.data_dir)
        self._start = Start()
        self._starts = Starts(settings.data_dir / "ota", self._disk)
        self.counts = Counts(settings.ota.probation.limits)

    def networks(self, watchdog: Watchdog) -> Networks:
        """The agent's networks with what the slots hold, as far as that is whole and fits.

        Raises:
            AssetError, EngineError, ManifestError: the settings' own model cannot be used either.
        """
        settings = self._settings
        keys: dict[str, list[str | None]] = {}
        for key, model in settings.models_in_use.items():
            keys.setdefault(zoo.manifest(model.name).name, []).append(key)
        for family, its_keys in keys.items():
            slots, vouch = self._slots(family), self._vouch(family)
            before = _deployment(slots)
            folder = self._start.take(family, before, slots.recover(vouch))
            if folder is not None:
                self._leave_what_does_not_fit(family, its_keys, folder)
        self._leave_what_ends_the_agent()
        return Networks(
            settings, watchdog, self._start.folders, self._refused, self.counts.incumbent
        )

    @contextmanager
    def at_work(
        self,
        networks: Networks,
        current: Callable[[], EdgeSettings],
        publish: Publish,
        boot: Callable[[], int],
        note_error: Callable[[str], None],
        now_ns: Callable[[], int] = time.time_ns,
    ) -> Iterator[Updater]:
        """The part of the uplink that takes orders, to be attached and then entered.

        Args:
            networks: of the agent.
            current: settings that cameras and rules run by, now.
            publish: hands a report to the uplink.
            boot: of this start of the agent.
            note_error: has the heartbeat repeat an error.
            now_ns: the device's clock.
        """
        settings, updates = self._settings, self._settings.ota
        serving = HotSwap(networks, self.counts, current)
        journal = Journal(settings.data_dir / "ota" / JOURNAL, self._disk)
        entries, problem = journal.read()
        if problem:
            lost = Fallen(str(Code.NOT_READABLE), problem)
            self._start.fallen.append(("journal", lost))
        driver = Driver(
            journal, entries, updates.limits, Sender(settings.device, boot), now_ns,
            serving.version, lambda family: _deployment(self._slots(family)),
            partial(_bring_back, serving), note_error,
        )  # fmt: skip
        performer = Performer(
            self._places, self._disk, self._origin.trust, self._origin.fetcher, serving,
            version("wayside"), settings.ota.fetch.min_free_bytes,
        )  # fmt: skip
        first_s = random.uniform(0.0, min(FIRST_LOOK_S, updates.look_every_s))
        updater = Updater(
            settings.device, driver, performer, serving, self.counts.limits, publish=publish,
            is_open=lambda: is_open(updates.windows, now_ns()),
            revocations=Revocations(self._origin.trust, serving, self._slots),
            looks=Looks(first_s, updates.look_every_s),
        )  # fmt: skip
        for family, fallen in self._start.fallen:
            updater.tell(family, [fallen])
        try:
            with self._starts.counted():
                yield updater
        finally:
            serving.close()

    def place(self, family: str, sha256: str) -> tuple[str, int]:
        """Where a model lies that serves: name of its slot, and its release.

        Any thread may ask: the file that answers is only ever replaced whole.

        Args:
            family: name of the model.
            sha256: of its record; empty where it has none.

        Returns:
            an empty name and 0 where it is the settings' own.
        """
        try:
            active = self._slots(family).active
        except OSError:
            return "", 0
        held = ((name, slot) for name, slot in active.slots.items() if slot.sha256 == sha256)
        name, slot = next(held, ("", None))
        return name, slot.release if slot else 0

    def _slots(self, family: str) -> Slots:
        return Slots(self._places.models / family, self._disk)

    def _vouch(self, family: str) -> Vouch:
        return partial(self._origin.trust.check_offline, family)

    def _leave_what_does_not_fit(self, family: str, keys: list[str | None], folder: Path) -> None:
        """Have the settings' own model serve where rules, changed meanwhile, demand it.

        The slot stays committed, as rules may be changed back; the heartbeat tells of it.
        """
        try:
            check_fits(self._settings, family, keys, folder)
        except (OtaError, ModelError) as error:
            _log.error("the committed model does not fit the rules", family=family,
                       error=str(error), remedy="the settings' own serves")  # fmt: skip
            del self._start.folders[family]
            told = f"{error}; the settings' own model serves"
            self._start.fallen.append((family, Fallen(str(Code.INCOMPATIBLE), told)))

    def _leave_what_ends_the_agent(self) -> None:
        """Have the settings' own models serve where start after start came to nothing."""
        found = {family: _committed(self._slots(family)) for family in self._start.folders}
        committed = {family: slot.sha256 for family, slot in found.items() if slot}
        if self._starts.begin(committed):
            return
        for family in committed:
            told = (
                f"the agent ended soon after each of its last {MAX_TRIES} starts; the settings' "
                "own model serves, and the next start tries the committed one again"
            )
            _log.error("a committed model is left out", family=family, error=told)
            del self._start.folders[family]
            self._start.fallen.append((family, Fallen(str(Code.ENGINE), told)))

    def _refused(self, family: str, error: ModelError) -> Path | None:
        """Another folder, where the network of a committed slot cannot be loaded."""
        slots = self._slots(family)
        before = _deployment(slots)
        found = slots.fall_back(self._vouch(family), str(Code.ENGINE), str(error))
        return self._start.take(family, before, found)


def _committed(slots: Slots) -> Slot | None:
    """What is committed; None where nothing is, or nobody knows."""
    try:
        active = slots.active
    except OSError:
        return None
    return active.slots.get(active.committed or "")


def _deployment(slots: Slots) -> str:
    """Id of the order that had brought what is committed; empty where nobody knows."""
    slot = _committed(slots)
    return slot.deployment if slot else ""


def _bring_back(serving: Serving, family: str) -> None:
    try:
        serving.roll_back(family)
    except OtaError as error:
        _log.error("the incumbent cannot come back", family=family, error=str(error))
