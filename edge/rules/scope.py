"""Whom rules watch and when, and where and when their hysteresis lets go: R rules as arrays."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edge.rules.fields import ANCHORS
from edge.rules.kinds import AnyRule
from edge.rules.latch import nanoseconds
from edge.rules.objects import F64, Sight
from edge.rules.schedule import Schedules


@dataclass(frozen=True, slots=True, eq=False)
class Scope:
    """What R rules have in common.

    Attributes:
        anchor: (R,) index into `ANCHORS`.
        includes: (R, C) True where the rule watches the class.
        min_confidence: (R, 1).
        margin: (R, 1) shares of the picture.
        min_ns: (R, 1) int64.
        schedules: when each looks.
        is_whole: every rule watches every object.
        excludes: (R, 1), for which rules nobody is there who is stationary; None: for none.
    """

    anchor: NDArray[np.intp]
    includes: NDArray[np.bool_]
    min_confidence: F64
    margin: F64
    min_ns: NDArray[np.int64]
    schedules: Schedules
    is_whole: bool
    excludes: NDArray[np.bool_] | None

    @classmethod
    def of(cls, rules: Sequence[AnyRule], classes: Sequence[str]) -> "Scope":
        """The scope of rules, for a model's classes."""
        includes = [
            [not rule.classes or name in rule.classes for name in classes] for rule in rules
        ]
        excludes = [getattr(rule, "stationary", "include") == "exclude" for rule in rules]
        return cls(
            np.array([ANCHORS.index(rule.anchor) for rule in rules], np.intp),
            np.array(includes, np.bool_).reshape(len(rules), len(classes)),
            np.array([rule.min_confidence for rule in rules], np.float64).reshape(-1, 1),
            np.array([rule.margin for rule in rules], np.float64).reshape(-1, 1),
            nanoseconds([rule.min_s for rule in rules]),
            Schedules([rule.schedule for rule in rules]),
            not any(rule.classes or rule.min_confidence for rule in rules),
            np.array(excludes).reshape(-1, 1) if any(excludes) else None,
        )

    def watches(self, sight: Sight) -> NDArray[np.bool_]:
        """(R, S), True where the rule watches the object that is seen."""
        return self.includes[:, sight.class_id] & (sight.best_confidence >= self.min_confidence)
