"""Laws of ``change`` and ``pin``, over every registered stage."""

import copy
from typing import Any, get_args

import pytest
import torch
from pydantic.fields import FieldInfo

from devlearn.learners.brains import brain_builder
from devlearn.learners.cohort import Cohort
from devlearn.registry import get
from devlearn.runs.plan.changes import refusal
from devlearn.runs.plan.cost_model import CostModel
from devlearn.stages.stage import Stage
from devlearn.streams import PINNED
from devlearn.testing.drawing import Watched
from devlearn.testing.lives_before import kept_before, newborn_givers
from tests.laws.rows import ACT_RANDOMLY, BRAIN, BRAINS, STAGES, cohort_for, make, needs_of

ROWS = sorted(STAGES)
LEARN = [row for row in ROWS if row not in ACT_RANDOMLY]
TRAINED = [row for row in LEARN if make(row).units]


def watched(stage: Stage, cohort: Cohort, pin: frozenset[str] = frozenset()) -> Watched:
    """Where streams are pinned, whoever gives something is born alike for all learners too."""
    born, seeds = cohort.newborn, (PINNED,) * cohort.n if pin else cohort.seeds
    given, kept = newborn_givers(stage, born, seeds), kept_before(stage, born, seeds)
    return Watched(cohort.seeds, "row", 0, torch.device("cpu"), planned=50, artifacts=given, kept=kept, pin=pin)


def lived(stage: Stage, cohort: Cohort, yields: int, context: Watched | None = None, cut: bool = False) -> list[Any]:
    """Live a stage as the engine does, window by window; the metrics of each yield.

    ``cut``: close it at every yield, and go on from a copy of its state.
    """
    context = context or watched(stage, cohort)
    costs = CostModel(stage, lambda stage: stage.cost(cohort.member(0).to("meta")))
    state, found, updates = stage.begin(cohort, context), [], 0
    while len(found) < yields:
        window = costs.at(updates)
        generator = window.stage.segment(cohort, state, context)
        for metrics in generator:
            found.append(metrics)
            updates += window.cost.updates
            if cut or len(found) == yields or costs.at(updates) is not window:
                break
        generator.close()  # type: ignore[attr-defined]
        state = copy.deepcopy(state)
    return found


def with_change(stage: Stage, key: str, value: Any, start: int, end: int | None) -> Stage:
    return type(stage)(**{**stage.model_dump(), "change": [{"from": start, "until": end, "set": {key: value}}]})


def updates_of(row: str) -> int:
    """Updates of one yield."""
    return make(row).cost(cohort_for(row, [0]).member(0).to("meta")).updates


def evolved(stage: Stage) -> list[Stage]:
    """The stage with ancestors that learners share, who have few labels; none where there are no ancestors."""
    return [stage.model_copy(update={"lineages": 2, "labels": 20})] if hasattr(stage, "lineages") else []


@pytest.mark.parametrize("row", ROWS)
def test_the_streams_that_a_stage_draws_from_are_those_it_declares(row: str) -> None:
    kind = STAGES[row][0]
    drawn: set[str] = set()
    for other in (other for other in ROWS if STAGES[other][0] == kind):
        for stage in (make(other), *evolved(make(other))):
            cohort = cohort_for(other, (0, 1))
            context = watched(stage, cohort)
            opens = stage.cost(cohort.member(0).to("meta")).first is not None  # a replay is filled, or play comes first
            lived(stage, cohort, 2 if opens else 1, context)
            drawn |= context.drawn
    assert drawn == set(get("stages", kind).stream_names)


@pytest.mark.parametrize("row", [row for row in LEARN if get("stages", STAGES[row][0]).stream_names])
def test_with_everything_pinned_all_seeds_are_one(row: str) -> None:
    """Learners that are born alike and whose streams are all pinned stay alike; without the pin they don't."""
    stage, seeds = make(row), (0, 1, 2)
    apart: list[float] = []
    for pin in (frozenset(stage.stream_names), frozenset[str]()):
        cohort = cohort_for(row, seeds, born=(PINNED,) * 3)
        lived(stage, cohort, 2, watched(stage, cohort, pin))
        apart.append(max(float((tensor - tensor[:1]).double().abs().max()) for tensor in cohort.state().values()))
    assert apart[0] < 1e-9
    assert apart[1] > 1e-6


def _two_of_a_kind(rows: list[str]) -> list[Any]:
    """The first and the last row of every kind; the rest is for long studies."""
    kinds: dict[str, list[str]] = {}
    for row in rows:
        kinds.setdefault(STAGES[row][0], []).append(row)
    kept = {row for having in kinds.values() for row in (having[0], having[-1])}
    return [row if row in kept else pytest.param(row, marks=pytest.mark.slow) for row in rows]


