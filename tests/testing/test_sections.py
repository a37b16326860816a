"""The laws of report sections: those that ship keep them, and each way to break them is found."""

import random
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from markupsafe import Markup

from devlearn.plugin import Drawn, Page, section, style
from devlearn.report.section import Section
from devlearn.testing import Finding, assert_ok, check_section, sections
from tests.commands import said
from tests.shipped import shipped


@pytest.fixture(scope="module", autouse=True)
def one_toy_run(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """The toy is trained once for all of these; each check gets a copy."""
    trained = sections._toy_run(tmp_path_factory.mktemp("toy"))

    def copied(folder: Path) -> Path:
        shutil.copytree(trained, folder / "run")
        return folder / "run"

    patch = pytest.MonkeyPatch()
    patch.setattr(sections, "_toy_run", copied)
    yield
    patch.undo()


@pytest.mark.parametrize("name", shipped("sections"))
def test_a_registered_section_keeps_the_laws(name: str) -> None:
    assert_ok(check_section(name))


def figure(alt: str, name: str) -> Drawn:
    plot, axes = style.one_plot(1.5)
    axes.plot([0, 1], [0, 1])
    return Drawn(name, plot, "Made up.", alt)


@section("asking", title="Asks for a picture")
def asking(page: Page) -> Markup:
    return Markup('<img src="https://example.org/x.png" alt="A picture of 1 cat, from elsewhere">')


@section("painted", title="Has a style of its own")
def painted(page: Page) -> Markup:
    return Markup('<p style="color: red">Red.</p>')


@section("mute", title="Says nothing of its figure")
def mute(page: Page) -> Drawn:
    return figure("A line that goes up and up", "mute")  # no number


@section("namesake", title="Has a figure that is called as one of ours")
def namesake(page: Page) -> Drawn:
    return figure("A line from 0 to 1, up", f"{page.places[0].prefix}dots")


@section("twice", title="Has an id twice")
def twice(page: Page) -> Markup:
    return Markup('<p id="a">1</p><p id="a">2</p>')


@section("moody", title="Another text each time")
def moody(page: Page) -> str:
    return f"Today it is {random.random()}."


@section("restless", title="Another figure each time")
def restless(page: Page) -> Markup:
    page.figure(figure(f"A line from 0 to {random.random()}", "restless"))
    (page.shelf.folder / "note.txt").write_text(str(random.random()))
    return Markup("<p>The same.</p>")


@section("writing", title="Writes into the run")
def writing(page: Page) -> str:
    (page.run.folder / "note.txt").write_text("I was here")
    return "Nothing to see."


@section("hasty", title="Needs records")
def hasty(page: Page) -> str:
    life = page.places[0].records.arms["random-init"].lives[0]
    return f"It was measured at {life.moments[-1].update}."


@section("lost", title="Stands nowhere", after="verdict")
def lost(page: Page) -> str:
    return "Here?"


@pytest.mark.parametrize(
    ("name", "law", "said"),
    [
        ("asking", "requests", "https://example.org/x.png"),
        ("painted", "requests", "refuses style"),
        ("mute", "described", "A line that goes up and up"),
        ("namesake", "figures", "'point0-dots', and a figure of another section may be called so; begin it with"),
        ("twice", "ids", "id a"),
        ("moody", "deterministic", "another page"),
        ("restless", "deterministic", "another note.txt"),
        ("writing", "records", "changes note.txt"),
        ("hasty", "unfinished", "IndexError"),
        ("lost", "place", "did you mean 'verdicts'?"),
    ],
)
def test_a_broken_law_is_found(name: str, law: str, said: str) -> None:
    broken = {found.name: found.message for found in check_section(f"{__name__}:{name}") if not found.ok}
    assert list(broken) == [law] and said in broken[law]


@section("silent", title="Has nothing to say")
def silent(page: Page) -> str | None:
    return None


@section("shapeless", title="Gives what nothing shows")
def shapeless(page: Page) -> int:
    return 3


@section("greedy", title="Has two figures of one name")
def greedy(page: Page) -> list[Drawn]:
    return [figure("A line from 0 to 1, once", "greedy"), figure("A line from 0 to 1, again", "greedy")]


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("silent", "nothing to say of a toy run"),
        ("shapeless", "gives a int, which takes a template beside it"),
        ("greedy", "two figures are called 'greedy'"),
    ],
)
def test_what_cannot_stand_on_the_page_is_a_finding(name: str, said: str) -> None:
    (found,) = check_section(f"{__name__}:{name}")
    assert (found.name, found.ok) == ("drawn", False) and said in found.message


@pytest.mark.parametrize(
    ("name", "said"), [("livs", "did you mean 'lives'?"), (f"{__name__}:figure", "decorate a function with @section")]
)
def test_what_is_no_section_is_named(name: str, said: str) -> None:
    (found,) = check_section(name)
    assert (found.name, found.ok) == ("kind", False) and said in found.message


@section("first", title="One's own")
def first(page: Page) -> str:
    return "One."


@section("second", title="Behind one's own", after="first")
def second(page: Page) -> str:
    return "Two."


def test_a_section_behind_another_of_ones_own_is_checked_beside_it() -> None:
    (lost,) = [found for found in check_section(second) if not found.ok]
    assert lost.name == "place" and "one of your own is asked for beside it, by --section" in lost.message
    for beside in ([first], [f"{__name__}:first"]):
        found = check_section(second, beside)
        assert_ok(found)
        assert next(one.message for one in found if one.name == "place") == "right behind 'first'"
    assert "keeps all" in said("check", "section", f"{__name__}:second", "--section", f"{__name__}:first")
    lost_too = ("check", "section", f"{__name__}:second", "--section", f"{__name__}:frist")
    assert f"did you mean '{__name__}:first'?" in said(*lost_too, code=2)
    assert "not for: check stage" in said("check", "stage", "supervise", "--section", f"{__name__}:first", code=2)


def made_for(number: int) -> Section[str]:
    @section(f"number-{number}", title="One of several")
    def one(page: Page) -> str:
        return f"Number {number}."

    return one


one_of_two, two_of_two = made_for(1), made_for(2)


@pytest.mark.parametrize("name", ["one_of_two", "two_of_two"])
def test_sections_that_one_function_made_keep_the_laws(name: str) -> None:
    assert_ok(check_section(f"{__name__}:{name}"))


def test_a_link_is_no_request() -> None:
    @section("linking", title="Names its source")
    def linking(page: Page) -> Markup:
        return Markup('<p>After <a href="https://example.org/paper">a paper</a>.</p>')

    found: list[Finding] = check_section(linking)
    assert_ok([one for one in found if one.name == "requests"])
