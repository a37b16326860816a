"""Which values of two arms are set against each other: by seed, by lineage, or unpaired."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from devlearn.evidence.analysis.values import Measure
from devlearn.evidence.statistics.sign_flip import Vector
from devlearn.records.reader import ArmRecords
from devlearn.records.results import Reason

Values = Mapping[int, float | None]
Groups = list[list[int]]
Side = tuple[ArmRecords, Values]


@dataclass(frozen=True)
class Pair:
    """One comparison before it is judged. ``why`` says why it is incomplete, or is None.

    ``x`` and ``y`` are the values of ``arm`` and ``against``, one a lineage: paired, or not (``paired``). ``groups``
    are the seeds behind each pair of values, where paired; ``seeds`` counts them, on the smaller side. ``same`` says
    that every learner has exactly the value of its partner. ``fixed`` says that nothing differs between the seeds.
    """

    arm: str
    against: str
    x: tuple[float, ...]
    y: tuple[float, ...]
    paired: bool
    why: Reason | None = None
    seeds: int = 0
    groups: tuple[tuple[int, ...], ...] = ()
    same: bool = False
    fixed: bool = False

    @property
    def n(self) -> int:
        """How many independent values there are: lineages, of the smaller side where unpaired."""
        return min(len(self.x), len(self.y))

    @property
    def differences(self) -> Vector:
        """(n,) paired differences."""
        return np.subtract(self.x, self.y)

    @property
    def size(self) -> Vector:
        """(n,) how large the numbers are that the differences were taken of: their rounding goes by it."""
        return np.abs(self.x) + np.abs(self.y)

    @property
    def difference(self) -> float:
        """Mean of ``arm`` minus mean of ``against``: of the paired differences where the seeds are paired."""
        return float(self.differences.mean() if self.paired else np.mean(self.x) - np.mean(self.y))


def lineages(seeds: Iterable[int], arms: Iterable[ArmRecords]) -> Groups:
    """``seeds`` in groups that share nothing learned: the finest partition that joins every lineage of every arm.

    Connected components: seeds that one arm's genome joins and seeds that the other arm's joins end up together, so
    the groups' mean differences are independent. A lineage's name means the same thing in all arms. Where nothing
    differs between the seeds of any arm they are one group.
    """
    seeds, arms = list(seeds), list(arms)
    if seeds and all(arm.fixed for arm in arms):
        return [seeds]
    names = [arm.lineages for arm in arms]
    group: dict[int, list[int]] = {}
    for seed in seeds:
        own = {of[seed] for of in names if seed in of}
        joined = [old for old in _distinct(group.values()) if any(of.get(s) in own for s in old for of in names)]
        merged = sorted([seed, *(s for old in joined for s in old)])
        group |= dict.fromkeys(merged, merged)
    return _distinct(group.values())


def _distinct(groups: Iterable[list[int]]) -> Groups:
    return list({id(group): group for group in groups}.values())


def averaged(found: Values, groups: Iterable[Sequence[int]]) -> list[float]:
    """The mean value of each group of seeds, whose values are known."""
    return [float(np.mean([found[seed] for seed in group])) for group in groups]


def pair(left: Side, right: Side, what: Measure, paired: bool) -> Pair:
    """The values of two arms set against each other, over the learners whose value is known.

    Paired seeds stand in the order of the arms; in ascending order where the arms have them in different ones.
    """
    (a, x), (b, y) = left, right
    known = [[seed for seed, value in found.items() if value is not None] for found in (x, y)]
    why, fixed = _missing((left, right), what), a.fixed and b.fixed
    if not paired:
        xs, ys = averaged(x, lineages(known[0], [a])), averaged(y, lineages(known[1], [b]))
        return Pair(a.name, b.name, tuple(xs), tuple(ys), False, why, min(map(len, known)), fixed=fixed)
    both = [seed for seed in known[0] if y.get(seed) is not None]
    if both != [seed for seed in known[1] if x.get(seed) is not None]:
        both.sort()
    groups = lineages(both, [a, b])
    xs, ys = averaged(x, groups), averaged(y, groups)
    same = all(x[seed] == y[seed] for seed in both)
    return Pair(a.name, b.name, tuple(xs), tuple(ys), True, why, len(both), tuple(map(tuple, groups)), same, fixed)


def _missing(sides: tuple[Side, Side], what: Measure) -> Reason | None:
    if failed := [arm for arm, _ in sides if arm.failed]:
        return Reason.of("failed", arms=[arm.name for arm in failed], why=_first_error(failed[0]))
    if unfinished := sorted({job for arm, _ in sides for job in arm.unfinished}):
        return Reason.of("unfinished", jobs=list(unfinished))
    unknown = [f"{arm.name} seed {seed}" for arm, found in sides for seed, value in found.items() if value is None]
    if not unknown:
        return None
    if unscored := [heirs for arm, _ in sides for heirs in _unscored(arm)]:
        return Reason.of("unscored", heirs=unscored)
    return Reason.of("no_worst", measure=what.label, learners=list(unknown))


def _first_error(arm: ArmRecords) -> str:
    _, why = next(iter(arm.failed.values()))
    return why.partition("\n")[0]


def _unscored(arm: ArmRecords) -> list[list[Any]]:
    """For each arm that gave nothing, as it diverged: [heir, giver, the seeds, of how many]."""
    givers: dict[str, list[int]] = {}
    for life in arm.lives.values():
        if life.unscored is not None:
            givers.setdefault(_giver(arm.stages[life.unscored].keys), []).append(life.seed)
    return [[arm.name, giver, seeds, len(arm.lives)] for giver, seeds in givers.items()]


def _giver(keys: Mapping[str, Any]) -> str:
    """The arm that a stage takes from, by its ``of`` or that of its teacher."""
    of = keys.get("of") or keys["teacher"]["of"]
    return str(of["arm"])
