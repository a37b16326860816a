"""The numbers of README and docs, from docs/results/*.json.

In a page a part between ``<!-- result`` and ``<!-- end -->`` is generated: the comment holds a Jinja template, the text
behind it what the template makes of the result files. Pages are committed with that text, for those who read them raw.

    PYTHONPATH=docs python -m devlearn_docs.results           rewrite the pages (make results)
    PYTHONPATH=docs python -m devlearn_docs.results --check   say which page disagrees with the files
"""

import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jinja2

from devlearn.evidence.statistics import rate_bound
from devlearn.evidence.text.formats import rate
from devlearn.evidence.text.published import beside, chance, failed, maybe_small, row_text, share_published, value, word
from devlearn.evidence.text.published import times as published_times
from devlearn.records.published import PublishedError, Row, Study, StudyPoint, StudyResult, read, studies
from devlearn_docs.result_analyses import laws, proxies, ratios
from devlearn_docs.result_questions import questions
from devlearn_docs.result_table import Rows, joined, p_adjusted, table

ROOT = Path(__file__).parents[2]
PART = re.compile(r"(<!-- result\n(.*?)\n-->\n).*?(<!-- end -->)", re.DOTALL)
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
    parts = [table(["what", "published", "here (95 % interval)", "n"], found)] if found else []
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
    shown = table(["what", "ours (95 % interval)", "theory", "points between", "in the interval"], body)
    return f"{within} of {len(body)} intervals hold theory's number.\n\n{shown}" if body else "Not recorded yet."


def times(name: str, against: str, epoch: int) -> str:
    """How many times the updates of an arm's learners others took to each level, in epochs of ``epoch`` updates."""
    heads = ["arm", "level", "reached by", "epochs until half were there", f"times those of {against}"]
    return table(heads, published_times(recorded(name), against, epoch))


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
    return table(
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
    return table(heads, body)


def _amount(spent: float | None, each: float = 1) -> str:
    """``57,600``; an older file may not have counted it."""
    return "not counted" if spent is None else f"{spent / each:,.0f}"


def pairs(name: str) -> str:
    """The declared pairs of a study with their verdicts."""
    return pair_table(recorded(name).at())


def pair_table(point: StudyPoint) -> str:
    """The pairs of one comparison with their verdicts."""
    return table(["arm", "against", "difference (joint 95 % interval)", "p adjusted", "verdict"], _pair_rows(point))


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
    claims = {arm: [f"{word} {joined(rivals)}" for (own, word), rivals in listed.items() if own == arm] for arm in arms}
    sentences = [f"The {arm} arm is {joined(parts)}." for arm, parts in claims.items()]
    return " ".join([*sentences, *_provisos(recorded(name).at())])


def _provisos(point: StudyPoint) -> Iterator[str]:
    """What the words leave open and hold under, as a headline says it."""
    told = [pair for pair in point.pairs if pair.verdict in ("better", "worse")]
    if maybe := sum(maybe_small(pair, point) for pair in told):
        which = "those" if maybe == len(told) else f"{maybe} of the {len(told)}"
        small = f"less than the smallest effect, {value(point.smallest_effect or 0.0, None, point.unit, sign=True)[1:]}"
        yield f"That {which} called better or worse differ by {small}, can't be excluded."
    decided = [pair for pair in point.pairs if pair.verdict in ("better", "worse", "equivalent")]
    gone = dict(item for pair in decided for item in failed(pair, point).items())
    if gone:
        yield f"{joined([f'{n} learners of {arm}' for arm, n in gone.items()])} failed, and count in its mean."
    if holding := [pair.unless for pair in decided if pair.unless is not None and not failed(pair, point)]:
        which = "All of this holds" if len(holding) == len(decided) else f"{len(holding)} of these words hold"
        yield f"{which} unless some fail: up to {rate(max(holding))} of the learners may, for all that these show."


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


def _pair_rows(point: StudyPoint) -> Rows:
    return [
        [
            pair.arm,
            pair.against,
            "" if pair.difference is None else value(pair.difference, pair.interval, point.unit, sign=True),
            p_adjusted(pair),
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
    sys.exit(main(sys.argv[1:]))
