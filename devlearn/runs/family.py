"""All questions that published studies ask of one set of images, as one family: docs/explanation/all-questions.md."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from devlearn.evidence.statistics import ALPHA, holm, smallest_p
from devlearn.evidence.text.points import setting
from devlearn.records.published import StudyPair, StudyPoint, read, studies
from devlearn.scenario import Scenario, load, points

UNKNOWN, OUT_OF_REACH = "not on record", "out of reach"


@dataclass(frozen=True)
class Question:
    """A pair of a study. ``p`` and ``same`` are adjusted over all questions: of a difference, and of equivalence.

    ``reachable``: whether its word would be kept if its p were the smallest that so many seeds can show.
    """

    study: str
    point: StudyPoint
    pair: StudyPair
    p: float | None
    same: float | None
    reachable: bool

    @property
    def where(self) -> str:
        """The point of ``vary``, and what was asked where that is not the declared question."""
        other = f"{self.point.probe} {self.point.metric}, {self.point.at}" if self.point.exploratory else ""
        return ", ".join(filter(None, [setting(self.point.point), other]))

    @property
    def holds(self) -> str:
        """Whether the word holds over all questions: yes, no, or why that can't be said; "" where it claims nothing."""
        pair = self.pair
        if pair.verdict in ("better", "worse"):
            return self._kept(pair.p, self.p)
        if pair.verdict == "equivalent":
            return self._kept(pair.p_equivalence, self.same)
        return "yes" if pair.verdict == "identical" else ""

    def _kept(self, own: float | None, over_all: float | None) -> str:
        if own is None or over_all is None:
            return UNKNOWN
        if over_all <= ALPHA:
            return "yes"
        return "no" if self.reachable else OUT_OF_REACH


@dataclass(frozen=True)
class Family:
    """``questions`` are those whose answers are on record; ``waiting`` {study: how many it declares besides}."""

    questions: tuple[Question, ...]
    waiting: dict[str, int]


def family(split: str) -> Family:
    """All questions asked of a split, adjusted after Holm; those that wait for a record count with p = 1.

    Raises:
        PublishedError: a study's file is damaged.
    """
    scenarios = {name: load(study.scenario, study.overrides) for name, study in studies().items()}
    found = [one for name in studies() for one in _answered(name, scenarios[name], split)]
    waiting = {name: n for name, own in scenarios.items() if read(name) is None and (n := _declared(own, split))}
    open_ = [None] * sum(waiting.values())
    looks = [_looks(scenarios[name]) for name, _, _ in found]
    different = [*_each([pair.p for _, _, pair in found], looks), *open_]
    same = [*_each([pair.p_equivalence for _, _, pair in found], looks), *open_]
    adjusted = zip(found, holm(different), holm(same), strict=False)
    questions = []
    for i, (one, p, q) in enumerate(adjusted):
        equivalent = one[2].verdict == "equivalent"
        least = smallest_p(one[2].n) / (1 + equivalent) * looks[i]  # equivalence is of one-sided tests
        best = holm([least if j == i else other for j, other in enumerate(same if equivalent else different)])[i]
        questions.append(Question(*one, p, q, best is not None and best <= ALPHA))
    return Family(tuple(questions), waiting)


def _answered(name: str, scenario: Scenario, split: str) -> Iterator[tuple[str, StudyPoint, StudyPair]]:
    """(study, point, pair) of every answer on record that was read off the split."""
    result = read(name)
    for point in result.points if result else ():
        if split in _splits(scenario, point.probe):
            yield from ((name, point, pair) for pair in point.pairs)


def _declared(scenario: Scenario, split: str) -> int:
    """How many questions a scenario declares of the split."""
    asked = scenario.compare
    if asked is None or split not in _splits(scenario, asked.probe):
        return 0
    return len(asked.pairs) * len(points(scenario))


def _splits(scenario: Scenario, probe: str) -> tuple[str, ...]:
    """The data splits that what is compared reads; of a matrix all probes of its skills."""
    skills = scenario.compare.matrix.skills.values() if scenario.compare and scenario.compare.matrix else ()
    names = [probe] if probe in scenario.probes else [skill.partition(".")[0] for skill in skills]
    return tuple(split for name in names for split in scenario.probes[name].splits())


def _looks(scenario: Scenario) -> int:
    return len((scenario.compare.looks if scenario.compare else None) or (0,))


def _each(ps: Sequence[float | None], looks: Sequence[int]) -> list[float | None]:
    return [None if p is None else min(1.0, p * times) for p, times in zip(ps, looks, strict=True)]
