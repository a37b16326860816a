"""All questions that published studies ask of one set of images, as one family: docs/explanation/all-questions.md."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from devlearn.evidence.statistics import ALPHA, holm
from devlearn.evidence.text.points import setting
from devlearn.records.published import StudyPair, StudyPoint, read, studies
from devlearn.scenario import Scenario, load, points


@dataclass(frozen=True)
class Question:
    """A pair of a study. ``p`` and ``same`` are adjusted over all questions: of a difference, and of equivalence."""

    study: str
    point: StudyPoint
    pair: StudyPair
    p: float | None
    same: float | None

    @property
    def where(self) -> str:
        """The point of ``vary``, and what was asked where that is not the declared question."""
        other = f"{self.point.probe} {self.point.metric}, {self.point.at}" if self.point.exploratory else ""
        return ", ".join(filter(None, [setting(self.point.point), other]))

    @property
    def survives(self) -> str:
        """Whether the word holds over all questions; "" where it claims nothing."""
        if self.pair.verdict == "identical":
            return "yes"
        if self.pair.verdict == "equivalent":
            return "not on record" if self.pair.p_equivalence is None else _yes(self.same)
        return _yes(self.p) if self.pair.verdict in ("better", "worse") else ""


def _yes(p: float | None) -> str:
    return "yes" if p is not None and p <= ALPHA else "no"


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
    different = holm([*_each([pair.p for _, _, pair in found], looks), *open_])
    same = holm([*_each([pair.p_equivalence for _, _, pair in found], looks), *open_])
    questions = (Question(*one, p, q) for one, p, q in zip(found, different, same, strict=False))
    return Family(tuple(questions), waiting)


def _answered(name: str, scenario: Scenario, split: str) -> Iterator[tuple[str, StudyPoint, StudyPair]]:
    """(study, point, pair) of every answer on record that was read off the split."""
    result = read(name)
    for point in result.points if result else ():
        if split in scenario.probes[point.probe].splits():
            yield from ((name, point, pair) for pair in point.pairs)


def _declared(scenario: Scenario, split: str) -> int:
    """How many questions a scenario declares of the split."""
    asked = scenario.compare
    if asked is None or split not in scenario.probes[asked.probe].splits():
        return 0
    return len(asked.pairs) * len(points(scenario))


def _looks(scenario: Scenario) -> int:
    return len((scenario.compare.looks if scenario.compare else None) or (0,))


def _each(ps: Sequence[float | None], looks: Sequence[int]) -> list[float | None]:
    return [None if p is None else min(1.0, p * times) for p, times in zip(ps, looks, strict=True)]
