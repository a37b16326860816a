"""README: its picture is of the committed result, and it reads on a package index, without the repository's files."""

import re
from pathlib import Path

import matplotlib
import pytest
from devlearn_docs import drawing, readme_picture
from matplotlib.backends.backend_agg import FigureCanvasAgg

ROOT = Path(__file__).parents[2]


def indexed() -> str:
    """The text that the package's metadata has."""
    from hatchling.metadata.core import ProjectMetadata
    from hatchling.plugin.manager import PluginManager

    return str(ProjectMetadata(str(ROOT), PluginManager()).core.readme)


def test_the_picture_is_of_the_committed_result() -> None:
    assert readme_picture.current(), "docs/first_steps.svg is of other numbers; `make results` draws it anew"
    assert readme_picture.FILE.name in (ROOT / "README.md").read_text(encoding="utf-8")


def test_a_picture_of_other_numbers_is_found() -> None:
    arms, result = readme_picture.drawn_from()
    point = result.points[0]
    first = next(iter(point.arms))
    values = {**point.arms[first].values, "0": 0.5}
    other = point.model_copy(
        update={"arms": {**point.arms, first: point.arms[first].model_copy(update={"values": values})}}
    )
    changed = result.model_copy(update={"points": (other,)})
    assert readme_picture.digest(arms, changed) not in readme_picture.FILE.read_text(encoding="utf-8")


def test_a_package_index_shows_no_broken_link() -> None:
    from readme_renderer import markdown

    text = indexed()
    html = markdown.render(text)
    assert html and "<table>" in html and "first_steps" in html
    targets = re.findall(r'(?:href|src)="([^"]*)"', html)
    assert all(target.startswith(("https:", "#", "mailto:")) for target in targets), targets
    assert "<!--" not in text and "](" not in re.sub(r"\]\(https:", "", text)


@pytest.mark.parametrize("narrow", [False, True])
def test_what_stands_in_a_block_of_the_picture_fits_into_it(narrow: bool) -> None:
    figure = readme_picture.figure(narrow)
    figure.set_dpi(600)  # widths of letters that are not rounded to pixels
    with matplotlib.rc_context(drawing.STYLE):
        FigureCanvasAgg(figure).draw()
    axes = figure.axes[0]
    blocks = [block.get_window_extent() for block in axes.patches]
    words = [text.get_window_extent() for text in axes.texts]
    assert len(blocks) == len(words) > 0
    for block, word, text in zip(blocks, words, axes.texts, strict=True):
        assert block.x0 <= word.x0 and word.x1 <= block.x1, text.get_text()
        assert block.y0 <= word.y0 and word.y1 <= block.y1, text.get_text()
