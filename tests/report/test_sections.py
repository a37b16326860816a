"""Sections of the page: found by the registry, in their declared order, one's own among them."""

import re
from pathlib import Path

import pytest
from markupsafe import Markup

import devlearn
from devlearn import registry
from devlearn.plugin import Drawn, Page, section, style
from devlearn.report.section import BEGINNING, Section, SectionError, sections
from tests.commands import call
from tests.evidence.fake_run import tiny_run
from tests.report.pages import write
from tests.report.test_page import Elements

ORDER = [
    "points", "differences", "verdicts", "warnings", "lives", "matrix", "curves", "bought", "cost", "proxy", "fields",
    "films", "bonuses", "lessons", "feedback", "online", "recall", "stories", "plan", "methods", "reproduce", "read",
]  # fmt: skip


@section("after-lives", title="Right behind the lives", after="lives")
def after_lives(page: Page) -> str:
    return "One <paragraph>.\n\nAnother."


@section("behind-that", title="Behind one's own", after="after-lives")
def behind_that(page: Page) -> Markup:
    return Markup("<p>Of <b>its own</b>.</p>")


@section("first-of-all", title="First of all", after=BEGINNING)
def first_of_all(page: Page) -> None:
    return None


@section("last-result", title="Behind all results")
def last_result(page: Page) -> Drawn:
    figure, axes = style.one_plot(1.5)
    axes.plot([0, 1], [0, len(page.places)])
    return Drawn("last-result", figure, "A line.", "A line from 0 to 1.")


@section("ring-a", title="A", after="ring-b")
def ring_a(page: Page) -> str:
    return "a"


@section("ring-b", title="B", after="ring-a")
def ring_b(page: Page) -> str:
    return "b"


@section("lives", title="Another life")
def other_lives(page: Page) -> str:
    return "no"


def own(*names: str) -> list[str]:
    return [f"{__name__}:{name}" for name in names]


def ids(page: str) -> list[str | None]:
    """The sections of a page, in its order."""
    known = {*ORDER, "after-lives", "behind-that", "last-result", "first-of-all"}
    return [a.get("id") for tag, a in Elements(page).found if tag == "section" and a.get("id") in known]


@pytest.fixture
def tiny(tmp_path: Path) -> Path:
    return tiny_run(tmp_path, {"a": [0.1, 0.2, 0.4], "b": [0.2, 0.3, 0.4]}, compare={"pairs": [["a", "b"]]})


def lengths(unit: str) -> Section[str]:
    """Several sections made by one function."""

    @section(f"length-{unit}", title=f"Length in {unit}", after="lives")
    def length(page: Page) -> str:
        return f"Counted in {unit}."

    return length


in_updates, in_images = lengths("updates"), lengths("images")


def test_ours_stand_in_their_declared_order() -> None:
    """That others were imported here puts them on no page."""
    assert [one.name for one in sections()] == ORDER
    assert set(ORDER) == {name for name in registry.names("sections") if ":" not in name}


def test_ones_own_stand_where_they_say() -> None:
    asked = own("last_result", "behind_that", "after_lives", "first_of_all")
    order = [one.name for one in sections(asked)]
    assert order == [
        "first-of-all", "points", "differences", "verdicts", "warnings", "lives", "after-lives", "behind-that",
        "matrix", "curves", "bought", "cost", "proxy", "fields", "films", "bonuses", "lessons", "feedback", "online",
        "recall", "stories", "last-result", "plan", "methods", "reproduce", "read",
    ]  # fmt: skip


def test_sections_that_one_function_made_are_found_by_what_the_module_calls_them(tiny: Path) -> None:
    order = [one.name for one in sections(own("in_images", "in_updates"))]
    assert order[4:7] == ["lives", "length-images", "length-updates"]
    assert sections([in_updates, in_images]) == sections(own("in_updates", "in_images"))
    page = write(tiny, *own("in_images", "in_updates")).read_text(encoding="utf-8")
    assert "<p>Counted in images.</p>" in page and "<p>Counted in updates.</p>" in page


def test_figures_that_a_page_no_longer_has_are_gone_and_nobody_elses(tiny: Path) -> None:
    figures = tiny / "figures"
    write(tiny, *own("last_result"))
    with_it = {path.name for path in figures.iterdir()}
    (figures / "mine.svg").write_text("by hand")
    write(tiny)
    assert {path.name for path in figures.iterdir()} == with_it - {"last-result.svg", "last-result.png"} | {"mine.svg"}


