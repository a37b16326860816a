"""The numbers of README and docs, from docs/results/*.json.

In a page a part between ``<!-- result`` and ``<!-- end -->`` is generated: the comment holds a Jinja template, the text
behind it what the template makes of the result files. Pages are committed with that text, for those who read them raw.

    python docs/devlearn_docs/results.py           rewrite the pages (make results)
    python docs/devlearn_docs/results.py --check   say which page disagrees with the files
"""

import re
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import jinja2

from devlearn.evidence.statistics import rate_bound
from devlearn.evidence.text.formats import rate
from devlearn.evidence.text.published import beside, chance, maybe_small, row_text, share_published, value, word
from devlearn.evidence.text.published import times as published_times
from devlearn.records.published import PublishedError, Row, Study, StudyPair, StudyPoint, StudyResult, read, studies
from devlearn.runs.family import OUT_OF_REACH, UNKNOWN, Question, family

ROOT = Path(__file__).parents[2]
PART = re.compile(r"(<!-- result\n(.*?)\n-->\n).*?(<!-- end -->)", re.DOTALL)
Rows = list[list[str]]
VERDICTS = {
    "better": "better than",
    "worse": "worse than",
    "equivalent": "equivalent to",
    "identical": "identical to",
    "undecided": "not distinguished from",
}


class NotRecorded(Exception):
    """A study without a file: the part that asks for it says so instead."""


def pages() -> list[Path]:
    """README and every page of the documentation."""
    docs = (path for path in (ROOT / "docs").rglob("*.md") if not {"_build", "library"} & set(path.parts))
    return [ROOT / "README.md", *sorted(docs)]


def filled(text: str) -> str:
    """A page with its generated parts made anew.

    Raises:
        PublishedError: a template asks for what is not there; the text says of which part.
    """
    return PART.sub(lambda part: f"{part[1]}\n{_made(part[2])}\n\n{part[3]}", text)


def _made(template: str) -> str:
    environment = jinja2.Environment(undefined=jinja2.StrictUndefined, autoescape=False)
    environment.filters.update(chance=chance, percent=percent, points=points, count=lambda number: f"{number:,.0f}")
    try:
        return environment.from_string(template).render(
            rows=rows, arms=arms, pairs=pairs, verdicts=verdicts, said=said, changes=changes, cost=cost,
            laws=laws, proxies=proxies, ratios=ratios, result=recorded, questions=questions,
            difference=difference, bounds=bounds, theory=theory, times=times, told_to=told_to,
        ).strip()  # fmt: skip
    except NotRecorded as study:
        return f"Not recorded yet at this version: `devlearn replicate {study} --record`, then `make results`."
    except (jinja2.TemplateError, PublishedError) as error:
        raise PublishedError(f"in the part `{template.splitlines()[0]}`: {error}") from error


# ---- what a template may ask for ----


def study(name: str) -> Study:
    """A study by its name in rows.yaml. Raises PublishedError where it has none."""
    if name not in studies():
        raise PublishedError(f"no study {name!r}; there are: {', '.join(studies())}")
    return studies()[name]


def recorded(name: str) -> StudyResult:
    """The result of a study.

    Raises:
        PublishedError: there is no such study.
        NotRecorded: it has no file yet.
    """
    found = read(name) if study(name) else None
    if found is None:
        raise NotRecorded(name)
    return found


def rows(*names: str) -> str:
    """The rows of studies as a table; a study that has not been recorded says so."""
    results = {name: read(name) for name in names if study(name)}
    found = [_row(result, row) for name, result in results.items() if result for row in study(name).rows]
    parts = [_table(["what", "published", "here (95 % interval)", "n"], found)] if found else []
    made = [f"`{result.command}`: {cost(result.study)}." for result in results.values() if result]
    late = ", ".join(f"`devlearn replicate {name}`" for name, result in results.items() if result is None)
    parts += [" ".join(made)] if made else []
    parts += [f"Not recorded yet: {late}."] if late else []
    return "\n\n".join(parts)


def theory(*names: str) -> str:
    """Beside what theory says of arms of studies, what was reached; nothing of studies that have not been recorded."""
    known = [(name, row, share) for name in names for row in study(name).rows if (share := share_published(row))]
    body = [beside(result, row, share) for name, row, share in known if (result := read(name))]
    within = sum(cells[-1] == "yes" for cells in body)
    table = _table(["what", "ours (95 % interval)", "theory", "points between", "in the interval"], body)
    return f"{within} of {len(body)} intervals hold theory's number.\n\n{table}" if body else "Not recorded yet."


