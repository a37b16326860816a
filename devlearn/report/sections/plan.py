"""The plan: each arm as a list of its stages, with the keys that are read most."""

from collections.abc import Sequence
from dataclasses import dataclass

from devlearn.evidence.analysis.timeline import Span, story
from devlearn.records.schema import Keys, MatchEntry
from devlearn.report.section import Page, section

SHOWN_KEYS = ("labels", "data", "env", "lr", "schedule", "blur", "change")


@dataclass(frozen=True)
class Step:
    """A stage, with those of its keys that are shown."""

    span: Span
    shown: Keys


@dataclass(frozen=True)
class Arm:
    """An arm with its stages, in the order of life."""

    name: str
    match: MatchEntry | None
    steps: Sequence[Step]


@section("plan", title="The plan")
def plan(page: Page) -> list[Arm]:
    """Each arm's stages with their budgets and keys, as at the first point."""
    point = page.places[0].records
    return [Arm(name, point.arms[name].match, list(map(_step, spans))) for name, spans in story(point).arms.items()]


def _step(span: Span) -> Step:
    return Step(span, {key: span.keys[key] for key in SHOWN_KEYS if span.keys.get(key) not in (None, [], {})})
