"""Whom rules watch, and where and when their hysteresis lets go: R rules as arrays."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edge.rules.objects import F64, Sight
from edge.rules.settings import ANCHORS, LineRule, ZoneRule

NS_PER_S = 1_000_000_000


@dataclass(frozen=True, slots=True, eq=False)
class Scope:
    """What R rules of one kind have in common.

    Attributes:
        anchor: (R,) index into `ANCHORS`.
        includes: (R, C) True where the rule watches the class.
        min_confidence: (R, 1).
        margin: (R, 1) shares of the picture.
        min_ns: (R, 1) int64.
    """

    anchor: NDArray[np.intp]
    includes: NDArray[np.bool_]
    min_confidence: F64
    margin: F64
    min_ns: NDArray[np.int64]

    @classmethod
    def of(cls, rules: Sequence[ZoneRule | LineRule], classes: Sequence[str]) -> "Scope":
        """The scope of rules, for a model's classes."""
        includes = [
            [not rule.classes or name in rule.classes for name in classes] for rule in rules
        ]
        return cls(
            np.array([ANCHORS.index(rule.anchor) for rule in rules], np.intp),
            np.array(includes, np.bool_).reshape(len(rules), len(classes)),
            _column([rule.min_confidence for rule in rules]),
            _column([rule.margin for rule in rules]),
            _column([rule.min_s * NS_PER_S for rule in rules]).astype(np.int64),
        )

    def watches(self, sight: Sight) -> NDArray[np.bool_]:
        """(R, S), True where the rule watches the object that is seen."""
        return self.includes[:, sight.class_id] & (sight.best_confidence >= self.min_confidence)


def _column(values: Sequence[float]) -> F64:
    return np.array(values, np.float64).reshape(-1, 1)
