"""A comparison in plain words: a sentence for each pair, and what the claim is limited to."""

import math
from collections.abc import Sequence

from devlearn.evidence.statistics.sign_flip import ALPHA, smallest_p
from devlearn.evidence.text.points import place
from devlearn.records.reader import Json

PHRASES = {
    "better": "is better than",
    "worse": "is worse than",
    "equivalent": "is equivalent to",
    "identical": "is identical to",
    "undecided": "can't be told from",
    "incomplete": "isn't yet comparable with",
}
FEW = 8  # pairs that are told one by one; what more of them say stands in a table
STREAMS = {"init": "initial weights"}


def sentences(body: Json) -> list[str]:
    """A sentence for each pair of a point."""
    return [f"{place(body)}{sentence(pair, body)}" for pair in body["comparisons"]]


def look_of(look: Json) -> str:
    return f"look {look['index'] + 1} of {len(look['looks'])}"


def one_draw(pin: Sequence[str]) -> str:
    return f"for this one draw of {listed([STREAMS.get(name, name.replace('_', ' ')) for name in pin])}"


def claim(body: Json) -> str:
    """What the verdicts of a point are about, in one sentence: the report's claim."""
    fixed = f"; {one_draw(body['pin'])}, the same for all seeds" if body["pin"] else ""
    counted = body["comparisons"] or list(body["arms"].values())
    many = count(min(counted, key=lambda entry: entry["n"], default={"n": 0, "seeds": 0}))
    return f"The claim is over everything that a seed draws anew, from {many}{fixed}."


def limits(body: Json) -> list[str]:
    """What a reader has to keep in mind of all verdicts of a point: pinned draws, planned looks, lineages."""
    found = []
    if body["pin"]:
        found.append(
            f"The claim holds {one_draw(body['pin'])}, the same for all seeds; of other draws it says nothing."
        )
    if body["look"]:
        found.append(_spent(body["look"], body["alpha"]))
    if any(pair["n"] < pair["seeds"] for pair in body["comparisons"]):
        found.append(
            "Seeds that share what was learned once, or that differ in nothing, are one lineage: averaged, and n "
            "counts lineages."
        )
    return found


def _spent(look: Json, alpha: float) -> str:
    looks = listed([str(n) for n in look["looks"]])
    this = f"this is {look_of(look)}" if look["planned"] else "this is none of them"
    share = f"{alpha:g} / {len(look['looks'])}"
    return f"Looks are planned at {looks} seeds, each at {share}, and {this}; p and intervals allow for it."


def count(entry: Json) -> str:
    """``16 seeds``, or ``4 lineages (16 seeds)`` where seeds share what was learned."""
    if entry["n"] == entry["seeds"]:
        return f"{entry['n']} seed{'s' * (entry['n'] != 1)}"
    return f"{entry['n']} lineage{'s' * (entry['n'] != 1)} ({entry['seeds']} seeds)"


def listed(things: Sequence[str]) -> str:
    """``a``, ``a and b``, ``a, b and c``."""
    return things[0] if len(things) == 1 else f"{', '.join(things[:-1])} and {things[-1]}"


def sentence(pair: Json, body: Json) -> str:
    """One pair: the verdict, the two means, the difference with its interval, p, and what is left open."""
    word = pair["suggests"]
    start = f"{pair['arm']} {PHRASES[word]} {pair['against']}"
    if word == "incomplete":
        return f"{start}: {pair['reason']}."
    what = f"{body['probe']} {body['metric'].replace('_', ' ')} {moment(body['at'])}"
    means = " against ".join(show(mean, body) for mean in pair["means"])
    if word == "identical":
        return f"{start}: {what} {means}, every value exactly the same in both, {count(pair)}."
    gap = f"difference {show(pair['difference'], body, sign=True)} ({_interval(pair, body)})"
    return f"{start}: {what} {means}, {gap}, {_p(pair, body)}, {count(pair)}.{_remark(pair, body)}{_more(pair, body)}"


def _more(pair: Json, body: Json) -> str:
    """The other moment of a pair that was scored twice, and the interval for new images."""
    text = ""
    if pair["at_best"]:
        other = "at_end" if pair["scored"] == "best" else "at_best"
        gap = show(pair[other]["difference"], body, sign=True)
        matched = "with the matched arm at its best checkpoint"
        here, there = (matched, "at its end") if pair["scored"] == "best" else ("at the end", matched)
        text = f" Scored {here}, the smaller gain; {there} the difference is {gap}."
    if pair["interval_new_images"] and None not in pair["interval_new_images"]:
        low, high = pair["interval_new_images"]
        text += (
            f" For new images as well as new seeds, the {level(pair)} interval is {span(low, high, body['metric'])}."
        )
    return text


