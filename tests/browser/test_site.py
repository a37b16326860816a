"""The documentation opens from disk, alone and in silence, wide and narrow. Skipped where it has not been built."""

from pathlib import Path
from typing import Any

import pytest

SITE = Path(__file__).parents[2] / "docs" / "_build" / "html"
WIDTHS = (1400, 400)  # pixels
PAGES = sorted(SITE.rglob("*.html"))


@pytest.mark.skipif(not PAGES, reason="the documentation is not built: make docs")
def test_every_page_asks_for_nothing_and_fits(chromium: Any) -> None:
    wrong = [f"{page.relative_to(SITE)}: {why}" for page in PAGES for why in faults(chromium, page)]
    assert not wrong, "\n".join(wrong)


@pytest.mark.skipif(not PAGES, reason="the documentation is not built: make docs")
@pytest.mark.parametrize(("asked", "page"), [("own data", "data"), ("own environment", "environment")])
def test_a_search_for_ones_own_finds_the_page_first(chromium: Any, asked: str, page: str) -> None:
    opened = chromium.new_page()
    opened.goto(f"{(SITE / 'search.html').as_uri()}?q={asked.replace(' ', '+')}")
    first = opened.locator("#search-results li a").first
    first.wait_for()
    assert first.get_attribute("href").startswith(f"how-to/{page}.html")
    opened.close()


def faults(chromium: Any, path: Path) -> list[str]:
    """What is wrong with one page, on a wide screen and on a narrow one."""
    page, found = chromium.new_page(viewport={"width": WIDTHS[0], "height": 900}), []
    page.on("request", lambda request: found.append(f"asks for {request.url}") if outside(request.url) else None)
    page.on("console", lambda message: found.append(f"says {message.text}"))
    page.on("pageerror", lambda error: found.append(f"fails with {error}"))
    page.goto(path.as_uri())
    for width in WIDTHS:
        page.set_viewport_size({"width": width, "height": 900})
        if page.evaluate("document.documentElement.scrollWidth") > width:
            found.append(f"is wider than {width} pixels")
    if page.evaluate("[...document.images].some(image => !image.alt)"):
        found.append("has a picture without words")
    page.close()
    return found


def outside(url: str) -> bool:
    return not url.startswith((SITE.as_uri(), "data:"))
