"""New settings for a running agent: from its file when it is told to look, and from the cloud.

Settings are taken whole or refused whole; the old ones run on then, and the error is said in the
log and by the heartbeat. A part of the uplink.
"""

import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import structlog

from edge.changes import Changes, changes
from edge.desired import Desired, DesiredFile, read_desired
from edge.misfits import Manifests, camera_misfits
from edge.settings import EdgeSettings, load
from protos import topics
from protos.codec import decode
from protos.errors import WireError
from protos.v1.desired_state_pb2 import DesiredState
from wayside.errors import Problem, SettingsError
from wayside.settings import dotted

_MAX_REASON_CHARS = 1000
"""The heartbeat repeats it for as long as it is so."""

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Refusal:
    """A revision of the cloud's that the device does not take, and why."""

    revision: int
    reason: str


class Reloader:
    """Has new settings taken over, in a thread of its own. Use it as a context.

    Args:
        path: the settings file.
        settings: that the agent begins with.
        desired: what the cloud said of them.
        apply: has the cameras changed.
        note_error: has the heartbeat repeat an error.
        manifests: of the networks that look at frames now, by the ids that cameras name.
        tell: has the heartbeat say now what came of it.
    """

    def __init__(
        self,
        path: Path,
        settings: EdgeSettings,
        desired: Desired,
        apply: Callable[[Changes], None],
        note_error: Callable[[str], None],
        manifests: Callable[[], Manifests] = dict,
        tell: Callable[[], None] = lambda: None,
    ) -> None:
        self._manifests = manifests
        self._tell = tell
        self._path = path
        self._settings = settings
        self._loaded = frozenset(settings.models_in_use)
        self._desired = desired
        self._apply = apply
        self._note_error = note_error
        self._kept = DesiredFile(settings.data_dir, settings.device)
        self._topic = topics.config(settings.device)
        self._changed = threading.Condition()
        self._asked = self._stopping = False
        self._sent: bytes | None = None
        self._refused: bytes | None = None
        self._refusal: Refusal | None = None
        self._thread = threading.Thread(target=self._run, name="reload", daemon=True)

    def __enter__(self) -> "Reloader":
        self._thread.start()
        return self

    def __exit__(self, *exception: object) -> None:
        with self._changed:
            self._stopping = True
            self._changed.notify()
        self._thread.join()

    @property
    def revision(self) -> int:
        """Of the DesiredState in force, 0 while there is none."""
        return self._desired.revision

    @property
    def refusal(self) -> Refusal | None:
        """Of the newest DesiredState, where that is not in force."""
        found = self._refusal
        return found if found is not None and found.revision > self.revision else None

    @property
    def settings(self) -> EdgeSettings:
        """That are in force."""
        return self._settings

    def ask(self) -> None:
        """Have the file read again; returns at once."""
        with self._changed:
            self._asked = True
            self._changed.notify()

    # What the uplink tells.

    def on_connected(self) -> None:
        """The broker brings the retained DesiredState by itself."""

    def on_disconnected(self, reason: str) -> None:
        """What is in force stays so."""

    def on_message(self, topic: str, payload: bytes) -> None:
        """Have a DesiredState looked at; the newest one counts."""
        if topic != self._topic:
            return
        with self._changed:
            self._sent = payload
            self._changed.notify()

    # Its own thread.

    def _run(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._stopping or self._asked or self._sent)
                if self._stopping:
                    return
                asked, sent = self._asked, self._sent
                self._asked, self._sent = False, None
            before = self.revision, self.refusal
            # What was refused may fit the file as it is now.
            self._take(sent or (self._refused if asked else None), is_asked=asked)
            if asked or before != (self.revision, self.refusal):
                self._tell()

    def _take(self, sent: bytes | None, *, is_asked: bool) -> None:
        if sent is not None and not self._settings.remote.rules:
            self._turn_down(sent, "the device keeps to its own rules: remote.rules is false")
            sent = None
        if not is_asked and sent in (None, self._refused):
            return  # the broker brings a refused one again with each connection
        try:
            desired = self._desired if sent is None else self._newer(sent)
            if is_asked or desired != self._desired:
                self._reload(desired, sent if desired is not self._desired else None)
        except (SettingsError, WireError) as error:
            self._refuse(str(error))
            if sent is None:
                return
            self._refused = sent
            self._turn_down(sent, str(error))
            if is_asked:  # the file counts all the same, with what is in force of the cloud's
                self._take(None, is_asked=True)

    def _newer(self, sent: bytes) -> Desired:
        desired = read_desired(sent, self._settings.device)
        if desired.revision >= self._desired.revision:
            return desired
        _log.warning("an older revision came from the cloud", revision=desired.revision)
        return self._desired

    def _reload(self, desired: Desired, sent: bytes | None) -> None:
        layer = desired.over_known if sent is None else desired.over
        settings = load(self._path, layer if desired.cameras else None)
        self._check_fits(settings)
        found = changes(self._settings, settings, self._loaded)
        if found.restart:
            told = f"only a restart can change {', '.join(found.restart)}; nothing was taken"
            self._refuse(told)
            if sent is not None:
                self._refused = sent
                self._turn_down(sent, told)
            return
        if sent is not None:
            self._keep(sent)
        self._apply(found)
        self._settings, self._desired = settings, desired
        if sent is not None:
            self._refused = None
        _log.info("settings taken", cloud_revision=desired.revision, **found.told)

    def _check_fits(self, settings: EdgeSettings) -> None:
        """Return when cameras and rules fit the models that serve, which the file does not know.

        Raises:
            SettingsError: a rule names a class that such a model does not have.
        """
        found = camera_misfits(settings.models_in_use, settings.cameras, self._manifests())
        problems = [
            Problem(str(self._path), 0, dotted(place), f"{told}, as the fleet has updated it")
            for place, told, _ in found
        ]
        if problems:
            raise SettingsError(problems)

    def _keep(self, sent: bytes) -> None:
        try:
            self._kept.keep(sent)
        except OSError as error:
            self._note_error(f"the cloud's settings cannot be kept: {error.strerror}")
            _log.error(
                "the cloud's settings cannot be kept", error=error.strerror,
                remedy="they are in force until the agent ends, and come again from the broker",
            )  # fmt: skip

    def _turn_down(self, sent: bytes, reason: str) -> None:
        """Have the cloud told which revision is not taken; of nonsense it hears by the errors."""
        try:
            state = decode(DesiredState, sent)
        except WireError:
            return
        if state.device == self._settings.device:
            self._refusal = Refusal(state.revision, reason[:_MAX_REASON_CHARS])

    def _refuse(self, reason: str) -> None:
        self._note_error(f"settings refused: {reason}")
        _log.error(
            "settings refused", error=reason, remedy="mend them; the old ones run on meanwhile"
        )
