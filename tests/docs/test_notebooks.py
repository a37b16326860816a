"""The notebooks run from the first cell to the last, and print what they show, numbers and verdicts apart."""

import base64
import json
import re
from contextlib import redirect_stdout
from io import BytesIO, StringIO
from pathlib import Path

import matplotlib
import pytest
from devlearn_docs import notebooks

LOOSE = re.compile(r"[-+]?[\d.,]+(e-\d+)?|better|worse|undecided|equivalent|identical")


def loosely(text: str) -> list[str]:
    """Words without what another processor may print otherwise."""
    return LOOSE.sub("#", text).split()


def run(code: str, names: dict[str, object]) -> str:
    """What a cell prints."""
    if code.startswith(notebooks.MAGIC):
        head, _, body = code.partition("\n")
        Path(head.removeprefix(notebooks.MAGIC)).write_text(body)
        return ""
    said = StringIO()
    with redirect_stdout(said):
        exec(code, names)
    return said.getvalue()


@pytest.mark.parametrize("path", notebooks.files(), ids=lambda path: str(path.stem))
def test_a_notebook_prints_what_it_shows(path: Path, here: Path) -> None:
    matplotlib.use("agg")
    names: dict[str, object] = {}
    printed = 0
    for code, shown in notebooks.cells(path):
        if code.startswith(notebooks.MAGIC):
            run(code, names)
            continue
        assert loosely(run(code, names)) == loosely(shown), f"{path.name}: `make notebooks` runs it anew\n{code}"
        printed += bool(shown)
    assert printed >= 2


def test_no_picture_is_a_white_box_in_the_dark() -> None:
    """Curves are inverted by the style sheet, in both ways that a page is dark; greys stay, on a clear ground."""
    from matplotlib.image import imread

    css = (notebooks.FOLDER.parent / "static" / "tables.css").read_text(encoding="utf-8")
    for dark in ('body[data-theme="dark"]', 'body:not([data-theme="light"])'):
        assert f"{dark} article .cell:not(.tag_pixels) .cell_output img {{ filter: invert(1)" in css
    shown = {True: 0, False: 0}
    for path in notebooks.files():
        for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]:
            pictures = [
                one["data"]["image/png"] for one in cell.get("outputs", ()) if "image/png" in one.get("data", ())
            ]
            for picture in pictures:
                clear = imread(BytesIO(base64.b64decode(picture)))[0, 0, 3] == 0
                assert clear == ("pixels" in cell["metadata"].get("tags", ())), f"{path.name}: {cell['id']}"
                shown[bool(clear)] += 1
    assert shown[True] and shown[False]


def test_outputs_are_of_one_run_from_the_top() -> None:
    for path in notebooks.files():
        read = json.loads(path.read_text(encoding="utf-8"))
        counts = [cell["execution_count"] for cell in read["cells"] if cell["cell_type"] == "code"]
        assert counts == list(range(1, len(counts) + 1)), f"{path.name}: run it anew with `make notebooks`"
        assert "/tmp" not in path.read_text(encoding="utf-8"), f"{path.name} shows a folder of the machine it ran on"


def test_words_that_differ_are_seen() -> None:
    assert loosely("a: +1.5 points, better") == loosely("a: -0.3 points, undecided")
    assert loosely("a: 1") != loosely("b: 1")
