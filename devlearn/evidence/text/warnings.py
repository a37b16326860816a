"""Warnings in words: a sentence for each code, with what to do about it where something can be done."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from devlearn.evidence.analysis import warnings
from devlearn.evidence.analysis.worst import planned_above_chance
from devlearn.evidence.text.formats import percent, plural, samples
from devlearn.evidence.text.history import HISTORY
from devlearn.records.results import Warning_
from devlearn.records.schema import Resolved

Wanting = Sequence[Mapping[str, Any]]  # resolved.json's ``uncontrolled`` of an arm
PARTS = {
    "new_images": "the interval of {} against {} for new images",
    "stage_gain": "what stage {} bought by {}",
    "fit": "the power law of {}",
    "curve": "the curve of {}",
    "proxy": "the proxy of {}",
    "birth": "the height of {} at birth",
    "newborn": "the height of {} after its innate stages",
    "start": "the height of {} when its last stage begins",
    "area": "the area of {}",
    "curves": "the curves of {} against {}",
}


def left_out(part: str, of: Sequence[str], why: str) -> str:
    """That a side analysis is not there, and why."""
    return f"left out, {PARTS[part].format(*of)}: {why}"


def lacking(arm: str, wanting: Wanting) -> str:
    """Which controls an arm's priors ask for and no pair gives."""
    stages = dict.fromkeys(stage for one in wanting for stage in one["stages"])
    missing = ", ".join(one["control"] for one in wanting)
    return f"{arm} lacks control pairs for {' and '.join(stages)}: {missing}"


def additions(wanting: Wanting) -> dict[str, list[str]]:
    """What to add to the scenario's ``stages``, ``arms`` and ``pairs``, as lines of YAML."""
    keys = {"stages": "stage", "arms": "arm", "pairs": "pair"}
    lines = {where: list(dict.fromkeys(one[key] for one in wanting if key in one)) for where, key in keys.items()}
    return {where: found for where, found in lines.items() if found}


def _missing_controls(arm: str, wanting: Wanting) -> str:
    mend = "; ".join(f"to {where} {', '.join(lines)}" for where, lines in additions(wanting).items())
    return f"{lacking(arm, wanting)}; add {mend}"


def _seeds_added(seen: Sequence[int]) -> str:
    return (
        f"seeds were added after a verdict on {' and '.join(map(str, seen))} seeds had been seen; no p value here is "
        "corrected for that (compare.looks plans for it)"
    )


def _out_of_reach(n: int, seeds: int, family: int, looks: int, enough: int | None, smallest: float) -> str:
    comparisons = plural(family, "comparison")
    shared = f", {comparisons} and {looks} looks" if looks > 1 else f" and {comparisons}"
    mend = f"{enough} {'lineages' if n < seeds else 'seeds'} can" if enough else "declare fewer pairs"
    return (
        f"with {samples(n, seeds)}{shared} no difference can reach significance: "
        f"the smallest p that can occur, adjusted, is {smallest:.2g}; {mend}"
    )


def _tails(n: int, seeds: int, enough: int) -> str:
    return (
        f"{samples(n, seeds)}: where differences have a long tail that so few did not show, a word is false more often "
        f"than the level says; with {enough} or more the level is nearly kept (docs/calibration.md)"
    )


def _accepts_much(rate: float, n: int, failed: int) -> str:
    who = f"{failed} of {n}" if failed else f"none of {n}"
    return (
        f"compare.fails accepts that {percent(rate)} fail: where {who} did or fewer, no verdict says that it holds "
        "unless some fail, and such a rate may undo any mean; accept what would really not matter"
    )


def _accepts_little(rate: float, n: int, least: float) -> str:
    return (
        f"compare.fails accepts that {rate:.3g} of learners fail, and {n} learners can't exclude less than {least:.3g} "
        "even if none of them does: it changes nothing"
    )


def _middle_half(pairs: int) -> str:
    return (
        f"{plural(pairs, 'word')} on the middle half (compare.of: iqm): its test is an approximation, and errs in 5 to "
        "8 % where it says 5, in up to 10 where values are coarse (docs/calibration.md); the median's does not"
    )


def _diverged(arm: str, diverged: int, seeds: int, counted: bool) -> str:
    how = "counted with the probe's worst value" if counted else "and no worst value is declared for the probe"
    return f"{arm}: {diverged} of {seeds} learners diverged, {how}"


def _failed(arm: str, failed: int, seeds: int, job: str, why: str, more: int) -> str:
    others = f", and {plural(more, 'more job')} of it" * bool(more)
    return f"{arm}: {failed} of {seeds} learners ended with an error, in {job} (log.txt there){others}: {why}"


def _gate_unpassed(arms: Sequence[str], stage: str, gate: str, learners: int) -> str:
    who = f"none of {learners} learners" if learners > 1 else "its one learner never"
    return f"{', '.join(arms)}: {who} passed the gate {gate} of {stage}, which was lived for its whole budget"


def _not_finite(arm: str, measure: str, seeds: Sequence[int]) -> str:
    named = f"seed{'s' * (len(seeds) > 1)} {', '.join(map(str, seeds))}"
    return (
        f"{arm}: {measure} of {named} is not a finite number although no divergence is on record; it "
        "counts with the probe's worst value; look into the probe"
    )


