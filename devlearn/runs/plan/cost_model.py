"""What the yields of a stage consume, one after another, counted at plan time."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from devlearn.records.schema import FEEDBACK, KEPT
from devlearn.stages.stage import Cost, Stage

ONCE = ("labels", "label_bits", "labels_validation")
PER_YIELD = ("updates", "env_steps", "images", "flops")


@dataclass(frozen=True)
class ChangeWindow:
    """Updates of a visit, [start, end), in which every yield consumes alike; the last one has no end.

    One that is empty is the visit's first yield, where it costs otherwise and takes no updates (``Cost.first``).
    """

    stage: Stage
    cost: Cost
    start: int
    end: int | None

    @property
    def opens(self) -> bool:
        """Whether it is a first yield that costs otherwise."""
        return self.start == self.end

    @property
    def yields(self) -> float:
        """How many yields it has: the first that begins at ``end`` or later is no longer its own."""
        if self.opens:
            return 1
        return math.inf if self.end is None else -(-(self.end - self.start) // self.cost.updates)


class CostModel:
    """What the yields of a stage consume, one after another: its windows, as ``change`` makes them.

    Args:
        stage: the stage.
        cost: what a yield of a stage consumes, usually ``lambda stage: stage.cost(brain)``.

    Attributes:
        windows: in order; those that a stage's ``from`` and ``until`` leave empty are left out.
        once: the stage's own cost, of which what is ``ONCE`` is paid once, when it begins.
    """

    def __init__(self, stage: Stage, cost: Callable[[Stage], Cost]) -> None:
        self.stage = stage
        self.once = own = cost(stage)
        self.windows: list[ChangeWindow] = []
        start = 0
        for change in sorted(stage.change, key=lambda change: change.from_):
            changed = stage.with_change(change)
            start = self._open(stage, own, start, change.from_)
            start = self._open(changed, cost(changed), start, change.until)
        self._open(stage, own, start, None)
        if (first := self.windows[0].cost.first) is not None:
            self.windows.insert(0, ChangeWindow(self.windows[0].stage, first, 0, 0))

    def _open(self, stage: Stage, cost: Cost, start: int, end: int | None) -> int:
        """Add a window, unless it is empty or an endless one came before; the updates at which the next begins."""
        over = bool(self.windows) and self.windows[-1].end is None
        if over or (end is not None and end <= start):
            return start
        if end is not None:
            end = start + -(-(end - start) // cost.updates) * cost.updates
        self.windows.append(ChangeWindow(stage, cost, start, end))
        return start if end is None else end

    def at(self, updates: int, yields: int | None = None) -> ChangeWindow:
        """The window after that many updates of a visit; before its first yield where that is 0 ``yields``."""
        if yields == 0:
            return self.windows[0]
        return next(window for window in reversed(self.windows) if window.start <= updates)

    def consumes(self, unit: str) -> bool:
        """Whether every yield consumes some of a unit, a first one that costs otherwise apart."""
        return unit not in ONCE and all(getattr(window.cost, unit) > 0 for window in self.windows if not window.opens)

    def cost_of(self, yields: int) -> Cost:
        """What that many yields consume, are told at most, and leave kept, without what is paid once at the start."""
        total: dict[str, Any] = dict.fromkeys((*PER_YIELD, *FEEDBACK), 0)
        for window in self.windows:
            count = min(yields, window.yields)
            total = {unit: size + int(count) * getattr(window.cost, unit) for unit, size in total.items()}
            yields -= int(count)
        total["flops"] += self.once.closing_flops
        return Cost(**total, **{name: getattr(self.once, name) for name in KEPT})

    def yields_for(self, unit: str, size: int) -> int:
        """The number of yields after which ``size`` of a unit that they all consume has been consumed."""
        done, size = 0, size - (self.once.closing_flops if unit == "flops" else 0)
        for window in self.windows:
            spent = getattr(window.cost, unit)
            count = int(min(window.yields, -(-size // spent) if spent else 1)) if size > 0 else 0
            done, size = done + count, size - count * spent
        return done

    @property
    def planned_yields(self) -> int:
        """The number of yields that the stage's declared budget comes to; one for a stage that acts once."""
        budget = self.stage.budget()
        return 1 if budget is None else self.yields_for(*budget)
