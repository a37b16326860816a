"""What would change the answer: what its verdicts hang on, as far as the records show."""

from collections.abc import Callable, Sequence
from typing import Any

from devlearn.evidence.text.comparison import MENDED, TRUSTED, never, no_result, smaller_possible, unseen
from devlearn.evidence.text.formats import listed, plural, size
from devlearn.evidence.text.reasons import render_note
from devlearn.records.results import Comparison, PairResult

MOST = 3  # pairs that are named one by one


def what_would_change(found: Comparison) -> list[str]:
    """A sentence for each thing that the verdicts of a point hang on; what seeds do not redraw, where there is none."""
    pairs = found.comparisons
    decided = [pair for pair in pairs if pair.suggests in TRUSTED]
    lines = [
        *_learners(found),
        *_seeds(found),
        *_each(decided, lambda pair: bool(pair.fragile), _fragile),
        *_each(decided, _not_for_new_images, lambda _: "new test images: with them the interval holds 0"),
    ]
    if small := [pair for pair in decided if smaller_possible(pair, found)]:
        least = size(found.smallest_effect, found.unit)
        lines.append(f"Asking for {least} or more: the difference may be smaller, {_names(small, pairs)}.")
    if unseen(decided):  # at which rate, the headline says
        lines.append(f"Rare failures that nobody saw, at the rate that can't be excluded. {MENDED}")
    return lines or (["What the seeds do not redraw: other data, brains or budgets."] if pairs else [])


def _learners(found: Comparison) -> list[str]:
    """Who has no result yet; and that to resume changes nothing where all is done and nothing can be compared."""
    pairs, lines = found.comparisons, []
    if open_ := [pair for pair in pairs if pair.suggests == "incomplete" and not never(pair)]:
        lines.append(f"Learners that have no result yet, {_names(open_, pairs)}: devlearn resume.")
    if lost := [pair for pair in pairs if never(pair)]:
        why = no_result(found) or "all jobs are done, and devlearn resume changes nothing"
        lines.append(f"Another run, {_names(lost, pairs)}: {why}.")
    return lines


def _seeds(found: Comparison) -> list[str]:
    """How many seeds could decide what is open: any difference at all, or those that were seen."""
    if not any(pair.suggests == "undecided" for pair in found.comparisons):
        return []
    short: list[Any] = [warning.fields for warning in found.warnings if warning.code == "out_of_reach"]
    if short:
        n, enough, family = short[0]["n"], short[0]["enough"], short[0]["family"]
        reach = f"from {enough} on one can" if enough else "with fewer pairs one can"
        return [
            f"More seeds: with {n} no difference can be significant after adjustment for {_family(family)}; {reach}."
        ]
    open_ = [pair for pair in found.comparisons if pair.suggests == "undecided" and pair.seeds_needed]
    if not open_:
        return []
    needed = sorted({pair.seeds_needed or 0 for pair in open_})
    if len(needed) > 1 and len(open_) <= MOST:
        each = listed([f"about {pair.seeds_needed:,} for {pair.arm} against {pair.against}" for pair in open_])
        return [f"More seeds, to find differences as large as those seen: {each}."]
    many = f"about {needed[0]:,}" if len(needed) == 1 else f"about {needed[0]:,} to {needed[-1]:,}"
    return [f"More seeds: {many} would find differences as large as those seen, {_names(open_, found.comparisons)}."]


def _family(count: int) -> str:
    return plural(count, "comparison")


def _not_for_new_images(pair: PairResult) -> bool:
    low, high = pair.interval_new_images or (None, None)
    return pair.suggests in ("better", "worse") and low is not None and high is not None and low <= 0 <= high


def _fragile(pair: PairResult) -> str:
    return "; ".join(map(render_note, pair.fragile))


def _each(
    pairs: Sequence[PairResult], which: Callable[[PairResult], bool], said: Callable[[PairResult], str]
) -> list[str]:
    """A sentence for each pair of which something holds while they are few, else how many they are."""
    found = [pair for pair in pairs if which(pair)]
    if len(found) > MOST:
        return [f"{len(found)} of {len(pairs)} decided pairs hang on little ({said(found[0])}, of {_name(found[0])})."]
    return [f"{_name(pair)}: {said(pair)}." for pair in found]


def _names(some: Sequence[PairResult], pairs: Sequence[PairResult]) -> str:
    if len(some) == len(pairs) > 1:
        return f"in all {len(pairs)} pairs"
    return listed([_name(pair) for pair in some]) if len(some) <= MOST else f"in {len(some)} of {len(pairs)} pairs"


def _name(pair: PairResult) -> str:
    return f"{pair.arm} against {pair.against}"
