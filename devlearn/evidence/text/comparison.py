"""A comparison in plain words: a sentence for each pair, and what the claim is limited to."""

from collections.abc import Collection, Mapping, Sequence

from devlearn.evidence.statistics import ALPHA, LOCATIONS
from devlearn.evidence.text.formats import (
    chance,
    level,
    listed,
    moment,
    number,
    plain,
    plural,
    rate,
    samples,
    size,
    span,
)
from devlearn.evidence.text.points import place
from devlearn.evidence.text.reasons import render_note
from devlearn.records.results import Comparison, Look, PairResult, Verdict

PHRASES: Mapping[Verdict, str] = {
    "better": "is better than",
    "worse": "is worse than",
    "equivalent": "is equivalent to",
    "identical": "is identical to",
    "undecided": "is undecided against",
    "incomplete": "isn't yet comparable with",
}
NEVER = "can't be compared with"  # what is incomplete, and would be if all jobs were done
UNLESS = ", unless some fail"
TRUSTED = ("better", "worse", "equivalent")
OF = {"mean": "difference", "median": "median difference", "iqm": "difference of the middle half"}
MENDED = (  # what is to be done about rare failures
    "More seeds lower that rate; compare.fails says what counts as a failure, besides diverging, and what rate would "
    "not matter."
)
FEW = 8  # pairs that are reported one by one; what more of them say stands in a table
STREAMS = {"init": "initial weights"}
REDRAWN = {  # what a seed draws anew, by the stream that pins it where one does
    "init": "initial weights", "labels": "labels", "order": "order", "environments": "environments",
    "actions": "action noise",
}  # fmt: skip
NEWBORNS = "random-init"  # what scenarios call the arm that is only born and schooled


def phrase(pair: PairResult) -> str:
    """What is said of a pair between its two names."""
    return NEVER if never(pair) else PHRASES[pair.suggests]


def never(pair: PairResult) -> bool:
    """Whether a pair can't be compared although all of its jobs are done, so that to resume them changes nothing."""
    done = pair.reason is not None and pair.reason.code not in ("unfinished", "failed")
    return pair.suggests == "incomplete" and done


def no_result(found: Comparison) -> str:
    """``no learner of wild has a finite result, and devlearn resume changes nothing``; nothing where each arm has one.

    Of pairs that can't be compared.
    """
    lost = [pair for pair in found.comparisons if never(pair)]
    gone = {arm for pair in lost for arm in (pair.arm, pair.against) if _gone(found, pair, arm)}
    if not gone:
        return ""
    who = [arm for arm in found.arms if arm in gone]
    names = f"{' or '.join(who)} has" if len(who) <= FEW else f"{len(who)} arms has"
    return f"no learner of {names} a finite result, and devlearn resume changes nothing"


def _gone(found: Comparison, pair: PairResult, arm: str) -> bool:
    """Whether no learner of an arm of a pair that can't be compared has a finite value."""
    own = found.arms.get(arm)
    if pair.reason is not None and pair.reason.code == "never_finite":
        return True
    return own is not None and (own.diverged == own.seeds or all(value is None for value in own.values.values()))


def sentences(found: Comparison) -> list[str]:
    """A sentence for each pair of a point."""
    return [f"{place(found.point)}{sentence(pair, found)}" for pair in found.comparisons]


def look_of(look: Look) -> str:
    """``look 1 of 3``, of a planned one."""
    return f"look {(look.index or 0) + 1} of {len(look.looks)}"


def one_draw(pin: Sequence[str]) -> str:
    """``for this one draw of labels and initial weights``."""
    return f"for this one draw of {listed([STREAMS.get(name, plain(name)) for name in pin])}"


def claim(found: Comparison) -> str:
    """What the verdicts of a point are about, in one sentence: the report's claim."""
    compared = [pair for pair in found.comparisons if not never(pair)]
    counted = [(one.n, one.seeds) for one in compared or found.arms.values() if one.n]
    many = samples(*min(counted, key=lambda one: one[0], default=(0, 0)))
    redrawn = listed([words for stream, words in REDRAWN.items() if stream not in found.pin])
    fixed = f"; {one_draw(found.pin)}, the same for all seeds" if found.pin else ""
    return f"{many}; each seed redraws {redrawn}, and the verdicts speak for all such draws{fixed}."


def means(found: Comparison) -> str:
    """The two means of a point's only pair, or of its first where that is against newborns; else nothing."""
    pair, *others = found.comparisons or (None,)
    if pair is None or pair.means is None or never(pair) or (others and pair.against != NEWBORNS):
        return ""
    one, other = (number(mean, found.unit) for mean in pair.means)
    what = f"{found.probe} {plain(found.metric)} {moment(found.at)}"
    return f"{what}: {pair.arm} {one}, {pair.against} {other}."


