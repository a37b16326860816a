"""Curve analyses in plain words: a sentence for each finding, with n, its interval and p."""

from collections.abc import Collection, Iterable, Iterator, Mapping

from devlearn.evidence.text.formats import chance, listed, number, span, threshold
from devlearn.evidence.text.points import place
from devlearn.evidence.text.reasons import render_note
from devlearn.evidence.text.summary import headline
from devlearn.records.results import (
    Agreement,
    Analyses,
    Band,
    Comparisons,
    Contrast,
    Fit,
    Gone,
    Heights,
    HotStart,
    LevelPair,
    LevelReached,
    Part,
    PointAnalyses,
    RefusedAgreement,
    RefusedBand,
    RefusedFit,
    RefusedHotStart,
    ScarcePassage,
)

EXPLORATORY = "exploratory: "
WHY_NOT: dict[Gone, str] = {
    "above": "began at or above the first level",
    "never": "never reached the second",
    "coarse": "passed both between two measurements",
}


def render_curves(analyses: Analyses, declared: bool = False) -> list[str]:
    """The sentences of every point, then those of the fits; what the scenario didn't declare says so.

    ``declared`` leaves out what it didn't declare.
    """
    found: list[tuple[str, Part | None, str]] = []
    for point in analyses.points:
        found += [(place(point.point), part, text) for part, text in _point(point, analyses.unit)]
        found += [(place(point.point), None, f"{render_note(note)}.") for note in point.left_out]
    found += [("", "fits", _fit(name, fit)) for name, fit in analyses.fits.items()]
    exploratory = {part for part, own in analyses.exploratory.items() if own}
    return [
        f"{where}{EXPLORATORY * (part in exploratory)}{text}"
        for where, part, text in found
        if not (declared and (part in exploratory or part is None))
    ]


def _point(point: PointAnalyses, unit: str) -> Iterator[tuple[Part, str]]:
    known = [*point.birth.pairs, *point.start.pairs]
    never = {name: {one.level for one in found.values() if not one.reached} for name, found in point.levels.items()}
    parts: dict[Part, Iterable[str]] = {
        "levels": (*_levels(point.levels, unit), *_unreached(never, unit)),
        "level_pairs": (
            _level_pair(pair, unit)
            for pair in point.level_pairs
            if pair.level not in never[pair.arm] & never[pair.against]
        ),
        "hot_start": (_hot_start(pair, unit) for pair in point.hot_start if not never[pair.arm] & never[pair.against]),
        "birth": _heights(point.birth, "at birth", unit),
        "newborn": _heights(  # what the innate stages gave is not reported twice
            Heights(arms={}, pairs=tuple(pair for pair in point.newborn.pairs if pair not in known)),
            "born with its innate stages",
            unit,
        ),
        "start": _heights(point.start, "when the last stage begins", unit),
        "area": _heights(point.area, "on average over the last stage", unit, alike=True),
        "bands": (_band(pair) for pair in point.bands),
        "proxy": (_proxy(name, found) for name, found in point.proxy.items()),
    }
    for part, sentences in parts.items():
        yield from ((part, text) for text in sentences)


def _levels(levels: Mapping[str, Mapping[str, LevelReached]], unit: str) -> Iterator[str]:
    """Of every arm and every level that some of its learners got to."""
    return (_level(name, one, unit) for name, found in levels.items() for one in found.values() if one.reached)


def _unreached(never: Mapping[str, Collection[float]], unit: str) -> Iterator[str]:
    """All levels that no learner of an arm got to, in one sentence."""
    at: dict[float, list[str]] = {}
    for name, levels in never.items():
        for level in sorted(levels):
            at.setdefault(level, []).append(name)
    who = [
        f"{threshold(level, unit)} by no learner of {'any arm' if len(arms) == len(never) > 1 else listed(arms)}"
        for level, arms in at.items()
    ]
    if who:
        yield f"Not reached: {'; '.join(who)}. Lower compare.levels, or give the last stage more."


def _level(name: str, found: LevelReached, unit: str) -> str:
    """How many learners of an arm got to a level, and when."""
    text = f"{found.reached} of {found.n} learners of {name} reached {threshold(found.level, unit)}"
    took = found.units["updates"]
    if took.median is not None:
        text += f", half of them within {took.median:g} updates of the last stage"
    if took.restricted_mean is not None:
        text += f"; {took.restricted_mean:.4g} updates on average"
        if found.reached < found.n:
            text += f", those who never did counting {found.until}"
    return f"{text}."


def _level_pair(pair: LevelPair, unit: str) -> str:
    start = f"{pair.arm} against {pair.against}, updates of the last stage to {threshold(pair.level, unit)}"
    return f"{start}, at most {pair.until}: difference {_contrast(pair, 'updates')}."


def _contrast(pair: Contrast, unit: str) -> str:
    """``+3 (95 % interval +1 to +5), p = 0.01, 16 pairs``."""
    if pair.difference is None:
        return f"unknown, {pair.n} pairs"
    low, high = pair.interval
    inside = "no interval" if low is None or high is None else f"95 % interval {span(low, high, unit)}"
    return f"{number(pair.difference, unit, sign=True)} ({inside}), p = {chance(pair.p)}, {pair.n} pairs"


