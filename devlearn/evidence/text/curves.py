"""Curve analyses in plain words: a sentence for each finding, with n, its interval and p."""

from collections.abc import Iterator

from devlearn.evidence.analysis.compare import Comparison, entries
from devlearn.evidence.text.comparison import chance, number, span
from devlearn.evidence.text.points import place
from devlearn.evidence.text.summary import headline
from devlearn.records.reader import Json

EXPLORATORY = "exploratory: "
WHY_NOT = {
    "above": "began at or above the first level",
    "never": "never reached the second",
    "coarse": "passed both between two measurements",
}
PLACES = {"birth": "at birth", "newborn": "born with its innate stages", "start": "when the last stage begins"}


def analysis_words(analysis: Json, declared: bool = False) -> list[str]:
    """The sentences of every point, then those of the fits; what the scenario didn't declare says so.

    ``declared`` leaves out what it didn't declare.
    """
    found = [(place(point), text) for point in analysis["points"] for text in _point(point, analysis)]
    found += [("", _tag("fits", analysis) + _fit(name, fit)) for name, fit in analysis["fits"].items()]
    return [start + text for start, text in found if not (declared and text.startswith(EXPLORATORY))]


def _tag(part: str, analysis: Json) -> str:
    return EXPLORATORY if analysis["exploratory"][part] else ""


def _point(point: Json, analysis: Json) -> Iterator[str]:
    metric = analysis["metric"]
    said = {
        "levels": _levels(point["levels"], metric),
        "level_pairs": (_level_pair(pair, metric) for pair in point["level_pairs"]),
        "hot_start": (_hot_start(pair, metric) for pair in point["hot_start"]),
        **{where: _places(point, where, metric) for where in PLACES},
        "area": (_height(pair, "on average over the last stage", metric) for pair in point["area"]["pairs"]),
        "bands": (_band(pair) for pair in point["bands"]),
        "proxy": (_proxy(name, found) for name, found in point["proxy"].items()),
    }
    for part, sentences in said.items():
        yield from (_tag(part, analysis) + text for text in sentences)


def level_name(level: float, metric: str) -> str:
    """A level for readers: accuracies in percent."""
    return f"{100 * level:g} %" if metric == "accuracy" else f"{level:g}"


def _levels(arms: Json, metric: str) -> Iterator[str]:
    """How many learners of each arm got to each level, and when."""
    for name, found in arms.items():
        for one in found.values():
            text = f"{one['reached']} of {one['n']} learners of {name} reached {level_name(one['level'], metric)}"
            took = one["units"]["updates"]
            if took["median"] is not None:
                text += f", half of them within {took['median']:g} updates of the last stage"
            if took["restricted_mean"] is not None:
                text += f"; {took['restricted_mean']:.4g} updates on average"
                if one["reached"] < one["n"]:
                    text += f", those who never did counting {one['until']}"
            yield f"{text}."


def _level_pair(pair: Json, metric: str) -> str:
    start = f"{pair['arm']} against {pair['against']}, updates of the last stage to {level_name(pair['level'], metric)}"
    return f"{start}, at most {pair['until']}: difference {_contrast(pair, 'updates')}."


def _contrast(pair: Json, metric: str) -> str:
    """``+3 (95 % interval +1 to +5), p = 0.01, 16 pairs``."""
    if pair["difference"] is None:
        return f"unknown, {pair['n']} pairs"
    low, high = pair["interval"]
    inside = "no interval" if low is None or high is None else f"95 % interval {span(low, high, metric)}"
    return f"{number(pair['difference'], metric, sign=True)} ({inside}), p = {chance(pair['p'])}, {pair['n']} pairs"


def _places(point: Json, where: str, metric: str) -> Iterator[str]:
    """Pairs that differ there; what the innate stages gave is not told twice."""
    told = [] if where != "newborn" else point["birth"]["pairs"] + point["start"]["pairs"]
    for pair in point[where]["pairs"]:
        if pair["interval"] != [0, 0] and pair not in told:
            yield _height(pair, PLACES[where], metric)


