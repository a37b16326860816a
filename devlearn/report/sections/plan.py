"""The plan: each arm as a list of its stages, with the keys that tell what they do."""

from collections.abc import Sequence
from dataclasses import dataclass

from devlearn.evidence.analysis.timeline import Span, story
from devlearn.records.schema import MatchEntry
from devlearn.report.section import Page, section
from devlearn.report.stage_keys import telling, words


@dataclass(frozen=True)
class Step:
    """A stage, with those of its keys that are shown, in words."""

    span: Span
    shown: dict[str, str]


@dataclass(frozen=True)
class Arm:
    """An arm with its stages, in the order of life."""

    name: str
    match: MatchEntry | None
    steps: Sequence[Step]


@section("plan", title="The plan", folded=True)
def plan(page: Page) -> list[Arm]:
    """Each arm's stages with their budgets and keys, as at the first point."""
    point = page.places[0].records
    return [Arm(name, point.arms[name].match, list(map(_step, spans))) for name, spans in story(point).arms.items()]


def _step(span: Span) -> Step:
    return Step(span, {key: words(value) for key, value in telling(span).items()})
