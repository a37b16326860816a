"""The report opens from disk, alone and in silence, and can be read by everyone."""

from pathlib import Path
from typing import Any

import pytest

WIDE, NARROW = 1280, 400


UNFOLD = "document.querySelectorAll('details').forEach(one => one.open = true)"


def opened(
    chromium: Any,
    report: Path,
    width: int = WIDE,
    scheme: str = "light",
    scripts: bool = True,
    unfolded: bool = True,
) -> Any:
    """The page, with no network; what it asked for and what it said are kept on it."""
    context = chromium.new_context(
        viewport={"width": width, "height": 900}, color_scheme=scheme, java_script_enabled=scripts, offline=True
    )
    page = context.new_page()
    page.asked, page.said = [], []
    page.on("request", lambda request: page.asked.append(request.url))
    page.on("console", lambda message: page.said.append(message.text))
    page.on("pageerror", lambda error: page.said.append(str(error)))
    page.goto(report.as_uri())
    if unfolded:
        page.evaluate(UNFOLD)
    return page


def test_it_asks_for_nothing_and_says_nothing(chromium: Any, report: Path) -> None:
    page = opened(chromium, report)
    outside = [url for url in page.asked if not url.startswith("data:image/png;base64,")]
    assert outside == [report.as_uri()]
    assert page.said == []


@pytest.mark.parametrize(("width", "scheme"), [(WIDE, "light"), (NARROW, "dark")])
def test_axe_finds_no_violation(chromium: Any, report: Path, scheme: str, width: int) -> None:
    from axe_playwright_python.sync_playwright import Axe

    found = Axe().run(opened(chromium, report, width, scheme))
    assert len(found.response["passes"]) > 10
    assert found.violations_count == 0, found.generate_report()


def test_every_figure_is_described(chromium: Any, report: Path) -> None:
    page = opened(chromium, report)
    described = page.locator("svg").evaluate_all("all => all.map(one => [one.getAttribute('role'), one.ariaLabel])")
    assert len(described) > 100
    assert all(role == "img" and len(label or "") > 20 for role, label in described)
    assert page.locator("img, canvas, iframe, script").count() == 0


@pytest.mark.parametrize("width", [NARROW, WIDE])
def test_no_horizontal_scroll(chromium: Any, report: Path, width: int) -> None:
    page = opened(chromium, report, width)
    assert page.evaluate("document.documentElement.scrollWidth") <= width


TABLES = """() => [...document.querySelectorAll("table")].map(table => {
  const box = table.parentElement, look = getComputedStyle(box);
  return {name: box.ariaLabel, width: table.scrollWidth, room: box.clientWidth,
          stacked: getComputedStyle(table.rows[1]).display === "block",
          cue: look.overflowX === "auto" && look.backgroundImage.split("linear-gradient").length === 5,
          labelled: [...table.tBodies[0].rows].every(row => [...row.cells].every(
            cell => cell.dataset.label || cell.classList.contains("none") || cell.colSpan > 1))};
})"""


def test_no_table_is_cut_on_a_wide_screen(chromium: Any, report: Path) -> None:
    tables = opened(chromium, report).evaluate(TABLES)
    assert {"All differences and verdicts", "Time to a level", "The ledger", "Power laws"} <= {
        t["name"].split(" labels = ")[0] for t in tables
    }
    assert [t for t in tables if t["width"] > t["room"]] == []


def test_on_a_narrow_screen_every_table_is_stacked_and_labelled(chromium: Any, report: Path) -> None:
    tables = opened(chromium, report, NARROW).evaluate(TABLES)
    assert len(tables) > 10
    assert [t for t in tables if not t["stacked"] or not t["labelled"] or t["width"] > t["room"]] == []


def test_in_between_a_table_that_scrolls_shows_it(chromium: Any, report: Path) -> None:
    tables = opened(chromium, report, 760).evaluate(TABLES)
    scrolled = [t for t in tables if t["width"] > t["room"]]
    assert scrolled
    assert all(t["cue"] for t in scrolled)


