"""The gallery: every shipped scenario with its question and, where it is recorded, picture, verdict and cost."""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from devlearn.evidence.text.published import row_text, value, word
from devlearn.evidence.text.searched import how_searched
from devlearn.records.published import StudyPair, StudyPoint, StudyResult, read, studies
from devlearn.runs.plan import plan
from devlearn.scenario import Scenario, library, points
from devlearn_docs import drawing, results, study_pictures
from devlearn_docs.kinds import file_name, linked
from devlearn_docs.usage import scenarios, things
from devlearn_docs.words import code, plain

FIRST = ("first_steps",)
FEW = 4  # pairs whose verdicts stand on a card
NOT_RECORDED = "not recorded yet"


def recorded(name: str) -> list[StudyResult]:
    """The results of a scenario's studies; the one that changes nothing first."""
    own = sorted((bool(study.set), key) for key, study in studies().items() if study.scenario == name)
    return [result for _, key in own if (result := read(key)) is not None]


def gallery() -> str:
    """A card for each scenario: recorded ones, then the others."""
    names = sorted(library(), key=lambda name: (name not in FIRST, name))
    known = [name for name in names if recorded(name)]
    parts = [_grid(known)]
    if late := [name for name in names if name not in known]:
        parts += ["## Not recorded yet", LATE, _grid(late)]
    return "\n\n".join(parts)


LATE = "They run like the others; no result at full budgets is committed at this version. Cards say what is planned."


def _grid(names: list[str]) -> str:
    return "\n\n".join(["::::{grid} 1 1 2 2\n:gutter: 3", *map(_card, names), "::::"])


def _card(name: str) -> str:
    scenario, found = scenarios()[name], recorded(name)
    head = f":::{{grid-item-card}} {name}\n:link: /library/scenarios/{file_name(name)}\n:link-type: doc"
    body = [head, f"**{plain(scenario.about)}**"]
    if found:
        body += [
            shown(name, found[0], "/library/scenarios/"),
            verdict(found[0]),
            f"{code(found[0].command)}: {_minutes(found[0])}.",
        ]
    else:
        body += [f"{NOT_RECORDED.capitalize()}. {facts(name)}", code(f"devlearn run {name}")]
    return "\n\n".join([*body, ":::"])


def shown(name: str, result: StudyResult, folder: str = "") -> str:
    """The pictures of a study for light and for dark pages."""
    words = f"{plain(scenarios()[name].about)} What was found stands beside the picture."
    at = f"{folder}{result.study}"
    return "\n".join(f"![{words}]({at}-{look}.svg){{.only-{look}}}" for look in ("light", "dark"))


def verdict(result: StudyResult) -> str:
    """What its declared pairs came to: one by one where they are few, else counted."""
    points = [point for point in result.points if not point.exploratory]
    pairs = [(point, pair) for point in points for pair in point.pairs]
    if not pairs:
        return _reached(result, points)
    if len(pairs) <= FEW:
        lines = (f"- {pair.arm} against {pair.against}: {_difference(point, pair)}" for point, pair in pairs)
        return "\n".join(lines)
    counts = Counter(pair.verdict for _, pair in pairs)
    told = ", ".join(f"{count} {verdict}" for verdict, count in counts.most_common())
    return f"Of {len(pairs)} declared comparisons: {told}."


def _difference(point: StudyPoint, pair: StudyPair) -> str:
    if pair.difference is None:
        return str(pair.verdict)
    return f"{value(pair.difference, pair.interval, point.unit, sign=True)}, {word(pair, point)}"


def _reached(result: StudyResult, points: list[StudyPoint]) -> str:
    """The rows of a study that compares nothing, the first few."""
    rows = studies()[result.study].rows[:FEW]
    return "\n".join(f"- {row.what}: {row_text(result, row)}" for row in rows)


def facts(name: str) -> str:
    """What is known of a scenario without running it; of a recorded one, what was planned stands in its file."""
    scenario = scenarios()[name]
    pairs = len(scenario.compare.pairs) if scenario.compare else 0
    several = len(points(scenario))
    seconds = next((one.planned for one in recorded(name) if not studies()[one.study].set), None)
    minutes = (plan(scenario).seconds if seconds is None else seconds) / 120
    return (
        f"{_count(len(scenario.arms), 'arm')}, {_count(len(scenario.seeds), 'seed')}, {_count(pairs, 'comparison')}"
        f"{f', {several} points' * (several > 1)}; {minutes:.1f} minutes of two cores planned, probes apart."
    )


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'s' * (number != 1)}"


def _minutes(result: StudyResult) -> str:
    seeds = _count(len(result.seeds), "seed")
    return f"{seeds}, {result.seconds / 120:.1f} minutes of two cores"


def pages(folder: Path) -> Iterator[tuple[str, str]]:
    """A page for each scenario; the pictures of its studies are written beside it."""
    for name, path in library().items():
        scenario = scenarios()[name]
        parts = [f"(scenario-{file_name(name)})=\n# {name}", f"**{plain(scenario.about)}**", facts(name)]
        parts += [how_searched(scenario.searched)] if scenario.searched else []
        for result in recorded(name):
            drawing.save(study_pictures.picture(result), folder / "scenarios" / result.study)
            parts += list(_study(name, result))
        if not recorded(name):
            parts += [f"**{NOT_RECORDED.capitalize()}** at this version.", f"```bash\ndevlearn run {name}\n```"]
        parts += ["## What it uses", *_uses(scenario)]
        parts += ["## The file", f"```yaml\n{path.read_text(encoding='utf-8')}```"]
        yield f"scenarios/{file_name(name)}", "\n\n".join(parts)


def _study(name: str, result: StudyResult) -> Iterator[str]:
    """One study: its command, picture, rows beside what is published, declared pairs."""
    yield f"## {result.study}" if studies()[result.study].set else "## Result"
    yield f"```bash\n{result.command}\n```"
    yield shown(name, result)
    points = [point for point in result.points if not point.exploratory]
    for point in points:
        if point.pairs:
            heading = ", ".join(f"{key} = {_text(setting)}" for key, setting in point.point.items())
            yield f"**{plain(heading)}**" if heading else "Declared comparisons:"
            yield results.pair_table(point)
    if studies()[result.study].rows:
        yield "What is read off it, beside what is published:"
        yield results.rows(result.study)
    else:
        yield f"{results.cost(result.study)}."


def _text(setting: object) -> str:
    return " ".join(str(setting).split())[:80]


def _uses(scenario: Scenario) -> Iterator[str]:
    """Its stages, probes, environments and data sets, with their pages."""
    from devlearn_docs.kinds import has_page

    named = {"stages": "Stages", "probes": "Probes", "environments": "Environments", "data": "Data sets"}
    found = list(dict.fromkeys(things(scenario)))
    for group, title in named.items():
        links = [linked(group, name) if has_page(group, name) else code(name) for kind, name in found if kind == group]
        if links:
            yield f"{title}: {', '.join(links)}."
