"""report.html: one page that carries everything with it, without scripts and without a request to anywhere."""

import base64
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from jinja2 import ChoiceLoader, Environment, FileSystemLoader, FunctionLoader, StrictUndefined
from markupsafe import Markup
from matplotlib.figure import Figure

from devlearn.evidence.text.comparison import claim, means, never, no_result
from devlearn.evidence.text.costs import costs
from devlearn.evidence.text.curves import conclusion
from devlearn.evidence.text.formats import filters, listed, plural
from devlearn.evidence.text.reasons import render_note
from devlearn.records.arrays import Array
from devlearn.records.atomic import write_text
from devlearn.records.layout import RunFolder
from devlearn.records.ownership import check_free, make_folder, note_written, sweep
from devlearn.records.reader import RunRecords
from devlearn.records.results import Comparison, Results
from devlearn.report.aside import Aside
from devlearn.report.figure_store import FigureStore
from devlearn.report.looks import Look
from devlearn.report.section import Drawn, Page, Section, SectionError, Shown, sections
from devlearn.report.stage_keys import READ_MOST, keyed
from devlearn.report.style import DOUBLE, SINGLE, shorten
from devlearn.report.svg import drawing

HERE = Path(__file__).parent
SIDE_BY_SIDE = ("points", "differences", "verdicts", "warnings", "lives", "curves", "cost", "read")  # of several runs
ASIDE = ("seeds", "block", "compare", "probes")  # keys of a scenario that say nothing of its lives
LAID, FEW_LAID = 60, 8  # letters of what an option set, and how many are named
FOLDED = 12  # rows of what only describes; more stand behind a line to open


@dataclass(frozen=True)
class Written:
    """A section that has something to say, ready for the page."""

    name: str
    title: str
    body: Markup
    folded: bool


class _Kept(FigureStore):
    """Figures that are drawn and not saved."""

    def __init__(self, out: Path, aside: Aside) -> None:
        super().__init__(out, aside)
        self.drawn: dict[str, Figure] = {}

    def figure(self, drawn: Drawn) -> Shown:
        self.drawn[drawn.name] = drawn.figure
        return Shown(None, drawn.caption, drawn.name, False, drawn.alt)

    def file(self, drawn: Drawn) -> Shown:
        return self.figure(drawn)

    def picture(self, image: Array, alt: str) -> Markup | None:
        return None


def drawn_figures(run: RunRecords, found: Results, asked: Sequence[str] = ()) -> dict[str, Figure]:
    """The figures of a run's page by name, to be changed and saved elsewhere; nothing is written.

    Raises:
        NoPlugin, SectionError: as ``write``.
    """
    with drawing(), Aside() as aside:
        kept = _Kept(run.folder, aside)
        for section in sections(asked):
            section(Page(run, found, kept))
    return kept.drawn


@dataclass(frozen=True)
class Rendered:
    """The text of a page, and the names of its files in RUN/figures/."""

    text: str
    files: frozenset[str]


def write(
    run: RunRecords,
    found: Results,
    asked: Sequence[str] = (),
    out: Path | None = None,
    look: Look = "paper",
    side_by_side: bool = False,
) -> Path:
    """Write RUN/report.html and RUN/figures/*.svg, *.png, *.csv from what was found in a run; the path of the page.

    Figures of a page before this one that it does without are removed, unless somebody has changed them since.

    ``asked`` are further sections, by ``package.module:Name``. ``out`` is another folder than the run's. A page of
    several runs ``side_by_side`` has the sections that are about all of them. ``look`` is that of the figures' files.

    Raises:
        NotOurs: ``out`` holds a page or figures that devlearn did not write there, or can't be written into.
        NoPlugin: no such section, or it can't be imported.
        SectionError: a section can't stand on the page.
    """
    folder, order = RunFolder(out or run.folder), sections(asked)
    if out is not None:
        check_free(out, [folder.report.name, folder.figures.name])
        make_folder(out)
    if side_by_side:
        order = [one for one in order if one.name in SIDE_BY_SIDE or not one.ours]
    page = render(run, found, order, folder.root, look)
    write_text(folder.report, page.text)
    if out is not None:
        note_written(out, [folder.report.name, folder.figures.name])
    sweep(folder.figures, page.files)
    return folder.report


