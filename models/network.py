"""A picture in, what a network finds out: pre-processing, network and head together."""

import time
from abc import ABC, abstractmethod
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Generic, Protocol, TypeVar

import numpy as np

from models.detections import Image
from models.engines.batches import run_in_parts
from models.engines.choice import AUTO
from models.engines.loading import check_input, check_outputs, load_engine
from models.engines.port import Engine, Tensor
from models.heads.port import Head
from models.manifest import Manifest
from models.preprocess import Geometry, Preprocessor

Found = TypeVar("Found")
Own = TypeVar("Own", bound="Network[Any]")


class Steps(Protocol):
    """Is told how long the steps of a network took, ns; by any thread."""

    def prepared(self, took_ns: int, /) -> None:
        """A picture was made into the network's input."""

    def inferred(self, took_ns: int, /) -> None:
        """The engine has run."""

    def decoded(self, took_ns: int, /) -> None:
        """Raw outputs were made into what was found."""


class NobodyListens:
    """Takes no notice of how long the steps took."""

    def prepared(self, took_ns: int, /) -> None:
        """Nothing."""

    inferred = decoded = prepared


class Network(ABC, Generic[Found]):
    """What the networks of every task share. Any number of threads may share one.

    `find` is `prepare`, `infer` and `decode` in a row; they stand alone so that each can be
    measured, or be given to a thread of its own.

    Args:
        manifest: of the network.
        engine: the network, loaded; this closes it.

    Attributes:
        steps: is told how long each step took.

    Raises:
        ManifestError: the manifest does not fit the engine, or is for another task.
    """

    def __init__(self, manifest: Manifest, engine: Engine) -> None:
        self.manifest = manifest
        self.engine = engine
        self.steps: Steps = NobodyListens()
        self._preprocessor = Preprocessor(manifest.input)
        self._head = self._head_of(manifest)
        check_input(manifest, engine)
        check_outputs(manifest, self._head.output_shapes, engine)

    @staticmethod
    @abstractmethod
    def _head_of(manifest: Manifest) -> Head[Found]:
        """The decoder for a manifest of this task."""

    @classmethod
    def load(
        cls: type[Own], manifest: Manifest, path: Path, intra_threads: int = 1, engine: str = AUTO
    ) -> Own:
        """The network of a manifest and its file.

        Args:
            manifest: of the network.
            path: the ONNX or TensorFlow Lite file whose sha256 the manifest names.
            intra_threads: threads that share the work of one frame; 1 where several workers
                share the network.
            engine: name of what runs it, see `models.engines.choice`.

        Raises:
            AssetError: the file cannot be read, or (ChecksumError) is another one.
            EngineError: it is none that the engine can run, or the engine is not to be had.
            ManifestError: the manifest does not fit it, or is for another task.
        """
        loaded = load_engine(manifest, path, intra_threads, engine)
        try:
            return cls(manifest, loaded)
        except BaseException:
            loaded.close()
            raise

    def find(self, image: Image) -> Found:
        """What a picture (H, W, 3) uint8 BGR shows.

        Raises:
            EngineError: the network failed.
            ValueError: the image has another shape or dtype.
        """
        tensor, geometry = self.prepare(image)
        return self.decode(self.infer(tensor), geometry)

    def find_all(self, images: Sequence[Image]) -> Sequence[Found]:
        """What each of several pictures shows, in as few runs of the engine as it allows.

        Raises:
            EngineError: the network failed.
            ValueError: an image has another shape or dtype.
        """
        if len(images) < 2 or self.engine.most_at_once == 1:
            return [self.find(image) for image in images]
        prepared = [self.prepare(image) for image in images]
        together = np.concatenate([tensor for tensor, _ in prepared])
        begun_ns = time.monotonic_ns()
        outputs = run_in_parts(self.engine, together)
        self.steps.inferred(time.monotonic_ns() - begun_ns)
        return [
            self.decode([output[number : number + 1] for output in outputs], geometry)
            for number, (_, geometry) in enumerate(prepared)
        ]

    def prepare(self, image: Image) -> tuple[Tensor, Geometry]:
        """The network's input for a picture, and where the picture lies in it."""
        begun_ns = time.monotonic_ns()
        prepared = self._preprocessor(image)
        self.steps.prepared(time.monotonic_ns() - begun_ns)
        return prepared

    def infer(self, tensor: Tensor) -> Sequence[Tensor]:
        """The network's raw outputs for one input.

        Raises:
            EngineError: the network failed.
        """
        begun_ns = time.monotonic_ns()
        outputs = self.engine.run(tensor)
        self.steps.inferred(time.monotonic_ns() - begun_ns)
        return outputs

    def decode(self, outputs: Sequence[Tensor], geometry: Geometry) -> Found:
        """What raw outputs stand for."""
        begun_ns = time.monotonic_ns()
        found = self._head.decode(outputs, geometry, self.manifest.thresholds)
        self.steps.decoded(time.monotonic_ns() - begun_ns)
        return found

    def close(self) -> None:
        """Give the engine's memory and device back."""
        self.engine.close()
