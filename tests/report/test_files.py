"""What a reader can take along of a figure: its numbers, values where they point, another look, matplotlib's own."""

import base64
import csv
import io
import re
from pathlib import Path
from urllib.parse import unquote
from xml.etree import ElementTree

import pytest
from matplotlib.colors import to_hex
from matplotlib.figure import Figure

import devlearn
from devlearn import report
from devlearn.evidence import evaluate, load
from devlearn.report import figure_store
from devlearn.report.data import as_address, as_csv
from devlearn.report.drawing import style
from devlearn.report.looks import DARK, LARGER, darken
from devlearn.report.style import COLOURS, INK, PAPER
from devlearn.report.svg import drawing
from tests.commands import call
from tests.evidence.fake_run import tiny_run
from tests.report.pages import write

PAIR = {"pairs": [["a", "b"]]}
ARMS = ("one/a", "one/b", "two/a", "two/b")


@pytest.fixture
def run(tmp_path: Path) -> Path:
    values = {"a": [0.31, 0.42, 0.53], "b": [0.35, 0.46, 0.47]}
    return tiny_run(tmp_path / "run", values, on_the_way={10: [0.2, 0.3, 0.4]}, compare=PAIR)


def test_numbers_go_into_an_address_and_come_back() -> None:
    rows = [{"arm": 'a, "b" & <c>', "x": 1 / 3}, {"arm": "é\n", "y": None, "x": 2}]
    text = as_csv(rows)
    address = as_address(text)
    assert re.fullmatch(r"data:text/csv;charset=utf-8,[!-~]*", address) and not set('"<>&#') & set(address)
    assert unquote(address.split(",", 1)[1]) == text
    back = list(csv.DictReader(io.StringIO(text)))
    assert back == [{"arm": 'a, "b" & <c>', "x": "0.333333", "y": ""}, {"arm": "é\n", "x": "2", "y": ""}]


def test_every_figure_of_the_page_carries_the_numbers_that_it_shows(run: Path) -> None:
    page = write(run).read_text(encoding="utf-8")
    held = dict(re.findall(r'<a href="(data:text/csv[^"]*)" download="([^"]*)"', page))
    files = {name: unquote(address.split(",", 1)[1]) for address, name in held.items()}
    assert page.count("<figcaption>") == len(files)
    assert all((run / "figures" / name).read_text(encoding="utf-8") == text for name, text in files.items())
    learners = list(csv.DictReader(io.StringIO(files["dots.csv"])))
    assert [(row["arm"], row["seed"]) for row in learners] == [(arm, seed) for arm in "ab" for seed in "012"]
    assert [float(row["score points"]) for row in learners][:3] == [0.31, 0.42, 0.53]


def test_a_page_alone_holds_every_file_that_it_links_and_names_the_others(run: Path) -> None:
    page = write(run).read_text(encoding="utf-8")
    links = re.findall(r'<a href="([^"#][^"]*)" download="([^"]*)"', page)
    assert links and 'href="figures' not in page and all(address.startswith("data:") for address, _ in links)
    drawn = {name: address for address, name in links if name.endswith(".svg")}
    assert len(drawn) == page.count("<figcaption>")
    for name, address in drawn.items():
        assert (
            base64.b64decode(address.removeprefix("data:image/svg+xml;base64,"))
            == (run / "figures" / name).read_bytes()
        )
    assert {path.name for path in (run / "figures").glob("*.png")} == set(re.findall(r"[\w-]+\.png", page))


