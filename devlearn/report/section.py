"""The contract of a report section: a function of the page, with a name, a title and a place on it.

    @section("lives", title="The life of each arm", after="differences")
    def lives(page: Page) -> Told | None: ...

A section is one file: what it makes of records and results, and which figures it draws. It gives None where it has
nothing to say, else one of

- text, whose paragraphs are parted by an empty line; or ``markupsafe.Markup``, which stands as it is,
- a figure (``Drawn``) or a list of them,
- anything else, for the template beside the file, of the same name: ``lives.j2``. There it is ``found``; ``page`` is
  the page, ``parts.j2`` has the macros that sections share, and the filters are those of ``evidence.text.formats``.

Nothing here imports matplotlib: a plug-in's file may stand in a process that draws nothing.
"""

import functools
import inspect
import re
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Generic, TypeVar

from markupsafe import Markup

from devlearn import registry
from devlearn.evidence.text.points import setting
from devlearn.records.reader import Point, RunRecords
from devlearn.records.results import Comparison, PointAnalyses, Results
from devlearn.report.data import Row

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from devlearn.report.figure_store import FigureStore

BEGINNING, END = "beginning", "end"  # places that are no section's name
TAKEN = (BEGINNING, END)
OURS = "devlearn.report.sections."
Content = TypeVar("Content")


class SectionError(ValueError):
    """A section that can't stand on the page: its name, its place or what it gives is wrong. The message says which."""


@dataclass(frozen=True)
class Drawn:
    """A figure with its file name, its caption, and its description, in numbers, for those who can't see it.

    ``data`` are the numbers that it shows, a row for each, for those who want to draw it anew.

    Raises SectionError for a name that is no file of figures/, or without a description.
    """

    name: str
    figure: "Figure"
    caption: str
    alt: str
    data: Sequence[Row] = ()

    def __post_init__(self) -> None:
        if not re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9_.-]*", self.name):
            raise SectionError(f"a figure can't be called {self.name!r}: use letters, digits and dashes, like by-seed")
        if not self.alt.strip():
            raise SectionError(f"figure {self.name!r} has no alt: say in words and numbers what it shows")


@dataclass(frozen=True)
class Shown:
    """A figure on the page. ``svg`` is None where there is no room for it; then it lies in figures/ alone.

    ``held`` are its files that the page holds, by what they are (data, SVG), each with its name and address;
    ``beside`` those that lie in figures/ alone. What a page that is sent alone can't give is named, never linked.
    """

    svg: Markup | None
    caption: str
    name: str
    wide: bool
    alt: str
    held: Sequence[tuple[str, str, str]] = ()
    beside: Sequence[str] = ()


@dataclass(frozen=True)
class Place:
    """One point of ``vary``, or all there is where nothing is varied: its records and what was found in them.

    ``title`` says the point in words and ``prefix`` begins the names of its figures; both are empty without ``vary``.
    """

    title: str
    prefix: str
    records: Point
    comparison: Comparison
    analyses: PointAnalyses


@dataclass(frozen=True)
class Page:
    """What sections are made from: the run's records, what was found in them, and where figures go (``shelf``)."""

    run: RunRecords
    found: Results
    shelf: "FigureStore"

    @cached_property
    def places(self) -> tuple[Place, ...]:
        """Every point of ``vary``, in the order of the scenario; one where nothing is varied."""
        several = len(self.run.points) > 1
        whole = zip(self.run.points, self.found.comparisons.points, self.found.analyses.points, strict=True)
        return tuple(
            Place(setting(comparison.point), f"point{index}-" * several, records, comparison, analyses)
            for index, (records, comparison, analyses) in enumerate(whole)
        )

    def figure(self, drawn: Drawn) -> Shown:
        """A figure, put into figures/ and made ready for a template (``figure`` of ``parts.j2``)."""
        return self.shelf.figure(drawn)

    def figures(self, drawn: Sequence[Drawn | None]) -> list[Shown]:
        """Several figures (``figures`` of ``parts.j2``), without those that there are not."""
        return [self.shelf.figure(one) for one in drawn if one is not None]