def _p(pair: Json, body: Json) -> str:
    same = pair["suggests"] == "equivalent"
    p = f"p = {chance(pair['p_equivalence_adjusted' if same else 'p_adjusted'])}"
    return f"{p}{' for equivalence' * same}{_family(body)}"


def chance(p: float | None) -> str:
    """A p value: two significant digits, ``0.00031``, ``3.1e-5``."""
    if p is None:
        return "unknown"
    return f"{p:.2g}".replace("e-0", "e-")


def _family(body: Json) -> str:
    shared = sharing(body)[body["family"] == 1 :]
    return f" after adjustment for {listed(shared)}" if shared else ""


def _looks(body: Json) -> int:
    return len(body["look"]["looks"]) if body["look"] else 1


def sharing(body: Json) -> list[str]:
    """What shares the alpha: ``1 comparison``; ``5 comparisons``, ``3 looks``."""
    looks = [f"{_looks(body)} looks"] * (_looks(body) > 1)
    return [f"{body['family']} comparison{'s' * (body['family'] != 1)}", *looks]


def _interval(pair: Json, body: Json) -> str:
    low, high = pair["interval"]
    if low is None or high is None:
        return f"no interval: {count(pair)} can't reach significance"
    return f"{level(pair)} interval {span(low, high, body['metric'])}"


def level(pair: Json) -> str:
    """The level of a pair's interval: ``95 %``, ``98.33 %`` at one of three looks."""
    return f"{100 * pair['level']:.4g} %"


def span(low: float, high: float, metric: str) -> str:
    """An interval of differences: ``+0.87 to +16.38 points``."""
    return f"{number(low, metric, sign=True).removesuffix(' points')} to {number(high, metric, sign=True)}"


def _remark(pair: Json, body: Json) -> str:
    small = size(body["smallest_effect"], body["metric"])
    if pair["suggests"] == "equivalent":
        return f" Any difference is smaller than {small}{_nonzero(pair)}."
    if pair["suggests"] == "undecided":
        return _more_seeds(pair, body)
    if not body["smallest_effect"]:
        return ""
    part = "The whole" if pair["beyond_smallest_effect"] else "Not all of the"
    return f" {part} interval lies beyond the smallest effect of interest, {small}."


def _nonzero(pair: Json) -> str:
    return ", though reliably not zero" if pair["reliably_nonzero"] else ""


def _more_seeds(pair: Json, body: Json) -> str:
    if pair["reason"]:
        return f" Not decidable: {pair['reason']}."
    if "sign-flip" in pair["test"] and smallest_p(pair["n"]) * body["family"] * _looks(body) > ALPHA:
        return f" {listed([count(pair), *sharing(body)])} can't reach significance, whatever the difference."
    if pair["seeds_needed"] is None:
        return ""
    things = "seeds" if pair["n"] == pair["seeds"] else "lineages"
    return f" A difference as large as this one would take about {pair['seeds_needed']} {things} to find."


def moment(at: str | int) -> str:
    """``at the end``, ``at the best checkpoint``, ``at birth``, ``over the last stage``, ``at update 50``."""
    known = {"end": "at the end", "birth": "at birth", "area": "over the last stage", "best": "at the best checkpoint"}
    return known.get(str(at), f"at update {at} of the last stage")


def show(value: float | None, body: Json, sign: bool = False) -> str:
    """A value of the compared metric for readers: accuracies in percent, others to four significant digits."""
    return number(value, body["metric"], sign)


def number(value: float | None, metric: str, sign: bool = False) -> str:
    """A value of ``metric``; differences (``sign``) of accuracies are in points of percent."""
    if value is None or not math.isfinite(value):
        return "unknown"
    if metric == "accuracy":
        return f"{100 * value:+.2f} points" if sign else f"{100 * value:.2f} %"
    return f"{value:{'+' if sign else ''}.4g}"


def size(value: float, metric: str) -> str:
    """A distance on the scale of ``metric``, without a sign."""
    return f"{100 * value:g} point{'s' * (value != 0.01)}" if metric == "accuracy" else f"{value:.4g}"