def _shared_seeds(arm: str, against: str, common: int) -> str:
    return (
        f"{arm} and {against} hold {common} seeds in common, whose draws they share, and "
        "Welch's test takes them as independent; give both the same seeds, or none in common"
    )


def _common_seeds(common: int, runs: Mapping[str, int]) -> str:
    each = ", ".join(f"{seeds} of {run}" for run, seeds in runs.items())
    return f"pairs are made of the {plural(common, 'seed')} that all runs hold ({each})"


def _seeds_apart(runs: Sequence[str]) -> str:
    return f"{' and '.join(runs)} have no seed in common: their learners are not paired (Welch)"


def _match_unseen(arms: Sequence[str], by: Sequence[str]) -> str:
    return (
        f"{', '.join(arms)}: matched by {' or '.join(by)} and scored by the area, which ends with the shorter budget, "
        "so the match has no effect there; declare compare.at: end, or read it with --at end"
    )


def _scored_at_end(arm: str, several: bool, matched_too: str | None, selected: bool) -> str:
    if several:
        mend = "over several runs all arms are scored at the same moment; --at best scores all there"
    elif matched_too:
        mend = (
            f"{matched_too} is matched too, so both are scored at the same moment; compare.at: best scores both there"
        )
    else:
        mend = "no best checkpoint of it is on record" if selected else "declare compare.select"
    return (
        f"{arm} is matched and scored at its end only: if it overfits there, the other arm's gain is too large; {mend}"
    )


def _no_control(arm: str) -> str:
    return (
        f"{arm} is compared only with arms that computed less: it has no control pair, so a benefit may come from the "
        "extra computation alone; add a pair against an arm of matched compute or a shuffled one"
    )


def _not_inherited(stage: str, weights: Sequence[str]) -> str:
    return (
        f"stage {stage} does not inherit {', '.join(weights)}: no such weights are in its files, and they stay as they "
        f"were; give the scenario the genome's brain, or write what is meant as 'only' of {stage}"
    )


def undetermined(env: str) -> str:
    """That pairs can't be paired for an environment, and what to mend."""
    return (
        f"the seed of {env} does not decide what it shows: two copies, reset with one seed and given the same actions, "
        "differ. Pairs that hang on it count as unpaired (Welch), and episodes that a resume cuts begin anew; draw all "
        "randomness from self.np_random"
    )


WARNINGS: dict[str, Callable[..., str]] = {
    "seeds_added": _seeds_added,
    "probes_differ": lambda probe: (
        f"these runs define the probe {probe} differently: their values may not be comparable"
    ),
    "unfinished": lambda jobs: f"not finished: {', '.join(jobs)}",
    "few": lambda n, seeds, fewest: f"{samples(n, seeds)}: fewer than {fewest} leave most real differences undecided",
    "tails": _tails,
    "accepts_much": _accepts_much,
    "accepts_little": _accepts_little,
    "middle_half": _middle_half,
    "out_of_reach": _out_of_reach,
    "diverged": _diverged,
    "failed": _failed,
    "common_seeds": _common_seeds,
    "seeds_apart": _seeds_apart,
    "gate_unpassed": _gate_unpassed,
    "not_finite": _not_finite,
    "shared_seeds": _shared_seeds,
    "match_unseen": _match_unseen,
    "scored_at_end": _scored_at_end,
    "missing_controls": _missing_controls,
    "no_control": _no_control,
    "not_inherited": _not_inherited,
    "left_out": left_out,
    "undetermined": undetermined,
    "restarted": lambda env, arms: (
        f"{', '.join(arms)}: the run was resumed, and episodes of {env} that it had cut began anew"
    ),
    **HISTORY,
}


def _rendered(found: Sequence[Warning_]) -> list[str]:
    return [WARNINGS[one.code](**one.fields) for one in found]


def missing_controls(plan: Resolved) -> list[str]:
    """What a scenario's own pairs leave open, arm by arm, before anything is trained."""
    return _rendered(warnings.uncontrolled(plan))


def undecidable(plan: Resolved) -> list[str]:
    """That no declared pair of a plan can come to a verdict, if so."""
    return _rendered(warnings.undecidable(plan))


def few_seeds(plan: Resolved) -> list[str]:
    """That the pairs of a plan will mostly stay undecided, for they have few seeds, if so."""
    return _rendered(warnings.few_seeds(plan))


def not_inherited(plan: Resolved) -> list[str]:
    """Which weights of a brain are no part of the genome that its learners are born from."""
    return _rendered(warnings.not_inherited(plan))


def worst_above_chance(plan: Resolved) -> list[str]:
    """That a learner which diverges would count as better than one that guesses, if so."""
    return _rendered(planned_above_chance(plan))


def accepted_failures(plan: Resolved) -> list[str]:
    """That a plan accepts more failures than a verdict should be silent about, or fewer than it can see, if so."""
    return _rendered(warnings.accepted_failures(plan))


def unscored_matches(plan: Resolved) -> list[str]:
    """That a plan's own pairs are scored by an area that can't see what a match adds, if they are."""
    return _rendered(warnings.unscored_matches(plan))
