"""Whether identities are kept: our tracker and others on the same boxes of a made street.

Every tracker is scored on three recordings at 5 and at 25 frames a second. The differences are
taken recording by recording, so that an easy or a hard one does not count; ours is better where
it is so on each, and by more on average than the differences themselves differ. The thresholds
of ours were chosen on other seeds (11 to 14).
"""

import contextlib
import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from benchmarks.rivals import RIVALS, Run, ours
from benchmarks.track_scores import Scores, scores
from tests.support.street_detector import Shot, shots

SEEDS = (1, 2, 3)
RATES_FPS = (5, 25)


@dataclass(frozen=True, slots=True)
class ScoreRow:
    """One score of ours against another tracker's.

    Attributes:
        name: score, frame rate and tracker.
        ours: mean over the recordings, 0 to 100.
        reference: the same of the other tracker.
        differences: ours minus the other's, of each recording.
    """

    name: str
    ours: float
    reference: float
    differences: tuple[float, ...]

    @property
    def noise(self) -> float:
        """Standard deviation of the differences."""
        return float(np.std(self.differences, ddof=1))

    @property
    def holds(self) -> bool:
        """True where ours is better on every recording, and by more than the noise."""
        return min(self.differences) > 0 and float(np.mean(self.differences)) > self.noise


def measure() -> list[ScoreRow]:
    """Every rival at every frame rate."""
    return [row for fps in RATES_FPS for row in _at(fps)]


def _at(fps: int) -> list[ScoreRow]:
    recordings = [shots(seed, fps) for seed in SEEDS]
    own = _scored(ours, recordings, fps)
    rows = []
    for name, ways in RIVALS.items():
        best = max((_scored(way, recordings, fps) for way in ways), key=_total)
        rows += [
            _row(f"IDF1, {fps} fps ({name})", [s.idf1 for s in own], [s.idf1 for s in best]),
            _row(f"HOTA, {fps} fps ({name})", [s.hota for s in own], [s.hota for s in best]),
        ]
    return rows


def _scored(run: Run, recordings: Sequence[Sequence[Shot]], fps: int) -> list[Scores]:
    with contextlib.redirect_stdout(io.StringIO()):  # TrackEval prints how long it took
        return [scores(recording, run(recording, fps)) for recording in recordings]


def _total(of: Sequence[Scores]) -> float:
    return sum(each.idf1 + each.hota for each in of)


def _row(name: str, own: Sequence[float], other: Sequence[float]) -> ScoreRow:
    differences = tuple(a - b for a, b in zip(own, other, strict=True))
    return ScoreRow(name, float(np.mean(own)), float(np.mean(other)), differences)


def markdown(rows: Iterable[ScoreRow]) -> str:
    """The rows as a table for docs/benchmarks.md."""
    lines = ["| score | ours | reference | by recording | noise | |", "|---|---|---|---|---|---|"]
    for row in rows:
        each = ", ".join(f"{difference:+.1f}" for difference in row.differences)
        verdict = "holds" if row.holds else "**misses**"
        lines.append(
            f"| {row.name} | {row.ours:.1f} | {row.reference:.1f} | {each} "
            f"| {row.noise:.1f} | {verdict} |"
        )
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    print(markdown(measure()))