def render(
    run: RunRecords,
    found: Results,
    order: Sequence[Section[object]],
    out: Path | None = None,
    look: Look = "paper",
) -> Rendered:
    """The page of a run with these sections, in their order; their figures are written into figures/ beside it.

    Where the page would grow too large, the last figures give way.
    """
    environment, written = _environment(), []
    with drawing(), Aside() as aside:
        page = Page(run, found, FigureStore(out or run.folder, aside, look=look))
        for section in order:
            content = section(page)
            if content is not None:
                written.append(
                    Written(section.name, section.title, body(section, content, page, environment), section.folded)
                )
    css = (HERE / "style.css").read_text(encoding="utf-8")
    text = environment.get_template("page.j2").render(
        resolved=run.resolved,
        points=found.comparisons.points,
        headline=conclusion(found.comparisons, found.analyses),
        means=means(found.comparisons.points[0]).replace(" %", "\u00a0%") if len(found.comparisons.points) == 1 else "",
        claim=_claim(found.comparisons.points[0], len(run.resolved.seeds)),
        cost=costs(found.comparisons.points),
        laid=_laid(run),
        sections=written,
        single=SINGLE,
        double=DOUBLE,
        css=Markup(css),
        css_hash=Markup(base64.b64encode(hashlib.sha256(css.encode()).digest()).decode()),
    )
    return Rendered(text, frozenset(page.shelf.files))


def body(section: Section[object], content: object, page: Page, environment: Environment) -> Markup:
    """What a section gave, as it stands on the page below its heading."""
    if section.template.exists():
        return Markup(environment.get_template(str(section.template)).render(found=content, page=page))
    if isinstance(content, Markup):
        return content
    if isinstance(content, str):
        return Markup("\n").join(Markup("<p>{}</p>").format(part) for part in content.strip().split("\n\n"))
    drawn = [content] if isinstance(content, Drawn) else content
    if isinstance(drawn, Sequence) and all(isinstance(one, Drawn) for one in drawn):
        inner = '{% from "parts.j2" import figures %}{{ figures(found) }}'
        return Markup(environment.from_string(inner).render(found=page.figures(drawn)))
    held = f" of {type(content[0]).__name__} and more" if isinstance(content, list | tuple) and content else ""
    raise SectionError(
        f"section {section.name!r} gives a {type(content).__name__}{held}, which takes a template beside it, "
        f"{section.template}; without one it has to give text, Markup, or figures alone (a template may mix them: "
        "it shows a figure by {{ figure(page.figure(found.drawn)) }}, a macro of parts.j2)"
    )


def _environment() -> Environment:
    """The environment of all templates: those of the page, and those beside sections, by their path."""
    environment = Environment(
        loader=ChoiceLoader([FileSystemLoader(HERE), FunctionLoader(_beside)]), autoescape=True,
        undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True,
    )  # fmt: skip
    environment.filters |= filters() | {"note": render_note, "keyed": keyed}
    environment.globals |= {"few": FOLDED}
    return environment


def _beside(name: str) -> str | None:
    path = Path(name)
    return path.read_text(encoding="utf-8") if path.is_absolute() else None


def _laid(run: RunRecords) -> str:
    """What of the lives an option set, so that a question's words need not fit; what of the question is warned of."""
    paths = {str(text): str(text).partition("=")[0].split(".") for text in run.manifest.get("overrides", ())}
    lives = [text for text, path in paths.items() if path[0] not in ASIDE]
    if not lives:
        return ""
    ordered = sorted(lives, key=lambda text: paths[text][-1] not in READ_MOST)
    first = [shorten(text, LAID) for text in ordered[:FEW_LAID]]
    more = [f"{len(lives) - FEW_LAID} more"] if len(lives) > FEW_LAID else []
    return f"Set by an option, over the scenario's file: {listed([*first, *more])}."


def _claim(found: Comparison, planned: int) -> str:
    """What the verdicts are about; while nobody has lived a whole life, how many seeds are ``planned``."""
    if found.comparisons and all(never(pair) for pair in found.comparisons):
        return f"There is no claim: {no_result(found) or 'no pair can be compared'}."
    compared = [pair for pair in found.comparisons if not never(pair)]
    if all(one.n == 0 for one in compared or found.arms.values()):
        why = "it takes learners of two compared arms that have lived their whole life"
        return f"There is no claim yet: {why}; {plural(planned, 'seed')} are planned."
    return claim(found)