def limits(found: Comparison, rare: bool = True) -> list[str]:
    """What a reader has to keep in mind of all verdicts of a point: pinned draws, planned looks, lineages.

    ``rare``: failures that nobody saw, too; false where that has been said.
    """
    limits = []
    if found.pin:
        limits.append(f"The claim holds {one_draw(found.pin)}, the same for all seeds; of other draws it says nothing.")
    if found.look:
        looks = listed([str(n) for n in found.look.looks])
        this = f"this is {look_of(found.look)}" if found.look.planned else "this is none of them"
        share = f"{found.alpha:g} / {found.looks}"
        limits.append(f"Looks are planned at {looks} seeds, each at {share}, and {this}; p and intervals allow for it.")
    if rare and (text := unseen(found.comparisons)):
        limits.append(f"Unless some fail: {text}. A mean may be undone by rare failures that nobody saw. {MENDED}")
    if any(pair.n < pair.seeds for pair in found.comparisons):
        limits.append(
            "Seeds that share what was learned once, or that differ in nothing, are one lineage: averaged, and n "
            "counts lineages."
        )
    return limits


def qualifiers(pair: PairResult, found: Comparison, told: bool = False) -> list[str]:
    """What belongs to a pair's word wherever it stands: unpaired, fragile, maybe small, unless some fail (or who did).

    Unpaired is said where an environment has made it so.

    ``told``: that some may fail has been said of all pairs at once.
    """
    words = ["unpaired"] if pair.undetermined else []
    words += ["fragile"] if pair.fragile and not unreachable(pair, found) else []
    if smaller_possible(pair, found):
        words.append("maybe small")
    if gone := failed(pair):
        words.append(f"{gone} failed")
    elif pair.unless is not None and not told:
        words.append(f"unless {rate(pair.unless)} fail")
    return words


def failed(pair: PairResult) -> int:
    """How many learners of a pair failed, of a verdict that would hold unless some do; 0 where nobody did."""
    gone = pair.failures
    return gone.arm + gone.against if gone and pair.unless is not None else 0


def wholly_failed(pair: PairResult) -> bool:
    """Whether a verdict holds one side's learners against the value that failed ones count with, and nothing else."""
    gone = pair.failures
    return gone is not None and pair.suggests in TRUSTED and gone.n in (gone.arm, gone.against)


def unless(pair: PairResult) -> float | None:
    """The rate of failures that nobody saw and that would undo a verdict; None where there is none, or some failed."""
    return None if failed(pair) else pair.unless


def unreachable(pair: PairResult, found: Comparison) -> bool:
    """Whether so few seeds can't reach significance, whatever the difference."""
    if pair.suggests != "undecided" or not pair.test.paired:
        return False
    return LOCATIONS[found.of].smallest_p(pair.n) * found.family * found.looks > ALPHA


def word(pair: PairResult, found: Comparison) -> str:
    """The verdict with what belongs to it: ``better (fragile, unless 17 % fail)``."""
    more = qualifiers(pair, found)
    return f"{pair.verdict} ({', '.join(more)})" if more else pair.verdict


def smaller_possible(pair: PairResult, found: Comparison) -> bool:
    """Whether a difference was found that may be smaller than the smallest effect."""
    return bool(found.smallest_effect) and pair.suggests in ("better", "worse") and not pair.beyond_smallest_effect


def unseen(pairs: Sequence[PairResult]) -> str:
    """``16 seeds can't exclude that up to 18 % do``, of pairs that hold unless some fail and none has; else nothing."""
    rates = [(above, samples(pair.n, pair.seeds)) for pair in pairs if (above := unless(pair)) is not None]
    if not rates:
        return ""
    highest, many = max(rates)
    return f"{many} can't exclude that up to {rate(highest)} do"


def which_p(words: Collection[Verdict]) -> str:
    """Which test a table's p is of, where some of its ``words`` are equivalent; else nothing."""
    of_that = "p beside equivalent is of equivalence, of two one-sided tests"
    return f"{of_that}; beside any other word, of a difference." if "equivalent" in words else ""


def sentence(pair: PairResult, found: Comparison) -> str:
    """One pair: the verdict, the two means, the difference with its interval, p, and what is left open."""
    start = f"{pair.arm} {phrase(pair)} {pair.against}{UNLESS * (unless(pair) is not None)}"
    if pair.reason and pair.suggests == "incomplete":
        return f"{start}: {render_note(pair.reason)}."
    what = f"{found.probe} {plain(found.metric)} {moment(found.at)}"
    means = " against ".join(number(mean, found.unit) for mean in pair.means or ())
    many = samples(pair.n, pair.seeds)
    if pair.suggests == "identical":
        return f"{start}: {what} {means}, every value exactly the same in both, {many}."
    low, high = pair.interval
    if low is None or high is None:
        ends = f"no interval: {many} can't reach significance"
    else:
        ends = f"{level(pair.level)} interval {span(low, high, found.unit)}{_alone(pair, found)}"
    gap = f"{OF[found.of]} {number(pair.difference, found.unit, sign=True)} ({ends})"
    after = f"{_remark(pair, found)}{_trust(pair, found)}{_more(pair, found)}"
    return f"{start}: {what} {means}, {gap}, {_p(pair, found)}, {many}.{after}"