def test_they_come_into_the_page_with_their_links_and_figures(tiny: Path) -> None:
    plain = ids(write(tiny).read_text(encoding="utf-8"))
    page = write(tiny, *own("after_lives", "behind_that", "first_of_all", "last_result")).read_text(encoding="utf-8")
    at = plain.index("lives") + 1
    found = ids(page)
    assert [name for name in found if name != "last-result"] == [*plain[:at], "after-lives", "behind-that", *plain[at:]]
    assert found.index("last-result") == found.index("plan") - 1
    assert "<p>One &lt;paragraph&gt;.</p>\n<p>Another.</p>" in page and "<p>Of <b>its own</b>.</p>" in page
    assert '<a href="#after-lives">Right behind the lives</a>' in page and "#first-of-all" not in page
    assert (tiny / "figures" / "last-result.svg").exists() and 'aria-label="A line from 0 to 1."' in page


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        (["livs"], "did you mean 'lives'?"),
        (own("after_life"), f"did you mean '{__name__}:after_lives'?"),
        (
            own("behind_that"),
            "unknown section 'after-lives'.*stands after it; one of your own .* --section",
        ),
        (own("tiny"), "is no section: decorate"),
        (own("ring_a", "ring_b"), "no place: ring-a, ring-b"),
        (own("other_lives"), "two sections are called 'lives'"),
    ],
)
def test_what_has_no_place_is_refused(asked: list[str], said: str) -> None:
    with pytest.raises((registry.NoPlugin, SectionError), match=said):
        sections(asked)


@pytest.mark.parametrize("name", ["Big", "two words", "end", ""])
def test_a_name_is_an_address(name: str) -> None:
    with pytest.raises(SectionError, match="can't be called"):
        section(name, title="x")(lambda page: "x")


TABLE = """
from devlearn.plugin import Page, section

@section("seeds", title="Seeds", after="lives")
def seeds(page: Page) -> list[int]:
    return list(page.run.resolved.seeds)
"""


def test_a_file_with_its_template_on_the_command_line(
    tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "seeds_of_a_test.py").write_text(TABLE)
    (tmp_path / "seeds_of_a_test.j2").write_text("<p>{{ found | join(', ') }} of {{ page.run.resolved.scenario }}</p>")
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    assert call("report", tiny, "--section", "seeds_of_a_test:seeds").exit_code == 0
    page = (tiny / "report.html").read_text(encoding="utf-8")
    assert "<p>0, 1, 2 of tiny</p>" in page and 'href="#seeds"' in page
    result = call("report", tiny, "--section", "seeds_of_a_test:seed")
    assert result.exit_code == 2 and "did you mean 'seeds_of_a_test:seeds'?" in result.output
    (tmp_path / "seeds_of_a_test.j2").unlink()
    result = call("report", tiny, "--section", "seeds_of_a_test:seeds")
    assert result.exit_code == 2 and "takes a template beside it" in result.output


def test_the_answer_stands_first(page: str) -> None:
    """Headline, differences with their intervals, verdicts, warnings, lives, curves; the rest unfolds."""
    assert ids(page)[:5] == ["differences", "verdicts", "warnings", "lives", "curves"]
    opened = re.findall(r'<section id="([a-z]+)">\n<h2>', page)
    folded = re.findall(r'<section id="([a-z]+)">\n<details><summary><h2>', page)
    assert (opened, opened + folded) == (ids(page)[:5], ids(page))
    before = page[page.index("<main>") : page.index('<section id="verdicts">')]
    assert "<table" not in before and 'aria-label="Differences with their intervals' in before
    assert page.index('<p class="headline">') < page.index("<main>")


@section("stumbles", title="Stumbles")
def stumbles(page: Page) -> str:
    return str(page.places[0].records.arms["nobody"])


def test_one_that_raises_is_named_with_its_line_and_the_page_stands(tiny: Path) -> None:
    before = devlearn.Run(tiny).report().read_bytes()
    with pytest.raises(SectionError, match=r"'stumbles' raised KeyError: 'nobody' \(test_sections\.py:\d+\); the page"):
        devlearn.Run(tiny).report(sections=own("stumbles"))
    assert (tiny / "report.html").read_bytes() == before


@pytest.mark.parametrize(("name", "alt", "why"), [("../out", "1 line", "can't be called"), ("out", " ", "has no alt")])
def test_a_figure_has_a_name_in_its_folder_and_a_description(name: str, alt: str, why: str) -> None:
    with pytest.raises(SectionError, match=why):
        Drawn(name, style.one_plot(1.5)[0], "A line.", alt)