@pytest.mark.parametrize("row", _two_of_a_kind(TRAINED))
def test_a_change_to_the_same_value_changes_nothing(row: str) -> None:
    stage, each = make(row), updates_of(row)
    same = with_change(stage, "lr", stage.lr, 2 * each, 4 * each)  # type: ignore[attr-defined]
    plain, changed = (cohort_for(row, (0, 1), dtype=torch.float32) for _ in range(2))
    metrics = lived(stage, plain, 6), lived(same, changed, 6)
    assert torch.equal(plain.flat, changed.flat)
    assert all(torch.equal(plain.buffers[name], changed.buffers[name]) for name in plain.buffers)
    for a, b in zip(*metrics, strict=True):
        for name in a:
            torch.testing.assert_close(a[name], b[name], rtol=0, atol=0, equal_nan=True)


@pytest.mark.parametrize("row", _two_of_a_kind(TRAINED))
def test_a_change_begins_and_ends_where_it_says(row: str) -> None:
    """Until ``from`` a life is the unchanged one; from there on it is another."""
    stage, each = make(row), updates_of(row)
    changed = with_change(stage, "lr", 0.5 * stage.lr, 2 * each, 3 * each)  # type: ignore[attr-defined]
    lives = []
    for one in (stage, changed):
        for yields in (2, 3):
            cohort = cohort_for(row, (0, 1))
            lived(one, cohort, yields)
            lives.append(torch.cat([part.double().flatten() for part in (cohort.flat, *cohort.buffers.values())]))
    assert torch.equal(lives[0], lives[2])
    assert not torch.allclose(lives[1], lives[3])


REFUSED = {
    ("play-native", "normalise_observations"): "of the brain",
    ("play-replay", "normalise_observations"): "of the brain",
    ("play-memory", "normalise_observations"): "of the brain",
    ("play-curious", "normalise_observations"): "of the brain",
    ("play-taught", "normalise_observations"): "of the brain",
    ("play-taught-numbers", "normalise_observations"): "of the brain",
    ("guess-twice", "samples"): "bought at the beginning",
    ("guess-twice", "batch"): "bought at the beginning",
}


def another(field: FieldInfo, value: Any) -> Any:
    """Another legal value, or None where none is plain."""
    words = [word for word in get_args(field.annotation) if isinstance(word, str) and word != value]
    if isinstance(value, bool):
        return not value
    if isinstance(value, int):
        return max(1, value // 2)
    if isinstance(value, float):
        return 0.9 * value + 0.05
    return words[0] if isinstance(value, str) and words else None


SLOW = ("play-discrete", "play-yoked", "play-continuous", "play-memory-continuous")  # other rows have the same keys


def _by_turns(cases: list[tuple[str, str, Any]]) -> list[Any]:
    """Every key of every kind once, its rows by turns, and all that is refused; the rest is for long studies."""
    rows: dict[tuple[str, str], list[str]] = {}
    for row, key, _ in cases:
        rows.setdefault((STAGES[row][0], key), []).append(row)
    turn = {named: having[place % len(having)] for place, (named, having) in enumerate(rows.items())}
    kept = {(row, key) for (_, key), row in turn.items()} | REFUSED.keys()
    return [case if case[:2] in kept else pytest.param(*case, marks=pytest.mark.slow) for case in cases]


CHANGES = [
    (row, key, value)
    for row, stage in ((row, make(row)) for row in TRAINED if row not in SLOW)
    for key, field in type(stage).model_fields.items()
    if key not in Stage.model_fields and key not in stage.immutable_keys
    if (value := another(field, getattr(stage, key))) not in (None, getattr(stage, key))
]


@pytest.mark.parametrize(("row", "key", "value"), _by_turns(CHANGES), ids=lambda value: str(value))
def test_every_key_that_is_not_fixed_can_change_on_the_way(row: str, key: str, value: Any) -> None:
    """Changed after two yields and back after the next; cut at every yield it is the same life. Or it is refused."""
    stage, each = make(row), updates_of(row)
    changed = stage.model_copy(update={key: value})
    brain = brain_builder(BRAINS.get(row, BRAIN), needs_of(stage))
    meta = cohort_for(row, (0,)).member(0).to("meta")
    if why := refusal(stage, changed, (stage.cost(meta), changed.cost(meta)), brain):
        assert REFUSED[row, key] in why
        return
    assert (row, key) not in REFUSED
    stage = with_change(stage, key, value, 2 * each, 2 * each + 1)
    whole, cut = (cohort_for(row, (0, 1), dtype=torch.float32) for _ in range(2))
    lived(stage, whole, 4)
    lived(stage, cut, 4, cut=True)
    assert whole.finite().all()
    assert torch.equal(whole.flat, cut.flat)