class Section(Generic[Content]):
    """A section as it was registered; called with a page, it gives what it has to say.

    Raises SectionError where its name can't be an address on the page.
    """

    def __init__(
        self, make: Callable[[Page], Content | None], name: str, title: str, after: str, folded: bool = False
    ) -> None:
        if not re.fullmatch(r"[a-z][a-z0-9-]*", name) or name in TAKEN:
            raise SectionError(f"a section can't be called {name!r}: use letters and dashes, like by-seed")
        self.make, self.name, self.title, self.after, self.folded = make, name, title, after, folded
        self.ours = make.__module__.startswith(OURS)
        self.template = Path(inspect.getfile(make)).absolute().with_suffix(".j2")
        functools.update_wrapper(self, make)

    def __call__(self, page: Page) -> Content | None:
        """What it has to say. Raises SectionError for whatever somebody's own raises, with its place."""
        if self.ours:
            return self.make(page)
        try:
            return self.make(page)
        except Exception as error:
            why = f"{type(error).__name__}: {' '.join(str(error).split())}"
            frames = traceback.extract_tb(error.__traceback__)
            own = [frame for frame in frames if Path(frame.filename).with_suffix(".j2") == self.template]
            at = f"{Path(own[-1].filename).name}:{own[-1].lineno}" if own else self.make.__module__
            raise SectionError(f"section {self.name!r} raised {why} ({at}); the page stands as it was") from error


def section(
    name: str, *, title: str, after: str = END, folded: bool = False
) -> Callable[[Callable[[Page], Content | None]], Section[Content]]:
    """Decorator: make a section of a function of the page.

    Args:
        name: its address on the page (``#lives``) and, among ours, its name in ``devlearn list sections``.
        title: its heading.
        after: the section that it stands right behind, whether that has something to say or not. ``END``, the default,
            is behind all results, before the plan.
        folded: whether only its heading is seen until a reader opens it.
    """

    def enter(make: Callable[[Page], Content | None]) -> Section[Content]:
        made = Section(make, name, title, after, folded)
        # Somebody's own is found as ``module:NAME``: that its file was imported puts it on nobody's page.
        return registry.register("sections", name)(made) if made.ours else made

    return enter


def sections(asked: Sequence[str | Section[object]] = ()) -> list[Section[object]]:
    """The sections of a page in their order: ours, those of installed packages, and those ``asked`` for by name.

    A section that was decorated can be asked for as it is.

    Raises:
        NoPlugin: no such section, or it can't be imported, or a section stands after one that there is not.
        SectionError: what was named is no section, two have one name, or some stand after each other in a ring.
    """
    found: dict[str, Section[object]] = {}
    for given in dict.fromkeys((*asked, *registry.names("sections"))):
        one = registry.get("sections", given) if isinstance(given, str) else given
        if not isinstance(one, Section):
            raise SectionError(f"{given} is no section: decorate a function of the page with devlearn.plugin.section")
        if one.name in found and found[one.name] is not one:
            which = given if isinstance(given, str) else f"that of {one.make.__module__}"
            raise SectionError(f"two sections are called {one.name!r}; call {which} by another name")
        found[one.name] = one
    known = tuple(sorted({*found, BEGINNING, END}))
    for one in found.values():
        if one.after not in known:
            mend = "one of your own is asked for beside it, by --section"
            why = f"section {one.name!r} stands after it; {mend}"
            raise registry.UnknownName("sections", one.after, known, why)
    order = [*_behind(BEGINNING, found), *_behind(END, found)]
    if lost := [one.name for one in found.values() if one not in order]:
        raise SectionError(f"sections that stand after each other have no place: {', '.join(lost)}")
    return order


def _behind(place: str, found: dict[str, Section[object]]) -> list[Section[object]]:
    """The sections that stand behind a place, each followed by those that stand behind it."""
    first = [one for one in found.values() if one.after == place]
    first.sort(key=lambda one: one.ours)  # others between ours and what follows there
    return [other for one in first for other in (one, *_behind(one.name, found))]