def times(name: str, against: str, epoch: int) -> str:
    """How many times the updates of an arm's learners others took to each level, in epochs of ``epoch`` updates."""
    heads = ["arm", "level", "reached by", "epochs until half were there", f"times those of {against}"]
    return _table(heads, published_times(recorded(name), against, epoch))


def told_to(name: str, level: str) -> str:
    """What each arm's learners had been told when half of them had reached a level: events and bits of feedback."""
    found = recorded(name).analyses["points"][0]["levels"]  # type: ignore[index, call-overload]
    body = []
    for arm, levels in found.items():  # type: ignore[union-attr]
        there = levels[level]
        heard = [there["units"].get(unit, {}).get("median") for unit in ("feedback_events", "feedback_bits")]
        body.append(
            [arm, f"{there['reached']} of {there['n']}", *("-" if one is None else f"{one:,.0f}" for one in heard)]
        )
    return _table(
        ["arm", f"reached {float(level):.0%}".replace("%", " %"), "events until half were there", "bits"], body
    )


def arms(name: str) -> str:
    """The arms of a study with their means and what one learner consumed."""
    point = recorded(name).at()
    heads = ["arm", "test accuracy (95 % interval)", "images", "env_steps", "updates", "GFLOPs"]
    body = []
    for arm, entry in point.arms.items():
        spent = [_amount(entry.ledger[unit]) for unit in ("images", "env_steps", "updates")]
        mean = value(entry.mean, entry.interval, point.unit)
        body.append([arm, mean, *spent, _amount(entry.ledger["flops"], 1e9)])
    return _table(heads, body)


def _amount(spent: float | None, each: float = 1) -> str:
    """``57,600``; an older file may not have counted it."""
    return "not counted" if spent is None else f"{spent / each:,.0f}"


def pairs(name: str) -> str:
    """The declared pairs of a study with their verdicts."""
    return pair_table(recorded(name).at())


def pair_table(point: StudyPoint) -> str:
    """The pairs of one comparison with their verdicts."""
    return _table(["arm", "against", "difference (joint 95 % interval)", "p adjusted", "verdict"], _pair_rows(point))