def _alone(pair: PairResult, found: Comparison) -> str:
    """The interval of a pair that is one of a family, taken alone."""
    low, high = pair.interval_alone
    if found.family == 1 or low is None or high is None:
        return ""
    return f"; alone, at {level(1 - found.alpha / found.looks)}, {span(low, high, found.unit)}"


def _trust(pair: PairResult, found: Comparison) -> str:
    """Why a word is fragile, and what came of failures."""
    weak = pair.fragile and not unreachable(pair, found)
    text = f" Fragile: {'; '.join(map(render_note, pair.fragile))}." if weak else ""
    gone = pair.failures
    if gone and (gone.arm or gone.against):
        text += f" Failed: {gone.arm} of {gone.n} of {pair.arm}, {gone.against} of {pair.against}"
        text += "" if gone.p is None else f" (p = {chance(gone.p)} for unequal rates)"
        if gone.alive and gone.alive.difference is not None:
            low, high = gone.alive.interval
            ends = "no interval" if low is None or high is None else span(low, high, found.unit)
            alive = number(gone.alive.difference, found.unit, sign=True)
            text += f"; of the {gone.alive.n} pairs of which neither did, the difference is {alive} ({ends})"
        text += ", and count with the worst value." if wholly_failed(pair) else "."
    if gone and gone.accepted is not None and gone.bound <= gone.accepted and pair.suggests in TRUSTED:
        text += f" At most {rate(gone.bound)} fail (95 %), and {rate(gone.accepted)} is accepted."
    return text


def _p(pair: PairResult, found: Comparison) -> str:
    shared = sharing(found)[found.family == 1 :]
    after = f" after adjustment for {listed(shared)}" if shared else ""
    what = " for equivalence" if pair.suggests == "equivalent" else ""
    return f"p = {chance(pair.p_of(pair.suggests)[1])}{what}{after}"


def sharing(found: Comparison) -> list[str]:
    """What shares the alpha: ``1 comparison``; ``5 comparisons``, ``3 looks``."""
    return [plural(found.family, "comparison"), *([f"{found.looks} looks"] if found.looks > 1 else [])]


def _remark(pair: PairResult, found: Comparison) -> str:
    small = size(found.smallest_effect, found.unit)
    if pair.suggests == "equivalent":
        return f" {_within(pair, found)}{', though reliably not zero' * bool(pair.reliably_nonzero)}."
    if pair.suggests == "undecided":
        return _open(pair, found)
    if not found.smallest_effect:
        return ""
    low, high = pair.interval
    over = low is not None and high is not None and low <= 0 <= high
    steps = " Holm's steps tell apart what the joint interval, a plain Bonferroni's, leaves open." * over
    if pair.beyond_smallest_effect:
        return f" The whole interval lies beyond the smallest effect of interest, {small}."
    return (
        f"{steps} That it is {pair.suggests} by less than the smallest effect of interest, {small}, can't be excluded."
    )


def _within(pair: PairResult, found: Comparison) -> str:
    """What two one-sided tests found. The interval that is printed is two-sided: its ends may lie beyond theirs."""
    low, high = pair.interval
    small = size(found.smallest_effect, found.unit)
    if low is not None and high is not None and max(-low, high) < found.smallest_effect:
        return f"Any difference is smaller than {small}"
    wider = f", which the {level(pair.level)} interval, a two-sided one, reaches beyond"
    return f"Two one-sided tests put the difference within {small}{wider}"


def _open(pair: PairResult, found: Comparison) -> str:
    """What an undecided pair would take."""
    if pair.reason:
        return f" Not decidable: {render_note(pair.reason)}."
    if unreachable(pair, found):
        shared = listed([samples(pair.n, pair.seeds), *sharing(found)])
        return f" {shared} can't reach significance, whatever the difference."
    if pair.seeds_needed is None:
        return ""
    things = "seeds" if pair.n == pair.seeds else "lineages"
    return f" A difference as large as this one would take about {pair.seeds_needed:,} {things} to find."


def _more(pair: PairResult, found: Comparison) -> str:
    """The other moment of a pair that was scored twice, and the interval for new images."""
    text = ""
    if pair.at_end and pair.at_best:
        matched = "with the matched arm at its best checkpoint"
        best = pair.scored == "best"
        here, there, other = (matched, "at its end", pair.at_end) if best else ("at the end", matched, pair.at_best)
        gap = number(other.difference, found.unit, sign=True)
        text = f" Scored {here}, the smaller gain; {there} the difference is {gap}."
    low, high = pair.interval_new_images or (None, None)
    if low is not None and high is not None:
        ends = span(low, high, found.unit)
        text += f" For new images as well as new seeds, the {level(pair.level)} interval is {ends}."
    return text
