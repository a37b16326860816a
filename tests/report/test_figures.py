"""Figures fit a paper's column, and say in words and numbers what they show."""

import re
from pathlib import Path

import pytest
from matplotlib.figure import Figure
from matplotlib.image import imread

from devlearn.evidence import curves, load, measure
from devlearn.report import figures, svg
from devlearn.report.aside import Aside
from devlearn.report.looks import Look
from devlearn.report.style import apart, label_ends, one_plot
from devlearn.report.svg import Saved, drawing
from tests.evidence.fake_run import tiny_run, write_run
from tests.report.fake_pictures import add_pictures
from tests.report.pages import write
from tests.report.test_page import Elements, read

WIDTHS = {figures.SINGLE, figures.DOUBLE}


def alt_with(page: str, start: str) -> str:
    """The description that begins so."""
    found = (one["aria-label"] or "" for one in Elements(page).named("svg"))
    return next(alt for alt in found if alt.startswith(start))


def test_every_file_is_as_wide_as_a_column(drawn: Path) -> None:
    paths = sorted((drawn / "figures").glob("*.svg"))
    assert len(paths) > 20
    for path in paths:
        width = re.search(r'<svg[^>]* width="([\d.]+)pt"', path.read_text())
        assert width and round(float(width[1]) / 72, 3) in WIDTHS, path
        assert imread(path.with_suffix(".png")).shape[1] / svg.DOTS in WIDTHS, path


def test_no_letter_is_below_seven_points(drawn: Path) -> None:
    for path in (drawn / "figures").glob("*.svg"):
        sizes = [float(size) for size in re.findall(r"font:[^;\"]*?([\d.]+)px", path.read_text())]
        sizes += [float(size) for size in re.findall(r"font-size: ?([\d.]+)px", path.read_text())]
        assert sizes and min(sizes) >= 7, path


def test_descriptions_hold_numbers(drawn: Path) -> None:
    text = (drawn / "report.html").read_text(encoding="utf-8")
    for one in Elements(text).named("svg"):
        assert re.search(r"\d", one["aria-label"] or ""), one["aria-label"]


def test_labels_at_the_ends_stay_apart_and_inside() -> None:
    places = apart([0.1, 0.1, 0.97, 0.98, 0.99], 0.1)
    assert [round(place, 6) for place in places] == [0.1, 0.2, 0.8, 0.9, 1.0]


def test_equal_payments_stand_side_by_side(tmp_path: Path) -> None:
    """All arms paid 5 labels: their marks lie in one group, none on another, all nearer to it than to the next."""
    run = load(tiny_run(tmp_path, {arm: [0.2, 0.3, 0.4] for arm in "abc"}))
    lines = curves(run.points[0].arms, measure(run.resolved.probes, "score"))
    with drawing():
        shown = figures.learning(lines, "labels", "labels")
    (axes,) = shown.figure.axes
    ticks = [tick.get_text() for tick in axes.get_xticklabels()]
    assert ticks == ["0", "5"]
    marks = [line.get_xdata() for line in axes.lines if line.get_marker() != "None"]
    paid = [x[-1] for x in marks if len(x) == 2]
    assert len(set(paid)) == 3
    assert all(0.5 < x < 1.5 for x in paid)


def test_a_storyboard_names_every_stage_and_its_budget(drawn: Path) -> None:
    texts = re.findall(r"<text[^>]*>([^<]*)</text>", (drawn / "figures" / "lives.svg").read_text())
    assert texts.count("school") == 6
    assert {"shuffle", "waves", "updates over the whole life"} <= set(texts)
    alt = alt_with((drawn / "report.html").read_text(), "Storyboard")
    assert "shuffled: waves from 0 to 30, look from 30 to 60, play from 60 to 90, shuffle at 90" in alt


def test_levels_show_who_was_censored(drawn: Path) -> None:
    text = read((drawn / "report.html").read_text(encoding="utf-8"))
    assert "15 of 16 (1 censored)" in text
    assert "more-school: never at the higher level, seed 11" in text


def test_a_hot_start_without_an_answer_says_why(tmp_path: Path) -> None:
    run = tiny_run(
        tmp_path, {"a": [0.2, 0.3], "b": [0.3, 0.4]}, compare={"pairs": [["a", "b"]], "levels": [0.15, 0.25]}
    )
    text = read(write(run).read_text(encoding="utf-8"))
    assert "no answer" in text
    assert "No band for a against b: 2 seeds can't reach significance." in text


def test_power_laws_have_a_line_and_a_row(tmp_path: Path) -> None:
    fit = {"over": "labels", "from": None, "to": None}
    run = write_run(tmp_path / "varied", seeds=6, vary=[10, 100, 1000], compare={"fit": fit})
    text = write(run).read_text(encoding="utf-8")
    assert "Power laws" in text
    assert (run / "figures" / "fits.svg").exists()
    alt = next(a["aria-label"] or "" for a in Elements(text).named("svg") if "logarithmic" in (a["aria-label"] or ""))
    exponents = re.findall(r"(-\d\.\d{3}) \((-\d\.\d{3}) to (-\d\.\d{3})\)", alt)
    assert len(exponents) == 6
    assert all(float(low) <= float(b) <= float(high) for b, low, high in exponents)


def test_nothing_is_cut_off(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No label of any figure reaches beyond the edge of its file."""
    from devlearn.report import figure_store as shelf

    saved: dict[str, tuple[Figure, Saved]] = {}

    def save(figure: Figure, folder: Path, name: str, aside: Aside, look: Look) -> Saved:
        saved[name] = figure, shelf_save(figure, folder, name, aside, look)
        return saved[name][1]

    shelf_save = shelf.save
    monkeypatch.setattr(shelf, "save", save)
    write(add_pictures(write_run(tmp_path / "run", seeds=6, compare={"levels": [0.3]})))
    assert len(saved) > 15
    with drawing():
        for name, (figure, _) in saved.items():
            box = figure.get_tightbbox()
            width, height = figure.get_size_inches()
            assert box.x0 > -0.01 and box.y0 > -0.01 and box.x1 < width + 0.01 and box.y1 < height + 0.01, name


def test_labels_stand_beside_their_ends_on_a_logarithmic_axis() -> None:
    with drawing():
        _, axes = one_plot(2.0)
        axes.set_yscale("log")
        axes.plot([0, 1], [1, 100])
        axes.set_ylim(1, 100)
        label_ends(axes, [(10.0, "a", 0), (100.0, "b", 1)])
    assert [text.get_position()[1] for text in axes.texts] == pytest.approx([0.5, 1.0])
