"""What is remembered of an update, what can happen to it, and what is to be done then."""

from dataclasses import dataclass
from enum import Enum

from edge.ota.port import Target
from edge.ota.probation import Baseline
from edge.ota.states import ENDS, UNCHANGED, State


@dataclass(frozen=True, slots=True)
class Order:
    """Which signed release the cloud wants; no authority of its own.

    Attributes:
        family: name of the model.
        version: of it.
        deployment: id of the order, in whose name all is reported.
        sha256: that the record should have, 64 lower-case hexadecimal digits; empty: not said.
        revision: of the DesiredState that said it last.
    """

    family: str
    version: str
    deployment: str
    sha256: str = ""
    revision: int = 0

    def is_same_as(self, other: "Order") -> bool:
        """True where only the revision differs: it was said again."""
        mine = (self.family, self.version, self.deployment, self.sha256)
        return mine == (other.family, other.version, other.deployment, other.sha256)


@dataclass(frozen=True, slots=True)
class Limits:
    """What an update may take. Seconds are of running time: they are counted while the agent
    runs and kept across restarts, so neither a wrong clock nor a device that is off ends anything.

    Attributes:
        order_s: until it is active, without the time that it waits for a window.
        stage_s: for looking, downloading or verifying, each at a time.
        probation_s: until there was evidence enough.
        retry_initial_s: shortest wait after a failure that may pass.
        retry_max_s: longest one.
        start_cost_s: what each start of the agent costs, so that one that never runs for long
            comes to an end too.
        transitions: changes of state of an order, at most.
        tries: activations of it, at most, where each ended with the agent.
        starts: of the agent while it was tested or about to be committed, at most.
    """

    order_s: float = 7 * 86400.0
    stage_s: float = 86400.0
    probation_s: float = 86400.0
    retry_initial_s: float = 10.0
    retry_max_s: float = 3600.0
    start_cost_s: float = 60.0
    transitions: int = 300
    tries: int = 2
    starts: int = 5


class Intent(str, Enum):
    """What was decided of a trial and is written down before it is done."""

    COMMIT = "commit"
    ROLL_BACK = "roll-back"


@dataclass(frozen=True, slots=True)
class Ending:
    """How an update is to end once it was rolled back."""

    state: State
    code: str
    detail: str


@dataclass(frozen=True, slots=True)
class Life:
    """All that is remembered of an order.

    Attributes:
        order: that it is of.
        state: where it is.
        code: why it is deferred or has failed; empty where nothing is wrong.
        detail: the same for people.
        transition: counts its states, from 1.
        from_version: that served before; empty where that was no release.
        target: what the repository vouches for, once it does.
        downloaded_bytes: so far.
        total_bytes: of record and artefacts, once they are known.
        resume: where it goes on after having been deferred.
        is_trying: while deferred, what had failed is being tried again.
        attempts: failures in a row.
        wait_s: before the next attempt.
        order_left_s: before it is given up.
        stage_left_s: before what it is at is given up.
        tries: how often it was activated without an end of probation.
        was_stopped: the agent was told to end, so the end of the try is not the model's fault.
        baseline: what the incumbent did before.
        intent: what was decided of the trial.
        ending: how it ends when it was rolled back.
        next: the order that takes its place when it has ended.
        starts: of the agent while it was tested or about to be committed; it may have ended it.
    """

    order: Order
    state: State = State.PENDING
    code: str = ""
    detail: str = ""
    transition: int = 1
    from_version: str = ""
    target: Target | None = None
    downloaded_bytes: int = 0
    total_bytes: int = 0
    resume: State | None = None
    is_trying: bool = False
    attempts: int = 0
    wait_s: float = 0.0
    order_left_s: float = 0.0
    stage_left_s: float = 0.0
    tries: int = 0
    was_stopped: bool = False
    baseline: Baseline | None = None
    intent: Intent | None = None
    ending: Ending | None = None
    next: Order | None = None
    starts: int = 0

    @property
    def has_ended(self) -> bool:
        """True where nothing more becomes of it."""
        return self.state in ENDS

    @property
    def is_unchanged(self) -> bool:
        """True while the incumbent serves and nothing has touched it."""
        return self.state in UNCHANGED


