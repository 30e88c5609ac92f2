"""Does a faster engine answer as the one that serves does?

Three ways, of which the composition takes the first that can be had:

as_registered   the golden inputs of the model's record: pictures that show something
same_finds      what both find, for networks whose rows are ordered by score: where two scores are
                nearly equal, rows change places, and raw outputs say nothing
same_outputs    raw outputs of a test picture
"""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from models.detections import Image
from models.engines.deviation import deviation
from models.engines.port import Engine, Tensor
from models.errors import EngineError
from models.manifest import Manifest
from models.prediction.rows import Row, rows_of
from models.record.finds import agreement_of
from models.record.record import Record
from models.record.selftest import self_test
from models.selection import network_class

Proof = Callable[[Engine, Engine], Mapping[str, float]]
"""Of the engine that serves and the faster one: figures to be logged. Raises EngineError where they
answer differently, or another ModelError where that cannot be told."""

FINDS_A_PICTURE = 10
"""Of the surest that the engine in service has on a test picture; the last one's score is what
counts as sure, as a picture without objects has low scores only."""

_LEAST_SCORE = 1e-3
_AGREEMENT = 0.8
"""Share of the sure finds of either engine that the other has as well."""


def same_outputs(probe: Tensor, tolerance: float) -> Proof:
    """By raw outputs.

    Args:
        probe: input on which both are tried.
        tolerance: see `deviation`; an engine that differs by more is refused.
    """

    def prove(before: Engine, after: Engine) -> Mapping[str, float]:
        off = deviation(before.run(probe), after.run(probe))
        if not off <= tolerance:
            raise EngineError(
                f"{after.name} answers otherwise than {before.name}: off by {off:.3g}, "
                f"and {tolerance:g} is allowed"
            )
        return {"off": round(off, 5)}

    return prove


def same_finds(manifest: Manifest, pictures: Sequence[Image]) -> Proof:
    """By what is found, however the rows are ordered.

    Args:
        manifest: of the network, one that finds boxes.
        pictures: (H, W, 3) uint8 BGR, on which both are tried.
    """

    def prove(before: Engine, after: Engine) -> Mapping[str, float]:
        expected = [_rows(manifest, before, picture) for picture in pictures]
        scores = sorted((row["confidence"] for rows in expected for row in rows), reverse=True)
        if not scores:
            raise EngineError(
                f"{manifest.name}: finds nothing at all in test pictures, so engines cannot be "
                "compared; register it with --golden and name the record as the model"
            )
        sure = scores[: FINDS_A_PICTURE * len(pictures)][-1]
        found = [_rows(manifest, after, picture) for picture in pictures]
        sizes = [(picture.shape[1], picture.shape[0]) for picture in pictures]
        agreement = agreement_of(
            manifest.head.task, _known(expected, sure), _known(found, sure), sizes, sure
        )
        if not agreement >= _AGREEMENT:
            raise EngineError(
                f"{after.name} finds other things than {before.name}: they agree to "
                f"{agreement:.1%}, and {_AGREEMENT:.0%} is demanded"
            )
        return {"agreement": round(agreement, 4)}

    return prove


def as_registered(record: Record, folder: Path) -> Proof:
    """By the golden inputs of a record, which has some.

    Args:
        record: of the model.
        folder: that it was read from.
    """

    def prove(before: Engine, after: Engine) -> Mapping[str, float]:
        assert record.golden is not None
        outcome = self_test(record, folder, after)
        problems = outcome.problems(record.golden)
        if problems:
            raise EngineError(f"{after.name} is not as registered: {'; '.join(problems)}")
        off = {} if outcome.difference is None else {"off": round(outcome.difference, 5)}
        return {**off, "agreement": round(outcome.agreement, 4)}

    return prove


def _rows(manifest: Manifest, engine: Engine, picture: Image) -> list[Row]:
    every = manifest.with_confidence(_LEAST_SCORE)
    found = network_class(every)(every, engine).find(picture)
    return rows_of(found, picture.shape[1], picture.shape[0])


def _known(pictures: Sequence[Sequence[Row]], sure: float) -> list[list[Row]]:
    """Those that are compared: a row that is sure to one engine may be a little less to another."""
    return [[row for row in rows if row["confidence"] >= sure / 2] for rows in pictures]
