"""A comparison in plain words: a headline first, then a sentence for each pair."""

import math
from collections.abc import Sequence

from devlearn.evidence.compare import Comparison, entries
from devlearn.evidence.load import Json
from devlearn.evidence.tests import ALPHA, smallest_p

PHRASES = {
    "better": "is better than",
    "worse": "is worse than",
    "equivalent": "is equivalent to",
    "identical": "is identical to",
    "undecided": "can't be told from",
    "incomplete": "isn't yet comparable with",
}


def words(comparison: Comparison) -> list[str]:
    """The headline, then a sentence for each pair of each point."""
    found = [headline(comparison)]
    for body in entries(comparison):
        found += [f"{place(body)}{sentence(pair, body)}" for pair in body["comparisons"]]
    return found


def headline(comparison: Comparison) -> str:
    """What came out, in one or two sentences without a number."""
    bodies = entries(comparison)
    outcomes = [_outcome(body) for body in bodies]
    if len(bodies) > 1 and len(set(outcomes)) == 1:
        text = f"At all {len(bodies)} points of {listed(list(bodies[0]['point']))}: {outcomes[0]}"
    else:
        text = " ".join(f"{place(body)}{outcome}" for body, outcome in zip(bodies, outcomes, strict=True))
    return f"Exploratory, not what the scenario asked: {text}" if bodies[0]["exploratory"] else text


def place(body: Json) -> str:
    """``stages.school.labels = 10: `` where a point is varied, else nothing."""
    return "".join(f"{key} = {_short(value)}: " for key, value in body["point"].items())


def _short(value: object) -> str:
    """A varied value as it would be written in the file."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key}: {_short(entry)}" for key, entry in value.items()) + "}"
    return str(value)


def _outcome(body: Json) -> str:
    if not body["comparisons"]:
        return f"{len(body['arms'])} arm{'s' * (len(body['arms']) > 1)}, no comparison declared."
    grouped: dict[str, dict[str, list[str]]] = {}
    for pair in body["comparisons"]:
        grouped.setdefault(pair["arm"], {}).setdefault(pair["suggests"], []).append(pair["against"])
    return " ".join(f"{arm} {_clauses(verdicts)}." for arm, verdicts in grouped.items())


def _clauses(verdicts: dict[str, list[str]]) -> str:
    clauses = [f"{PHRASES[word]} {listed(verdicts[word])}" for word in PHRASES if word in verdicts]
    return listed(clauses)


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
    means = f"{_mean(pair['arm'], body)} against {_mean(pair['against'], body)}"
    if word == "identical":
        return f"{start}: {what} {means}, every value exactly the same in both, {pair['n']} seeds."
    gap = f"difference {show(pair['difference'], body, sign=True)} ({_interval(pair, body)})"
    return f"{start}: {what} {means}, {gap}, {_p(pair, body)}, {pair['n']} seeds.{_remark(pair, body)}"


def _p(pair: Json, body: Json) -> str:
    same = pair["suggests"] == "equivalent"
    p = f"p = {chance(pair['p_equivalence_adjusted' if same else 'p_adjusted'])}"
    return f"{p}{' for equivalence' * same}{_family(body)}"


def _mean(name: str, body: Json) -> str:
    return show(body["arms"][name]["mean"], body)


def chance(p: float | None) -> str:
    """A p value: two significant digits, ``0.00031``, ``3.1e-5``."""
    if p is None:
        return "unknown"
    return f"{p:.2g}".replace("e-0", "e-")


def _family(body: Json) -> str:
    return f" after adjustment for {body['family']} comparisons" if body["family"] > 1 else ""


def _interval(pair: Json, body: Json) -> str:
    low, high = pair["interval"]
    if low is None or high is None:
        return f"no interval: {pair['n']} seeds can't reach significance"
    return f"95 % interval {span(low, high, body['metric'])}"


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
    if "sign-flip" in pair["test"] and smallest_p(pair["n"]) * body["family"] > ALPHA:
        return f" {pair['n']} seeds and {body['family']} comparisons can't reach significance, whatever the difference."
    if pair["seeds_needed"] is None:
        return ""
    return f" A difference as large as this one would take about {pair['seeds_needed']} seeds to find."


def moment(at: str | int) -> str:
    """``at the end``, ``at birth``, ``over the last stage``, ``at update 50``."""
    known = {"end": "at the end", "birth": "at birth", "area": "over the last stage"}
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
