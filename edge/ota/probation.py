"""Does a model on trial see as the incumbent did? Judged on real frames, by blocks of time.

Successive frames show the same objects, so they are no independent evidence. What is compared are
means of blocks of several seconds (batch means: Law, *Simulation Modeling and Analysis*, 5th ed.,
section 9.5.3), as many as there are, with their own spread. Whether a ratio of two means is beyond
a bound r is asked as Fieller (1954) does: is `mean - r * mean` of the other beyond what chance
leaves, by Student's t with the degrees of freedom of Welch (1947) and Satterthwaite (1946)? That
holds where a mean is zero too. The level is shared among all questions of all looks (Bonferroni).

A model is sent back for harm that is shown, and taken where none is after enough frames and time.
What this cannot know: a scene that truly empties between the two times looks like a model that has
gone blind; so the incumbent is measured right before, and the bounds are wide. Few objects prove
little, and the verdict says how many there were. Pure.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from edge.ota.states import Code


@dataclass(frozen=True, slots=True)
class Block:
    """Some seconds of frames that a network looked at.

    Attributes:
        frames: in it, 1 or more.
        amounts: of each class, summed over the frames: objects, or shares of the picture.
        worked_s: in the network, of all frames together.
    """

    frames: int
    amounts: Mapping[str, float]
    worked_s: float


@dataclass(frozen=True, slots=True)
class Sample:
    """Means of blocks.

    Attributes:
        blocks: how many, 2 or more for a comparison.
        mean: of them.
        variance: among them, unbiased; 0 for fewer than 2.
    """

    blocks: int
    mean: float
    variance: float


@dataclass(frozen=True, slots=True)
class Baseline:
    """What a network did in some blocks: of the incumbent before, of the trial since.

    Attributes:
        frames: in all blocks.
        total: of all classes together, a frame.
        latency_ms: in the network, a frame.
        amounts: of each class that was found at all, a frame.
    """

    frames: int
    total: Sample
    latency_ms: Sample
    amounts: Mapping[str, Sample] = field(default_factory=dict)

    @property
    def blocks(self) -> int:
        """How many there are."""
        return self.total.blocks


@dataclass(frozen=True, slots=True)
class ProbationLimits:
    """When a trial ends, and how.

    Attributes:
        block_s: of a block.
        least_blocks: that a trial lasts, and a baseline should have.
        least_frames: that a trial has looked at.
        least_share: of the incumbent's finds, of each class and of all.
        most_share: of the incumbent's finds, all classes together, beyond `most_more`.
        most_more: finds a frame that are no flood where the incumbent found nothing.
        latency_share: of the incumbent's time in the network, beyond `latency_more_ms`.
        latency_more_ms: that never matter.
        errors: of the network that are let pass.
        level: probability that a model which is at its bound is sent back.
    """

    block_s: float = 10.0
    least_blocks: int = 30
    least_frames: int = 300
    least_share: float = 0.5
    most_share: float = 4.0
    most_more: float = 1.0
    latency_share: float = 1.5
    latency_more_ms: float = 5.0
    errors: int = 0
    level: float = 0.01


@dataclass(frozen=True, slots=True)
class Verdict:
    """The end of a trial.

    Attributes:
        code: why it is sent back; None: it is taken.
        detail: figures for people.
    """

    code: Code | None
    detail: str


_EARLY_LOOKS = (8, 4, 2)
"""Parts of `least_blocks` after which a model may be sent back already."""


def summed_up(blocks: Sequence[Block]) -> Baseline:
    """What blocks show together."""
    names = sorted({name for block in blocks for name in block.amounts})
    return Baseline(
        frames=sum(block.frames for block in blocks),
        total=_sample([sum(block.amounts.values()) / block.frames for block in blocks]),
        latency_ms=_sample([1e3 * block.worked_s / block.frames for block in blocks]),
        amounts={
            name: _sample([block.amounts.get(name, 0.0) / block.frames for block in blocks])
            for name in names
        },
    )


def judge(
    before: Baseline, since: Baseline, errors: int, limits: ProbationLimits
) -> Verdict | None:
    """The verdict of a trial; None while it goes on. To be asked whenever a block is complete.

    Args:
        before: of the incumbent, in the same cameras.
        since: of the trial.
        errors: of the trial's network.
        limits: when and how it ends.
    """
    if errors > limits.errors:
        told = f"failed on {errors} batches, {limits.errors} are let pass"
        return Verdict(Code.PROBATION_ERRORS, told)
    is_long_enough = since.blocks >= limits.least_blocks and since.frames >= limits.least_frames
    looks = {max(2, limits.least_blocks // part) for part in _EARLY_LOOKS}
    if not is_long_enough and since.blocks not in looks:
        return None
    harm = next(_harms(before, since, limits, len(looks) + 1), None)
    if harm is not None:
        return harm
    if not is_long_enough:
        return None
    return Verdict(None, f"{_figures(before, since)}, {_latency(before, since)}")


def _harms(
    before: Baseline, since: Baseline, limits: ProbationLimits, looks: int
) -> Iterator[Verdict]:
    """What is shown to be worse, the worst first."""
    if before.blocks < 2 or since.blocks < 2:
        return
    names = [name for name, sample in before.amounts.items() if sample.mean > 0]
    level = limits.level / (looks * (len(names) + 3))
    if _is_beyond(before.total, since.total, limits.least_share, level):
        told = f"finds too little: {_figures(before, since)}"
        yield Verdict(Code.PROBATION_DETECTIONS, told)
    nothing = Sample(since.blocks, 0.0, 0.0)
    for name in names:
        other = since.amounts.get(name, nothing)
        if _is_beyond(before.amounts[name], other, limits.least_share, level):
            told = f"finds too little of {name}: {_means(before.amounts[name], other)} a frame"
            yield Verdict(Code.PROBATION_DETECTIONS, told)
    if _is_beyond(since.total, before.total, 1.0, level, limits.most_share, limits.most_more):
        told = f"finds too much: {_figures(before, since)}"
        yield Verdict(Code.PROBATION_DETECTIONS, told)
    slower = since.latency_ms, before.latency_ms
    if _is_beyond(*slower, 1.0, level, limits.latency_share, limits.latency_more_ms):
        yield Verdict(Code.PROBATION_LATENCY, f"is too slow: {_latency(before, since)}")


def _is_beyond(
    one: Sample, other: Sample, share: float, level: float, times: float = 1.0, more: float = 0.0
) -> bool:
    """Whether `share` of a mean is shown to be more than `times` another and `more`."""
    from scipy.special import stdtrit  # late: it takes longer to load than all of the settings

    difference = share * one.mean - times * other.mean - more
    spread = share**2 * one.variance / one.blocks, times**2 * other.variance / other.blocks
    together = sum(spread)
    if difference <= 0 or together == 0:
        return difference > 0
    freedom = together**2 / (
        spread[0] ** 2 / (one.blocks - 1) + spread[1] ** 2 / (other.blocks - 1)
    )
    return difference > float(stdtrit(freedom, 1 - level)) * math.sqrt(together)


def _sample(means: Sequence[float]) -> Sample:
    count = len(means)
    if not count:
        return Sample(0, 0.0, 0.0)
    mean = math.fsum(means) / count
    variance = math.fsum((one - mean) ** 2 for one in means) / (count - 1) if count > 1 else 0.0
    return Sample(count, mean, variance)


def _figures(before: Baseline, since: Baseline) -> str:
    return f"{_means(before.total, since.total)} a frame in {since.frames} frames"


def _means(before: Sample, since: Sample) -> str:
    return f"{since.mean:.3g} where the incumbent found {before.mean:.3g}"


def _latency(before: Baseline, since: Baseline) -> str:
    return f"{since.latency_ms.mean:.3g} ms a frame, the incumbent {before.latency_ms.mean:.3g}"
