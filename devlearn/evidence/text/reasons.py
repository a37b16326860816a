"""Why a verdict is exploratory or open, and why something has no answer: a sentence for each code."""

from collections.abc import Callable, Sequence

from devlearn.evidence.text.formats import chance, listed
from devlearn.evidence.text.history import STANDING
from devlearn.evidence.text.warnings import WARNINGS, left_out
from devlearn.records.results import Note, Standing, Warning_


def render_note(note: Note) -> str:
    """What a warning, a reason or a standing says."""
    sentences = WARNINGS if isinstance(note, Warning_) else STANDING if isinstance(note, Standing) else REASONS
    return sentences[note.code](**note.fields)


def _unfinished(jobs: Sequence[str]) -> str:
    return f"not finished: {', '.join(jobs)}"


def _no_worst(measure: str, learners: Sequence[str]) -> str:
    return f"{measure} declares no 'worst' value for learners that diverged: {', '.join(learners)}"


def _unscored(heirs: Sequence[tuple[str, str, Sequence[int], int]]) -> str:
    each = [
        f"{heir} takes from {giver}, which diverged in {len(seeds)} of {of} seeds ({', '.join(map(str, seeds))})"
        for heir, giver, seeds, of in heirs
    ]
    return (
        f"{'; '.join(each)}: these learners have no value and never will; see that the giver learns, as by a lower lr"
    )


def _unplanned_count(seeds: int, looks: Sequence[int]) -> str:
    return f"{seeds} seeds are not one of the planned looks, {', '.join(map(str, looks))}"


def _unplanned_seeds(seeds: int) -> str:
    return f"the planned look at {seeds} takes the seeds 0 to {seeds - 1}, and these are others"


def _few_passages(n: int, pairs: int, fewest: int, share: float) -> str:
    return (
        f"the passage is on record for {n} of {pairs} pairs; it takes {fewest} and {100 * share:.0f} % of them. "
        "Declare levels that all learners pass, or measure more often"
    )


def _schedule(stage: str, arm: str, schedule: str) -> str:
    return f"the learning rate of {stage} of {arm} follows a {schedule} schedule; make it constant"


def _changing(stage: str, arm: str) -> str:
    return f"{stage} of {arm} changes on the way; compare arms whose last stage stays the same"


def _one_learner(seeds: Sequence[int], word: str) -> str:
    who = f"seed{'s' * (len(seeds) > 1)} {listed([str(seed) for seed in seeds])}" if min(seeds) >= 0 else "one learner"
    return f"without {who} it would be {word}"


REASONS: dict[str, Callable[..., str]] = {
    "other_question": lambda: "not what the scenario asked",
    "several_runs": lambda: "comparisons of several runs are declared nowhere",
    "unplanned_count": _unplanned_count,
    "unplanned_seeds": _unplanned_seeds,
    "seen_unplanned": lambda seeds: f"a verdict on {seeds} seeds had been seen, which no look had planned",
    "unfinished": _unfinished,
    "failed": lambda arms, why: f"learners of {listed(arms)} ended with an error: {why}",
    "some_seeds": lambda seeds: f"only seeds {listed([str(seed) for seed in seeds])}",
    "no_worst": _no_worst,
    "unscored": _unscored,
    "never_finite": lambda measure: f"not measured, {measure} is finite for no learner of either arm",
    "nothing_differs": lambda: "nothing differs between the seeds: n = 1, so no test is possible",
    "one_lineage": lambda seeds: f"one lineage: its {seeds} seeds share what was learned once, so no test is possible",
    "one_seed": lambda: "one seed: no test is possible",
    "levels": lambda levels: f"compare.levels has {levels} levels; a hot start is known by two",
    "schedule": _schedule,
    "changing": _changing,
    "few_passages": _few_passages,
    "out_of_reach": lambda n: f"{n} seeds can't reach significance",
    "unknown_value": lambda: "a learner diverged and no 'worst' value is declared for it",
    "no_error": lambda measure: f"{measure} has no error: only shares and lower-is-better metrics have one",
    "few_points": lambda fewest, points: f"a power law takes {fewest} points of different size; there are {points}",
    "zero_size": lambda: "a point has size 0, which has no logarithm",
    "few_seeds": lambda n: f"an interval takes 2 seeds that every point has; there are {n}",
    "zero_error": lambda: "a learner's error is 0, which has no logarithm",
    "few_moments": lambda moments, fewest: f"{moments} moments on record; a curve takes {fewest}: set `every`",
    "flat": lambda: "no learner has a curve that is known and moves",
    "left_out": left_out,
    "one_learner": _one_learner,
    "lopsided": lambda p: f"the differences are lopsided, and a test that allows for it has p = {chance(p)}",
    "unpaired_location": lambda of: f"compare.of {of} takes arms that are paired seed by seed; compare their means",
}