def test_pictures_are_painted(chromium: Any, report: Path) -> None:
    """A picture and a later use of the same one have a size, and the policy lets both load."""
    page = opened(chromium, report)
    boxes = page.locator(".picture > *").evaluate_all("all => all.map(one => one.getBoundingClientRect().width)")
    assert len(boxes) > 100
    assert min(boxes) > 20


def test_every_section_can_be_reached(chromium: Any, report: Path) -> None:
    page = opened(chromium, report)
    linked = page.locator("nav[aria-label=Contents] a").evaluate_all("all => all.map(one => one.hash)")
    sections = page.locator("main > section").evaluate_all("all => all.map(one => '#' + one.id)")
    assert linked == sections
    titles = page.locator("main > section h2").all_inner_texts()
    assert "Learning curves" in titles
    assert {"Receptive fields", "Behaviour", "Over all points", "Proxy and metric"} <= set(titles)


def test_the_first_screen_has_the_answer_and_the_second_what_it_hangs_on(chromium: Any, report: Path) -> None:
    """Headline, cost and, after what is drawn over all points, every difference with its verdict; the rest unfolds."""
    page = opened(chromium, report, unfolded=False)
    page.evaluate("document.querySelector('#points').remove()")
    headline, table, change, warnings, lives, curves = (
        page.locator(name).first.bounding_box()
        for name in (".headline", ".heat", "#verdicts .sentences", "#warnings li", "#lives svg", "#curves svg")
    )
    assert 0 < headline["y"] < table["y"] < change["y"] < warnings["y"] < lives["y"] < curves["y"]
    assert table["y"] + table["height"] < 900
    assert warnings["y"] + warnings["height"] < 1800
    assert curves["width"] >= 360
    shut = page.locator("main > section summary > h2").evaluate_all("all => all.map(one => one.closest('section').id)")
    assert {"bought", "cost", "proxy", "methods", "reproduce"} <= set(shut) and not {"lives", "curves"} & set(shut)


def test_the_numbers_of_a_figure_can_be_saved(chromium: Any, report: Path) -> None:
    page = opened(chromium, report)
    with page.expect_download() as saved:
        page.locator("a[download='lives.csv'], a[download='point0-lives.csv']").first.click()
    text = saved.value.path().read_text(encoding="utf-8")
    assert saved.value.suggested_filename.endswith("lives.csv") and text.startswith("arm,stage,kind,visit,")
    with page.expect_download() as saved:
        page.locator("a[download='point0-lives.svg'], a[download='lives.svg']").first.click()
    beside = report.parent / "figures" / saved.value.suggested_filename
    assert saved.value.path().read_bytes() == beside.read_bytes()


def test_no_link_of_a_page_that_was_sent_alone_is_dead(chromium: Any, report: Path, tmp_path: Path) -> None:
    alone = tmp_path / "report.html"
    alone.write_bytes(report.read_bytes())
    page = opened(chromium, alone)
    links = page.locator("a").evaluate_all("all => all.map(one => one.getAttribute('href'))")
    held = [link for link in links if link.startswith("data:")]
    assert len(held) > 50 and all(link.startswith(("data:", "#")) for link in links)
    assert all(page.locator(link).count() == 1 for link in links if link.startswith("#"))


def test_without_scripts_it_reads_the_same(chromium: Any, report: Path) -> None:
    texts = [opened(chromium, report, scripts=scripts).locator("body").inner_text() for scripts in (True, False)]
    assert len(texts[0]) > 5000
    assert texts[0] == texts[1]


def test_it_is_small(report: Path) -> None:
    assert report.stat().st_size < 3_000_000


def test_it_prints(chromium: Any, report: Path, tmp_path: Path) -> None:
    """Also from a dark screen the paper is white, and nothing is cut off at its right edge."""
    page = opened(chromium, report, width=688, scheme="dark")
    page.emulate_media(media="print")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert page.evaluate("document.documentElement.scrollWidth") <= 688
    assert page.pdf(format="A4", path=tmp_path / "report.pdf").startswith(b"%PDF")