def test_a_file_that_the_page_has_no_room_for_is_named(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(figure_store, "FILES", 1000)
    monkeypatch.setattr(figure_store, "DATA", 10)
    page = write(run).read_text(encoding="utf-8")
    assert "data:image/svg" not in page and "data:text/csv" not in page
    assert all(f"dots.{kind}" in page for kind in ("csv", "svg", "png"))
    assert (run / "figures" / "dots.csv").exists() and (run / "figures" / "dots.svg").exists()


def test_values_are_told_where_a_reader_points(run: Path) -> None:
    page = write(run).read_text(encoding="utf-8")
    told = re.findall(r"<title>([^<]*)</title>", page)
    assert {"a, seed 1: 0.42", "b, mean 0.4267", "a, 0.42 at 20"} <= set(told)
    assert "hover:" not in page
    ElementTree.fromstring((run / "figures" / "dots.svg").read_text())


def shown(page: Path) -> str:
    """A page without the drawings that can be saved from it."""
    return re.sub(r"data:image/svg[^\"]*", "", page.read_text(encoding="utf-8"))


def test_a_look_changes_the_files_and_not_what_the_page_shows(run: Path) -> None:
    records = load(run)
    found = evaluate(records)
    plain = shown(report.write(records, found))
    width, ink = (re.compile(text) for text in (r'<svg[^>]* width="([\d.]+)pt"', rf"{INK}|{DARK[INK]}"))
    files = {}
    for look in ("paper", "talk", "dark"):
        assert shown(report.write(records, found, look=look)) == plain
        files[look] = (run / "figures" / "dots.svg").read_text()
    sizes = {look: float(width.search(text)[1]) for look, text in files.items()}  # type: ignore[index]
    assert sizes["talk"] == LARGER * sizes["paper"] == LARGER * sizes["dark"]
    assert set(ink.findall(files["paper"])) == {INK} and set(ink.findall(files["dark"])) == {DARK[INK]}


def test_in_the_dark_every_colour_is_another_and_as_pale_as_it_was() -> None:
    with drawing():
        figure, axes = style.one_plot(2.0)
        (line,) = axes.plot([0, 1], color=COLOURS[0])
        band = axes.fill_between([0, 1], [0, 1], [1, 2], color=COLOURS[1], alpha=0.2)
        darken(figure)
    assert (line.get_color(), to_hex(figure.get_facecolor())) == (DARK[COLOURS[0]], DARK[PAPER])
    assert (to_hex(band.get_facecolor()[0]), band.get_alpha()) == (DARK[COLOURS[1]], 0.2)


def test_one_figure_is_matplotlibs_own(run: Path, tmp_path: Path) -> None:
    opened = devlearn.Run(run)
    figure = opened.figure("dots")
    assert isinstance(figure, Figure) and not (run / "figures").exists()
    figure.axes[0].set_xlabel("what I call it")
    figure.savefig(tmp_path / "mine.svg")
    assert (tmp_path / "mine.svg").exists()
    with pytest.raises(LookupError, match="no figure 'dost'; there are: differences, dots"):
        opened.figure("dost")


def test_several_runs_stand_side_by_side_and_overwrite_nothing(run: Path, tmp_path: Path) -> None:
    other = tiny_run(tmp_path / "other", {"a": [0.2, 0.3, 0.1, 0.2]}, compare={"pairs": []})
    assert call("report", run, other, "--out", tmp_path / "both").exit_code == 0
    page = (tmp_path / "both" / "report.html").read_text(encoding="utf-8")
    assert "other/a" in page and "pairs are made of the 3 seeds that all runs hold (3 of run, 4 of other)" in page
    assert (tmp_path / "both" / "figures" / "lives.svg").exists() and not (run / "report.html").exists()
    assert call("report", run, other, "--out", tmp_path / "both", "--seeds", "0,1", "--style", "dark").exit_code == 0
    (tmp_path / "taken").mkdir()
    (tmp_path / "taken" / "report.html").write_text("by hand")
    refused = call("report", run, other, "--out", tmp_path / "taken")
    assert refused.exit_code == 2 and "would be overwritten" in refused.output
    assert (tmp_path / "taken" / "report.html").read_text() == "by hand"
    assert call("report", run, "--seeds", "0,1").exit_code == 2


def test_a_page_of_one_run_goes_where_its_reader_wants_it(run: Path, tmp_path: Path) -> None:
    """With all of its sections, as in the run's folder, into which neither page nor figures are then written."""
    said = call("report", run, "--out", tmp_path / "mine")
    assert said.exit_code == 0 and said.stdout.strip() == str(tmp_path / "mine" / "report.html")
    assert (tmp_path / "mine" / "figures" / "dots.png").exists()
    assert not (run / "figures").exists() and not (run / "report.html").exists()
    pages = (tmp_path / "mine" / "report.html", write(run))
    mine, own = (re.findall(r'<section id="([^"]*)">', page.read_text(encoding="utf-8")) for page in pages)
    assert mine == own and "reproduce" in mine


def test_runs_side_by_side_ask_once_and_an_arm_has_one_colour(tmp_path: Path) -> None:
    values, about = {"a": [0.31, 0.42, 0.53], "b": [0.35, 0.46, 0.47]}, "Which is it?"
    one, two = (tiny_run(tmp_path / name, values, compare=PAIR, about=about) for name in ("one", "two"))
    assert call("report", one, two, "--out", tmp_path / "both").exit_code == 0
    page = (tmp_path / "both" / "report.html").read_text(encoding="utf-8")
    assert page.count(about) == 1
    colours = {arm: set(re.findall(rf'<title>{arm}, seed.*?fill="(#[0-9a-f]{{6}})', page)) for arm in ARMS}
    assert colours["one/a"] == colours["two/a"] != colours["one/b"] == colours["two/b"]
    assert all(len(own) == 1 for own in colours.values())
    other = tiny_run(tmp_path / "other", values, compare=PAIR, about="Another one?")
    assert call("report", one, other, "--out", tmp_path / "apart").exit_code == 0
    assert "one: Which is it? other: Another one?" in (tmp_path / "apart" / "report.html").read_text(encoding="utf-8")


def test_arms_of_one_run_look_as_they_are_counted_and_those_of_several_as_they_are_called() -> None:
    assert list(style.look_indices(f"arm{i}" for i in range(40)).values()) == list(range(40))
    found = style.look_indices(f"{run}/arm{i}" for run in "xyz" for i in range(8))
    assert len(set(found.values())) == 24
    for i in range(8):
        looks = [style.look(found[f"{run}/arm{i}"]) for run in "xyz"]
        assert len({colour for colour, *_ in looks}) == 1 and len({marker for _, marker, _ in looks}) == 3


def test_seeds_that_a_run_has_not_are_told_by_their_ends(run: Path) -> None:
    refused = call("compare", run, "--seeds", "99")
    assert refused.exit_code == 2 and "has no seed 3-98; it has 0-2" in refused.output
    assert "has no seed 5,7-8; it has" in call("compare", run, "--seeds", "0,5,7,8").output


@pytest.mark.skipif(not Path("/proc").is_dir(), reason="no folder is there that nobody can write into")
@pytest.mark.parametrize("place", ["/proc", "/proc/page"])
@pytest.mark.parametrize("command", ["report", "export"])
def test_a_folder_that_takes_no_files_is_refused_in_words(run: Path, tmp_path: Path, command: str, place: str) -> None:
    other = tiny_run(tmp_path / "other", {"a": [0.2, 0.3, 0.1]}, compare={"pairs": []})
    refused = call(command, run, *([other] if command == "report" else []), "--out", place)
    assert refused.exit_code == 2
    assert f"{place} can't be written into: No such file" in refused.output and "--out" in refused.output