def verdicts(name: str) -> str:
    """The same as plain text."""
    point = recorded(name).at()
    cells = [["arm", "against", "difference (joint 95 % interval)", "p adjusted", "verdict"], *_pair_rows(point)]
    widths = [max(len(row[k]) for row in cells) for k in range(5)]
    lines = ("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in cells)
    return "\n".join(line.rstrip() for line in lines)


def said(name: str) -> str:
    """The verdicts in a sentence, alike ones together."""
    listed: dict[tuple[str, str], list[str]] = {}
    for pair in recorded(name).at().pairs:
        word = VERDICTS.get(pair.verdict, f"{pair.verdict} against")
        listed.setdefault((pair.arm, word), []).append(f"{pair.against}{' (fragile)' * bool(pair.fragile)}")
    arms = list(dict.fromkeys(arm for arm, _ in listed))
    claims = {arm: [f"{word} {_and(rivals)}" for (own, word), rivals in listed.items() if own == arm] for arm in arms}
    sentences = [f"The {arm} arm is {_and(parts)}." for arm, parts in claims.items()]
    return " ".join([*sentences, *_provisos(recorded(name).at())])


def _provisos(point: StudyPoint) -> Iterator[str]:
    """What the words leave open and hold under, as a headline says it."""
    told = [pair for pair in point.pairs if pair.verdict in ("better", "worse")]
    if maybe := sum(maybe_small(pair, point) for pair in told):
        which = "those" if maybe == len(told) else f"{maybe} of the {len(told)}"
        small = f"less than the smallest effect, {value(point.smallest_effect or 0.0, None, point.unit, sign=True)[1:]}"
        yield f"That {which} called better or worse differ by {small}, can't be excluded."
    decided = [pair for pair in point.pairs if pair.verdict in ("better", "worse", "equivalent")]
    if holding := [pair.unless for pair in decided if pair.unless is not None]:
        which = "All of this holds" if len(holding) == len(decided) else f"{len(holding)} of these words hold"
        yield f"{which} unless some fail: up to {rate(max(holding))} may, for all that these learners show."


def difference(name: str, arm: str, against: str) -> str:
    """A pair's difference with its joint interval: ``+0.7 points (-0.3 to +1.8)``."""
    point = recorded(name).at()
    pair = point.pair(arm, against)
    if pair.difference is None:
        raise PublishedError(f"{name}: {arm} against {against} has no difference: {pair.verdict}")
    return value(pair.difference, pair.interval, point.unit, sign=True)


def bounds(*counts: int) -> str:
    """``of 8 learners up to 32 %, of 16 up to 18 %``: failure rates that so many of whom none failed don't exclude."""
    first, *others = (f"{n}{' learners' * (n == counts[0])} up to {rate(rate_bound(0, n))}" for n in counts)
    return ", ".join([f"of {first}", *(f"of {one}" for one in others)])


def changes(name: str, *probes: str) -> str:
    """What stages changed of probes: ``waves next_frame loss 0.694 to 0.625 (p = 3.1e-5)``."""
    found: dict[tuple[str, str], str] = {}
    for one in recorded(name).at().stages:
        if one.probe in probes and "developmental" in one.arms:
            numbers = f"{one.before:.3g} to {one.after:.3g}"
            found[one.stage, one.probe] = f"{one.stage}, {one.metric} {numbers} (p = {chance(one.p)})"
    return "; ".join(found.values())


def laws(name: str) -> str:
    """The power laws over the points of ``vary``, an arm a line; nothing where it is not recorded."""
    return "\n".join(_law(arm, law) for arm, law in _analyses(name).get("fits", {}).items())


def _law(arm: str, law: dict[str, Any]) -> str:
    if "refused" in law:
        return f"`{arm}`: no power law, {law['refused']}."
    over, (low, high) = law["over"], law["interval"]
    exponent = f"{law['exponent']:.3f} ({low:.3f} to {high:.3f}, R2 {law['r2']:.2f})"
    bend = "not told from a straight line" if law["straight"] else "bent, so an average over this range and no law"
    known = "" if law["published"] is None else f"; published {law['published']:g}"
    ends = f"from {law['x'][0]:,.0f} to {law['x'][-1]:,.0f}"
    return f"`{arm}`, {over} {ends}: the error falls as {over} to the power {exponent}, {bend}{known}."


def proxies(name: str) -> str:
    """How far the cross-entropy predicts the accuracy along a learner's own curve; nothing where it is not recorded."""
    heads = ["arm", "rank correlation of the proxy's fall and the metric's rise (95 % over learners)"]
    found = [[arm, _correlation(entry)] for arm, entry in _point(name).get("proxy", {}).items()]
    return _table(heads, found) if found else ""


def _correlation(entry: dict[str, Any]) -> str:
    if "refused" in entry:
        return str(entry["refused"])
    low, high = entry["interval"]
    return f"{entry['spearman']:.2f} ({low:.2f} to {high:.2f})"


def ratios(name: str) -> str:
    """Updates from one level to the next over those of a control, paired by seed; nothing where it is not recorded."""
    ratio = "ratio of updates between the levels (95 % interval)"
    heads = ["arm", "against", "ahead when the stage begins (95 % interval)", ratio, "p, unadjusted", "reads"]
    found = [[one["arm"], one["against"], *_ratio(one)] for one in _point(name).get("hot_start", [])]
    return _table(heads, found) if found else ""


def _ratio(one: dict[str, Any]) -> list[str]:
    if "refused" in one:
        return [str(one["refused"]), "", "", ""]
    ends = " to ".join("?" if end is None else f"{end:.2f}" for end in one["interval"])
    start, (low, high) = one["start"]["difference"], one["start"]["interval"]
    ahead = f"{100 * start:+.1f} points ({100 * low:+.1f} to {100 * high:+.1f})"
    return [ahead, f"{one['ratio']:.2f} ({ends})", chance(one["p"]), str(one["reads"])]


def _analyses(name: str) -> dict[str, Any]:
    result = read(name)
    return dict(result.analyses) if result else {}


def _point(name: str) -> dict[str, Any]:
    """The study's only point."""
    (point,) = _analyses(name).get("points", [{}])
    return dict(point)


def questions(split: str) -> str:
    """All questions that studies ask of a split, as one family, and what of their words it leaves."""
    found = family(split)
    asked = found.questions
    late = ", ".join(f"{name} ({n})" for name, n in found.waiting.items())
    waiting = f"Declared and not recorded yet at this version, so counted as p = 1: {late}."
    if not asked:
        return waiting if late else f"No study asks anything of {split}."
    heads = ["study", "where", "arm", "against", "difference", "p", "in its study", "over all", "verdict", "holds"]
    size = len(asked) + sum(found.waiting.values())
    studies_ = len({one.study for one in asked})
    parts = [f"{len(asked)} answers of {studies_} studies, in a family of {size} questions. {_left(asked)}"]
    return "\n\n".join([*parts, *([waiting] if late else []), _table(heads, list(map(_question, asked)))])


def _left(asked: Sequence[Question]) -> str:
    """How many claims hold over the whole family, and in which studies the others are."""
    claims = [one for one in asked if one.holds]
    said = (
        f"Of {len(claims)} claims (better, worse, equivalent, identical) {_held(claims, 'yes')} hold over all questions"
    )
    rest = {"no": "do not", OUT_OF_REACH: "are out of reach", UNKNOWN: "wait for a p of equivalence on record"}
    others = [
        f"{_held(claims, word)} {text} ({_by_study(claims, word)})"
        for word, text in rest.items()
        if _held(claims, word)
    ]
    return f"{_and([said, *others])}."


def _held(claims: Sequence[Question], word: str) -> int:
    return sum(one.holds == word for one in claims)


def _by_study(claims: Sequence[Question], word: str) -> str:
    found = Counter(one.study for one in claims if one.holds == word)
    return ", ".join(f"{name} {count}" for name, count in found.items())


def _question(one: Question) -> list[str]:
    pair, plain = one.pair, [one.study, one.where, one.pair.arm, one.pair.against]
    difference = "" if pair.difference is None else value(pair.difference, pair.interval, one.point.unit, sign=True)
    same = pair.verdict == "equivalent"
    over_all = one.p if not same else one.same if pair.p_equivalence is not None else None
    ps = [_p(pair, pair.p_of_word()[0]), _adjusted(pair), _p(pair, over_all)]
    return [*plain, difference, *ps, word(pair, one.point), one.holds]


def cost(name: str) -> str:
    """Seeds, minutes on two cores, date and machine of a study."""
    result = recorded(name)
    own = result.machine
    where = f"{own.model}, {own.cores} cores of {own.gflops:.0f} GFLOP/s, torch {result.versions['torch']}"
    seeds = f"seeds {result.seeds[0]} to {result.seeds[-1]}"
    return f"{seeds}, {result.cost}, {result.date}, {where}"


def percent(share: float, decimals: int = 1) -> str:
    """A share: ``75.8 %``."""
    return f"{100 * share:.{decimals}f} %"


def points(share: float, decimals: int = 2) -> str:
    """A difference of shares in points: ``+1.98``."""
    return f"{100 * share:+.{decimals}f}"


def _p(pair: StudyPair, p: float | None, missing: str = UNKNOWN) -> str:
    """A p of a pair as a cell: of equivalence it says so, and ``missing`` where it is not on record."""
    if pair.verdict != "equivalent":
        return chance(p)
    return missing if p is None else f"{chance(p)} (equivalence)"


def _adjusted(pair: StudyPair) -> str:
    """The p that the word comes from, adjusted. Equivalent is a word for .05 at most, where nothing else is known."""
    return _p(pair, pair.p_of_word()[1], "at most .05 (equivalence)")


def _pair_rows(point: StudyPoint) -> Rows:
    return [
        [
            pair.arm,
            pair.against,
            "" if pair.difference is None else value(pair.difference, pair.interval, point.unit, sign=True),
            _adjusted(pair),
            word(pair, point),
        ]
        for pair in point.pairs
    ]


def _row(result: StudyResult, row: Row) -> list[str]:
    """What it measures, what is published, what was found (a loss in bold), over how many."""
    published = row.published
    said = f"{published.text} ({published.source})" if published and published.source else published and published.text
    point = result.at(row.point, row.probe, row.at)
    n = point.pair(*row.pair).n if row.pair else point.arms[str(row.arm)].n
    return [row.what, said or "", re.sub(r": worse$", ": **worse**", row_text(result, row)), str(n)]


def _and(words: list[str]) -> str:
    return " and ".join(filter(None, [", ".join(words[:-1]), words[-1]]))


def _table(heads: list[str], body: Rows) -> str:
    lines = [heads, ["---"] * len(heads), *body]
    return "\n".join(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in line)} |" for line in lines)


# ---- the command ----


def disagreeing() -> Iterator[tuple[Path, str]]:
    """Every page that is not what the files make of it, with what it should be."""
    for page in pages():
        text = page.read_text(encoding="utf-8")
        if (made := filled(text)) != text:
            yield page, made


def main(arguments: list[str]) -> int:
    from devlearn_docs import readme_picture

    found: list[tuple[Path, Any]] = list(disagreeing())
    for page, made in found:
        if "--check" in arguments:
            print(f"{page.relative_to(ROOT)} disagrees with docs/results; `make results` rewrites it", file=sys.stderr)
        else:
            page.write_text(made, encoding="utf-8")
            print(f"wrote {page.relative_to(ROOT)}")
    old = not readme_picture.current()
    if old and "--check" in arguments:
        print("README's picture is not what docs/results says; `make results` draws it anew", file=sys.stderr)
    elif old:
        readme_picture.write()
        print(f"wrote {readme_picture.FILE.relative_to(ROOT)}")
    return int((bool(found) or old) and "--check" in arguments)


if __name__ == "__main__":
    sys.path.insert(0, str(ROOT / "docs"))
    sys.exit(main(sys.argv[1:]))
