"""What the life of an update needs of the networks that look at frames."""

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from edge.ota.probation import Baseline


@dataclass(frozen=True, slots=True)
class Trial:
    """How a model on trial does.

    Attributes:
        since: what it did since it looks at frames.
        errors: batches on which it failed, and the incumbent looked in its place.
    """

    since: Baseline
    errors: int


class Serving(Protocol):
    """The networks of an agent, whose models may be exchanged between two frames.

    Folders are those of slots; None stands for the settings' own model. The incumbent stays
    loaded while another is on trial.
    """

    @property
    def families(self) -> Sequence[str]:
        """Names of the models that cameras use."""

    def version(self, family: str) -> str:
        """Of the model that looks at frames; empty where nobody uses the family."""

    def prepare(self, family: str, folder: Path, stop: threading.Event) -> None:
        """Have a model ready to be activated: loaded, found to fit, its engine made.

        Args:
            family: name of the model.
            folder: of its record.
            stop: calls it off.

        Raises:
            OtaError: it does not fit the cameras, does not do what was registered, or has no
                engine here; code `incompatible`, `self-test` or `engine`.
        """

    def activate(self, family: str, folder: Path, stop: threading.Event) -> Baseline:
        """Have a model look at the frames that come next; those in flight end with the incumbent.

        It waits until the incumbent was measured for long enough, and not for ever.

        Args:
            family: name of the model.
            folder: of its slot; what was prepared from another folder with the same record counts.
            stop: calls it off.

        Returns:
            what the incumbent did until now.

        Raises:
            OtaError: it cannot be loaded; the incumbent looks on.
        """

    def trial(self, family: str) -> Trial | None:
        """How the model on trial does; None where none is."""

    def commit(self, family: str) -> None:
        """The model on trial stays, the incumbent is let go."""

    def roll_back(self, family: str) -> None:
        """The incumbent looks at the frames that come next; fine where it does.

        Raises:
            OtaError: it cannot; the model on trial looks on.
        """

    def exchange(self, family: str, folder: Path | None) -> None:
        """Have another model look at frames, in the place of one that may not.

        Raises:
            OtaError: it cannot be loaded; what looked looks on.
        """