def _heights(found: Heights, where: str, unit: str, alike: bool = False) -> Iterator[str]:
    """Pairs that differ there; with ``alike`` also those that don't."""
    for pair in found.pairs:
        if alike or pair.interval != (0, 0):
            yield f"{pair.arm} against {pair.against} {where}: difference {_contrast(pair, unit)}."


def _hot_start(pair: HotStart | ScarcePassage | RefusedHotStart, unit: str) -> str:
    start = f"{pair.arm} against {pair.against}, hot start or faster learning"
    if isinstance(pair, RefusedHotStart):
        return f"{start}: not answered, {render_note(pair.refused)}."
    if isinstance(pair, ScarcePassage):
        return f"{start}: not answered, {render_note(pair.refused)}.{_gone(pair)}"
    low, high = pair.interval
    ends = "no interval" if low is None or high is None else f"95 % interval {low:.3g} to {high:.3g}"
    took = (
        f"from {threshold(pair.from_, unit)} to {threshold(pair.to, unit)} it took {pair.ratio:.3g} times the updates"
    )
    begun = f"it began {_contrast(pair.start, unit)}"
    reads = " and ".join(pair.reads) or "neither"
    return f"{start}: {reads}; {took} ({ends}), p = {chance(pair.p)}, {pair.n} pairs; {begun}.{_gone(pair)}"


def _gone(pair: HotStart | ScarcePassage) -> str:
    """Who could not be counted, and why."""
    parts = [
        f"{len(seeds)} of {pair.arm if side == 'arm' else pair.against} {why}"
        for side, gone in pair.not_estimable.items()
        for reason, why in WHY_NOT.items()
        if (seeds := gone.of(reason))
    ]
    return f" Not counted: {', '.join(parts)}." if parts else ""


def _band(pair: Band | RefusedBand) -> str:
    start = f"The curves of {pair.arm} and {pair.against}"
    if isinstance(pair, RefusedBand):
        return f"{start} were not compared: {render_note(pair.refused)}."
    basis = f"simultaneous 95 % band over {len(pair.updates)} moments, {pair.n} pairs"
    if pair.differs_from is None:
        return f"{start} can't be distinguished up to the end ({basis})."
    return f"{start} differ from update {pair.differs_from} of the last stage on ({basis})."


def _proxy(name: str, found: Agreement | RefusedAgreement) -> str:
    start = f"{name}: {found.proxy} as a proxy of {found.metric}"
    if isinstance(found, RefusedAgreement):
        return f"{start}: not answered, {render_note(found.refused)}."
    low, high = found.interval
    ends = "no interval" if low is None or high is None else f"95 % interval {low:.2f} to {high:.2f}"
    ranks = f"rank correlation within a learner {found.spearman:.2f} ({ends}), n = {found.n}"
    left = f" and {found.not_estimable} not estimable" if found.not_estimable else ""
    alone, late = found.steps.only_proxy_improved, found.late.only_proxy_improved
    steps = "" if alone is None else f"; the proxy improved while the metric fell in {100 * alone:.0f} % of the steps"
    steps += "" if late is None else f", {100 * late:.0f} % in the late half"
    return f"{start}: {ranks}{left}{steps}."


def conclusion(comparisons: Comparisons, analyses: Analyses) -> str:
    """What came out, for a headline: the verdicts, or, where no pair is declared but power laws are, those."""
    laws = {name: fit for name, fit in analyses.fits.items() if isinstance(fit, Fit)}
    if not laws or comparisons.pairs:
        return headline(comparisons)
    return " ".join(
        f"The error of {name} changes as {fit.over} to the power {fit.exponent:.2f} ({_exponents(fit, 2)})."
        for name, fit in laws.items()
    )


def _fit(name: str, fit: Fit | RefusedFit) -> str:
    if isinstance(fit, RefusedFit):
        return f"{name}: no power law over {fit.over}: {render_note(fit.refused)}."
    law = f"{name}: error = {fit.scale:.3g} * {fit.over}^{fit.exponent:.3f}"
    ends = f"(exponent's 95 % interval {_exponents(fit, 3)})"
    basis = f"{fit.points} points, {fit.over} {fit.x[0]:,g} to {fit.x[-1]:,g}, n = {fit.n}"
    bent = "" if fit.straight else "; the line is bent in logs, so the exponent is an average over this range"
    r2 = "" if fit.r2 is None else f", R2 {fit.r2:.3f}"
    known, published = fit.published, ""
    if known is not None:
        published = f" Published: {known:g}, {abs(fit.exponent - known):.3f} from this."
    return f"{law} {ends}, {basis}{r2}{bent}.{published}"


def _exponents(fit: Fit, digits: int) -> str:
    low, high = fit.interval
    return "no interval" if low is None or high is None else f"{low:.{digits}f} to {high:.{digits}f}"
