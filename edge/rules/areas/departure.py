"""Who leaves the lane: the vehicle's middle is too near to one of its lines for long enough.

Where one line is not seen, it is as far from the other as the two last were. Where no line is seen,
or no width is known, nothing is known: a departure neither begins nor ends with that
frame, and one that is only suspected is forgotten after `memory_s`.

A vehicle that goes on over the line is in the next lane, near to that line still. So changing lanes
is one departure, to the side to which it began, and the next one counts from the middle.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edge.rules.areas.lanes import Lane
from edge.rules.areas.settings import DepartureRule
from edge.rules.hit import Alarm
from edge.rules.latch import NS_PER_S

_ONLY: NDArray[np.intp] = np.zeros(1, np.intp)


@dataclass(frozen=True, slots=True)
class Departure:
    """A lane is left.

    Attributes:
        is_left: to the left, at the beginning.
        place: of the vehicle's middle between the lines, from 0 at the left one to 1.
    """

    is_left: bool
    place: float


class DepartureWatch:
    """One lane-departure rule of a camera.

    Args:
        rule: its settings.
    """

    def __init__(self, rule: DepartureRule) -> None:
        self._rule = rule
        self._memory_ns = round(rule.memory_s * NS_PER_S)
        self._width = 0.0
        self._width_ns: int | None = None
        self._known_ns: int | None = None
        self._begun_left: bool | None = None
        self._alarm = self._new_alarm()

    def step(self, lane: Lane, now_ns: int, is_on: bool) -> Departure | None:
        """What is told with a frame.

        Args:
            lane: as the frame shows it.
            now_ns: time of the frame.
            is_on: the rule looks.
        """
        place = self._place(lane, now_ns)
        if place is None:
            return None
        if self._known_ns is not None and now_ns - self._known_ns > self._memory_ns:
            self._alarm.forget_pending()
            self._begun_left = None
        self._known_ns = now_ns
        gap = min(place, 1.0 - place)
        is_near = gap < self._rule.nearer_than
        is_away = gap >= self._rule.nearer_than + self._rule.margin
        if is_near and self._begun_left is None:
            self._begun_left = place < 0.5
        elif is_away:
            self._begun_left = None
        told = self._alarm.step(
            _ONLY, now_ns, np.array([[is_near and is_on]]), np.array([[is_away]])
        )
        return Departure(self._begun_left is not False, place) if told else None

    def _place(self, lane: Lane, now_ns: int) -> float | None:
        """Of the vehicle's middle, from 0 at the left line to 1 at the right one."""
        left, right = lane.left, lane.right
        if left is not None and right is not None:
            self._width, self._width_ns = right - left, now_ns
            return (self._rule.centre - left) / self._width
        if self._width_ns is None or now_ns - self._width_ns > self._memory_ns:
            return None
        if left is not None:
            return min((self._rule.centre - left) / self._width, 1.0)
        if right is not None:
            return max(1.0 - (right - self._rule.centre) / self._width, 0.0)
        return None

    def _new_alarm(self) -> Alarm:
        rule = self._rule
        return Alarm([rule], [rule.min_s], [rule.rearm_s], objects=1)
