"""The tree of lives: which stages arms share, the branches that makes, and blocks of seeds."""

import json
from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field, replace

from devlearn.runs.plan.digest import digest
from devlearn.runs.plan.gifts import giving
from devlearn.runs.plan.model import Branch, PlannedStage, PointPlan

LONGEST = 40
Block = tuple[int, ...]


@dataclass(frozen=True)
class _Member:
    """One arm at one point, on its way down the tree."""

    point: int
    arm: str
    stages: tuple[PlannedStage, ...]
    identities: tuple[str, ...]  # JSON of each stage's identity
    context: str  # JSON of what the identity takes from the scenario
    seeds: frozenset[int]

    def until(self, end: int) -> "_Member":
        """The same arm, lived so far."""
        return replace(self, stages=self.stages[:end], identities=self.identities[:end])

    def name(self, start: int, end: int) -> tuple[str, str]:
        """The folder name and the digest of the branch that lives stages ``start`` to ``end``."""
        code = digest([self.context, start, self.identities[:end]])
        return f"{_title([lived.name for lived in self.stages[start:end]])}-{code[:8]}", code


def _title(names: list[str]) -> str:
    text = "+".join(names)
    if len(text) <= LONGEST:
        return text
    ends = [name[:16] for name in (names[0], names[-1])]
    return f"{ends[0]}+{len(names) - 2}-more+{ends[1]}" if len(names) > 2 else "+".join(name[:16] for name in names)


@dataclass
class Tree:
    """Branches, parents before children, and the branch of each stage of each (point, arm, stages lived).

    An arm is lived to its end, and to each earlier stage after which it gives something to others.
    """

    branches: list[Branch] = field(default_factory=list)
    paths: dict[tuple[int, str, int], list[str]] = field(default_factory=dict)

    def grow(
        self, members: Sequence[_Member], start: int, parent: str | None, kept: Collection[tuple[str | None, str]]
    ) -> None:
        """Add the branches below ``parent`` for members that agree in their first ``start`` stages."""
        groups: dict[tuple[str, int], list[_Member]] = defaultdict(list)
        free: dict[str, list[_Member]] = defaultdict(list)
        for member in members:
            if len(member.stages) == start:
                continue
            end = _kept_end(member, start, parent, kept)
            if end is None:
                free[member.context + member.identities[start]].append(member)
            else:
                groups[member.name(start, end)[0], end].append(member)
        for alike in free.values():
            end = _shared_end(alike, start)
            groups[alike[0].name(start, end)[0], end] += alike
        for (name, end), alike in sorted(groups.items(), key=lambda group: _order(group[1])):
            self._add(name, alike, start, end, parent)
            self.grow(alike, end, name, kept)

    def _add(self, name: str, members: Sequence[_Member], start: int, end: int, parent: str | None) -> None:
        first = members[0]
        arms = tuple(dict.fromkeys(member.arm for member in members))
        seeds = frozenset[int]().union(*(member.seeds for member in members))
        code = first.name(start, end)[1]
        self.branches.append(Branch(name, code, parent, first.stages[start:end], arms, first.point, seeds))
        for member in members:
            place = member.point, member.arm, len(member.stages)
            self.paths.setdefault(place, []).extend([name] * (end - start))


def _order(members: Sequence[_Member]) -> int:
    return min(member.point for member in members)


def _kept_end(member: _Member, start: int, parent: str | None, kept: Collection[tuple[str | None, str]]) -> int | None:
    """Where the longest branch ends that an earlier plan lives below ``parent`` and this member can use whole."""
    ends = range(len(member.stages), start, -1)
    return next((end for end in ends if (parent, member.name(start, end)[0]) in kept), None)


def _shared_end(members: Sequence[_Member], start: int) -> int:
    """Where the stages that all members share end."""
    end = start + 1
    while all(len(member.stages) > end for member in members):
        if len({member.identities[end] for member in members}) > 1:
            break
        end += 1
    return end


def tree(points: Sequence[PointPlan], kept: Collection[tuple[str | None, str]] = ()) -> Tree:
    """The tree of lives of all arms at all points. A branch ends where an arm gives something to others.

    ``kept`` are (parent, branch) of an earlier plan, to be used whole.
    """
    members = []
    for index, point in enumerate(points):
        given = list(giving(point.arms))
        context, seeds = json.dumps(point.context, sort_keys=True), frozenset(point.scenario.seeds)
        for arm in point.arms:
            identities = tuple(json.dumps(lived.identity, sort_keys=True) for lived in arm.stages)
            whole = _Member(index, arm.name, arm.stages, identities, context, seeds)
            members += [whole, *(whole.until(end) for giver, end in given if giver is arm)]
    grown = Tree()
    grown.grow(members, 0, None, kept)
    return grown


def blocks(seeds: Iterable[Sequence[int]], size: int, lived: Iterable[Block] = ()) -> list[Block]:
    """Disjoint blocks of at most ``size`` seeds that cover every sequence of ``seeds``.

    ``lived`` are blocks of an earlier plan: they stay as they are, and only new seeds make new ones.
    """
    found = list(dict.fromkeys(lived))
    for wanted in seeds:
        taken = {seed for block in found for seed in block}
        new = [seed for seed in wanted if seed not in taken]
        found += [tuple(new[start : start + size]) for start in range(0, len(new), size)]
    return found


def block_name(block: Block) -> str:
    """``seeds-0-7`` for consecutive seeds; others carry a digest."""
    if len(block) == 1:
        return f"seeds-{block[0]}"
    name = f"seeds-{block[0]}-{block[-1]}"
    consecutive = block == tuple(range(block[0], block[0] + len(block)))
    return name if consecutive else f"{name}-{digest(list(block))[:6]}"