def _height(pair: Json, where: str, metric: str) -> str:
    return f"{pair['arm']} against {pair['against']} {where}: difference {_contrast(pair, metric)}."


def _hot_start(pair: Json, metric: str) -> str:
    start = f"{pair['arm']} against {pair['against']}, hot start or faster learning"
    if "refused" in pair:
        return f"{start}: not answered, {pair['refused']}.{_gone(pair)}"
    low, high = pair["interval"]
    way = f"from {level_name(pair['from'], metric)} to {level_name(pair['to'], metric)}"
    took = f"{way} it took {pair['ratio']:.3g} times the updates (95 % interval {low:.3g} to {high:.3g})"
    begun = f"it began {_contrast(pair['start'], metric)}"
    return f"{start}: {pair['reads']}; {took}, p = {chance(pair['p'])}, {pair['n']} pairs; {begun}.{_gone(pair)}"


def _gone(pair: Json) -> str:
    """Who could not be counted, and why."""
    parts = [
        f"{len(seeds)} of {pair[side]} {WHY_NOT[reason]}"
        for side, reasons in pair.get("not_estimable", {}).items()
        for reason, seeds in reasons.items()
        if seeds
    ]
    return f" Not counted: {', '.join(parts)}." if parts else ""


def _band(pair: Json) -> str:
    start = f"The curves of {pair['arm']} and {pair['against']}"
    if "refused" in pair:
        return f"{start} were not compared: {pair['refused']}."
    basis = f"simultaneous 95 % band over {len(pair['updates'])} moments, {pair['n']} pairs"
    if pair["differs_from"] is None:
        return f"{start} can't be told apart up to the end ({basis})."
    return f"{start} differ from update {pair['differs_from']} of the last stage on ({basis})."


def _proxy(name: str, found: Json) -> str:
    start = f"{name}: {found['proxy']} as a proxy of {found['metric']}"
    if "refused" in found:
        return f"{start}: not answered, {found['refused']}."
    low, high = found["interval"]
    ends = "no interval" if low is None else f"95 % interval {low:.2f} to {high:.2f}"
    ranks = f"rank correlation within a learner {found['spearman']:.2f} ({ends}), n = {found['n']}"
    steps = found["steps"]["only_proxy_improved"], found["late"]["only_proxy_improved"]
    alone = f"the proxy improved while the metric fell in {100 * steps[0]:.0f} % of the steps"
    late = "" if steps[1] is None else f", {100 * steps[1]:.0f} % in the late half"
    left = f" and {found['not_estimable']} not estimable" if found["not_estimable"] else ""
    return f"{start}: {ranks}{left}; {alone}{late}."


def conclusion(comparison: Comparison, analysis: Json) -> str:
    """What came out, for a headline: the verdicts, or, where no pair is declared but power laws are, those."""
    bodies = entries(comparison)
    laws = {name: fit for name, fit in analysis["fits"].items() if "refused" not in fit}
    if not laws or any(body["comparisons"] for body in bodies):
        return headline(comparison)
    return " ".join(
        f"The error of {name} changes as {fit['over']} to the power {fit['exponent']:.2f} "
        f"({fit['interval'][0]:.2f} to {fit['interval'][1]:.2f})."
        for name, fit in laws.items()
    )


def _fit(name: str, fit: Json) -> str:
    if "refused" in fit:
        return f"{name}: no power law over {fit['over']}: {fit['refused']}."
    low, high = fit["interval"]
    law = f"{name}: error = {fit['scale']:.3g} * {fit['over']}^{fit['exponent']:.3f}"
    ends = f"(exponent's 95 % interval {low:.3f} to {high:.3f})"
    basis = f"{fit['points']} points, {fit['over']} {fit['x'][0]:,g} to {fit['x'][-1]:,g}, n = {fit['n']}"
    bent = "" if fit["straight"] else "; the line is bent in logs, so the exponent is an average over this range"
    r2 = "" if fit["r2"] is None else f", R2 {fit['r2']:.3f}"
    known = fit.get("published")
    told = "" if known is None else f" Published: {known:g}, {abs(fit['exponent'] - known):.3f} from this."
    return f"{law} {ends}, {basis}{r2}{bent}.{told}"
