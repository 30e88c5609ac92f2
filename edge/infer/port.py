"""What the agent needs of a network."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from edge.track.settings import TrackerSettings
from models.detections import Image
from models.manifest import Manifest

Found = TypeVar("Found")
"""What a network finds in a picture: Detections, Areas."""

Found_co = TypeVar("Found_co", covariant=True)
Found_contra = TypeVar("Found_contra", contravariant=True)


class Finder(Protocol[Found_co]):
    """Finds something in pictures: objects, areas. Several threads may call it at once."""

    def find_all(self, images: Sequence[Image]) -> Sequence[Found_co]:
        """What is in each picture (H, W, 3), as if each were alone.

        Raises:
            EngineError: the network failed; it is not used again.
        """


@dataclass(frozen=True, slots=True, eq=False)
class Model:
    """Which model found something.

    Attributes:
        manifest: of it: name, version, and the classes that its ids are of.
        tracker: settings on its scale of confidence; None where it finds no objects.
    """

    manifest: Manifest
    tracker: TrackerSettings | None = None


class Observer(Protocol[Found_contra]):
    """Is told what a network makes of frames, by any thread; be quick."""

    def looked(self, found: Sequence[Found_contra], worked_ns: int, /) -> None:
        """It has looked at a batch."""

    def failed(self, error: BaseException, /) -> None:
        """It has failed on a batch."""


@dataclass(frozen=True, slots=True, eq=False)
class Looker(Generic[Found]):
    """A network as frames are given to it.

    Attributes:
        network: that looks.
        model: that it is of; None where nobody asks.
        observer: is told what it finds; None: nobody.
        incumbent: that looks at a batch on which this one fails; None: a failure ends all.
    """

    network: Finder[Found]
    model: Model | None = None
    observer: Observer[Found] | None = None
    incumbent: "Looker[Found] | None" = None
