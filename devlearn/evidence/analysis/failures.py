"""Which learners failed, and what a pair comes to as an outcome of its own and without them.

A learner failed that had diverged when it was scored, or whose value is not finite or beyond the threshold that the
scenario declares. Where seeds share what was learned a lineage failed of which any learner did.
"""

from dataclasses import dataclass, replace

import numpy as np

from devlearn.evidence.analysis.pairing import Groups, Side, averaged, lineages
from devlearn.evidence.analysis.values import Measure, values
from devlearn.records.reader import ArmRecords, LearnerRecord
from devlearn.records.results import At
from devlearn.records.schema import CompareFails


@dataclass(frozen=True)
class Failed:
    """Who failed of a pair: flags (n,) of each side, and the values (m,) of the pairs of which neither did.

    Of an unpaired pair the flags are those of each side's own lineages, and nothing is paired.
    """

    arm: tuple[bool, ...]
    against: tuple[bool, ...]
    x: tuple[float, ...]
    y: tuple[float, ...]

    @property
    def any(self) -> bool:
        """Whether anybody failed."""
        return any(self.arm) or any(self.against)


def failed_seeds(
    arm: ArmRecords, what: Measure, at: At, until: int | None, rule: CompareFails | None
) -> frozenset[int]:
    """The seeds of the learners that failed, of those that are done."""
    found = values(arm, replace(what, worst=None), at, until)
    return frozenset(seed for seed, value in found.items() if _failed(arm.lives[seed], value, rule))


def _failed(life: LearnerRecord, value: float | None, rule: CompareFails | None) -> bool:
    """Whether a learner failed; one that is unscored had no chance to."""
    return life.unscored is None if value is None else _beyond(value, rule)


def _beyond(value: float, rule: CompareFails | None) -> bool:
    if rule is None:
        return False
    return (rule.below is not None and value < rule.below) or (rule.above is not None and value > rule.above)


def failed_pair(left: Side, right: Side, gone: tuple[frozenset[int], frozenset[int]], groups: Groups | None) -> Failed:
    """Who failed of a pair. ``groups`` are its seeds by lineage where it is paired, else None."""
    (_, x), (_, y) = left, right
    if groups is None:
        own = [lineages(found, [arm]) for arm, found in (left, right)]
        flags = [_flags(group, lost) for group, lost in zip(own, gone, strict=True)]
        kept = [[_left(group, lost) for group in one] for one, lost in zip(own, gone, strict=True)]
        xs, ys = (averaged(found, [g for g in one if g]) for found, one in zip((x, y), kept, strict=True))
        return Failed(flags[0], flags[1], tuple(xs), tuple(ys))
    both = [alive for group in groups if (alive := _left(group, gone[0] | gone[1]))]
    return Failed(_flags(groups, gone[0]), _flags(groups, gone[1]), tuple(averaged(x, both)), tuple(averaged(y, both)))


def _flags(groups: Groups, lost: frozenset[int]) -> tuple[bool, ...]:
    return tuple(bool(lost.intersection(group)) for group in groups)


def _left(group: list[int], lost: frozenset[int]) -> list[int]:
    return [seed for seed in group if seed not in lost]


def only_one(failed: Failed) -> tuple[int, int]:
    """Pairs in which just the learner of ``arm`` failed, and in which just that of ``against`` did."""
    a, b = np.array(failed.arm, bool), np.array(failed.against, bool)
    return int((a & ~b).sum()), int((b & ~a).sum())