class Effect(Enum):
    """What is to be done once the life is on disk; each may be done again."""

    STOP = "stop"
    """Call off what is under way; nothing is heard of it any more."""
    LOOK = "look"
    """See what the repository says: LookedUp or Refused."""
    PLAN = "plan"
    """Fetch the record, see how much is to come and whether there is room: Planned or Refused."""
    DOWNLOAD = "download"
    """Progress, and Downloaded or Refused."""
    VERIFY = "verify"
    """Stage it, test it, make its engine: Verified or Refused."""
    ACTIVATE = "activate"
    """Have it look at the next frames: Activated or Refused."""
    COMMIT = "commit"
    """It is the committed slot from now on: Committed or Refused."""
    ROLL_BACK = "roll-back"
    """The incumbent looks at the next frames: RolledBack or Refused."""
    DISCARD = "discard"
    """Remove what was downloaded and staged for it; nothing is told."""


@dataclass(frozen=True, slots=True)
class Started:
    """The agent has started; the committed slot serves, whatever was under trial."""


@dataclass(frozen=True, slots=True)
class Stopping:
    """The agent was told to end."""


@dataclass(frozen=True, slots=True)
class Ticked:
    """So much running time has passed, s; is the maintenance window open?"""

    passed_s: float
    is_open: bool


@dataclass(frozen=True, slots=True)
class Ordered:
    """The cloud wants this for the family."""

    order: Order


@dataclass(frozen=True, slots=True)
class Withdrawn:
    """The cloud wants nothing for the family any more."""


@dataclass(frozen=True, slots=True)
class LookedUp:
    """The repository vouches for it; `serves`: and it is committed and looks at frames already."""

    target: Target
    serves: bool = False


@dataclass(frozen=True, slots=True)
class Planned:
    """So many bytes are to come altogether, and there is room."""

    total_bytes: int


@dataclass(frozen=True, slots=True)
class Progressed:
    """So many bytes are here altogether."""

    downloaded_bytes: int


@dataclass(frozen=True, slots=True)
class Downloaded:
    """All bytes are here, as they were promised."""


@dataclass(frozen=True, slots=True)
class Verified:
    """It lies in the other slot, whole, and does what was registered."""


@dataclass(frozen=True, slots=True)
class Activated:
    """It looks at frames; this is what the incumbent did before."""

    baseline: Baseline


@dataclass(frozen=True, slots=True)
class Passed:
    """Probation was passed."""

    detail: str = ""


@dataclass(frozen=True, slots=True)
class Failed:
    """Probation was not passed, or the trial may not go on."""

    code: str
    detail: str


@dataclass(frozen=True, slots=True)
class Committed:
    """It is the committed slot."""


@dataclass(frozen=True, slots=True)
class RolledBack:
    """The incumbent serves again."""


@dataclass(frozen=True, slots=True)
class Refused:
    """What was to be done cannot be; `is_passing`: not now."""

    code: str
    detail: str
    is_passing: bool = False


@dataclass(frozen=True, slots=True)
class Fallen:
    """What had been committed serves no longer: it was revoked, or is damaged.

    Attributes:
        code: why.
        detail: the same for people.
        deployment: id of the order that had brought it.
        from_version: that served.
        to_version: that serves now; empty where nobody knows.
    """

    code: str
    detail: str
    deployment: str = ""
    from_version: str = ""
    to_version: str = ""


Happening = (
    Started | Stopping | Ticked | Ordered | Withdrawn | LookedUp | Planned | Progressed
    | Downloaded | Verified | Activated | Passed | Failed | Committed | RolledBack | Refused
    | Fallen
)  # fmt: skip
