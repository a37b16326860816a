"""Many arms stay legible: plots by family, names in full, long tables behind a line to open, one page under 3 MB."""

import itertools
import re
from pathlib import Path

import pytest
from matplotlib.figure import Figure

from devlearn.records.results import ArmSummary, Comparison, PairResult
from devlearn.report import figure_store as shelf
from devlearn.report.aside import Aside
from devlearn.report.figure_groups import MOST, families
from devlearn.report.grid import grid
from devlearn.report.looks import Look
from devlearn.report.svg import Saved, drawing
from tests.evidence.fake_run import tiny_run
from tests.report.pages import write
from tests.report.test_page import Elements, read

PRIORS = ("waves", "noise", "gabor", "genome", "mask")
CONTROLS = ("shuffle", "moments", "spectrum", "compute-matched")


def body(arms: list[str], pairs: list[tuple[str, str]]) -> Comparison:
    """Only what families are made of."""
    return Comparison.model_construct(
        arms={arm: ArmSummary.model_construct() for arm in arms},
        comparisons=tuple(PairResult.model_construct(arm=a, against=b) for a, b in pairs),
    )


def test_few_arms_share_a_plot() -> None:
    arms = [f"a{i}" for i in range(MOST)]
    assert families(body(arms, [("a0", "a1"), ("a2", "a3")])) == [("", arms)]


def test_many_arms_stand_with_those_they_are_paired_with() -> None:
    arms = ["plain", "lone", *(f"{prior}{i}" for prior in "abc" for i in range(4))]
    pairs = [(f"{prior}0", rival) for prior in "abc" for rival in (f"{prior}1", f"{prior}2", f"{prior}3", "plain")]
    found = families(body(arms, pairs))
    assert found[0] == ("a0", ["plain", "a0", "a1", "a2", "a3"])
    assert [name for name, _ in found] == ["a0", "b0", "c0", "arms without a pair"]
    assert found[-1][1] == ["lone"]


@pytest.mark.parametrize("rivals", range(MOST, 4 * MOST, 3))
def test_a_family_too_large_for_a_plot_is_split_evenly(rivals: int) -> None:
    arms = ["first", *(f"r{i}" for i in range(rivals))]
    found = families(body(arms, [("first", rival) for rival in arms[1:]]))
    sizes = [len(members) for _, members in found]
    assert max(sizes) <= MOST and max(sizes) - min(sizes) <= 1
    assert all(members[0] == "first" for _, members in found)
    assert sorted(arm for _, members in found for arm in members[1:]) == sorted(arms[1:])


@pytest.fixture(scope="module")
def crowded(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Figure]]:
    """26 arms, 25 pairs, and the figures as they were saved."""
    folder = tmp_path_factory.mktemp("crowded")
    arms = ["random-init", *(f"{p}{c}" for p in PRIORS for c in ("", *(f"-{c}" for c in CONTROLS)))]
    values = {arm: [0.5 + 0.01 * ((7 * i + 3 * s) % 11) for s in range(6)] for i, arm in enumerate(arms)}
    pairs = [[p, rival] for p in PRIORS for rival in ("random-init", *(f"{p}-{c}" for c in CONTROLS))]
    run = tiny_run(
        folder, values, on_the_way={10: [0.3 + 0.01 * s for s in range(6)]}, compare={"pairs": pairs, "levels": [0.4]}
    )
    saved: dict[str, Figure] = {}

    def save(figure: Figure, into: Path, name: str, aside: Aside, look: Look) -> Saved:
        saved[name] = figure
        return shelf_save(figure, into, name, aside, look)

    shelf_save = shelf.save
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(shelf, "save", save)
        write(run)
    return run, saved


def names(figure: Figure) -> list[str]:
    axes = figure.axes[-1]
    return [text.get_text() for text in (*axes.texts, *axes.get_yticklabels())]


def test_each_family_has_curves_of_its_own(crowded: tuple[Path, dict[str, Figure]]) -> None:
    run, saved = crowded
    for place, prior in enumerate(PRIORS):
        shown = names(saved[f"over-updates-{place}"])
        assert {"random-init", prior, *(f"{prior}-{c}" for c in CONTROLS)} <= set(shown)
    assert "over-updates" not in saved and f"over-updates-{len(PRIORS)}" not in saved
    text = read((run / "report.html").read_text(encoding="utf-8"))
    assert "genome: score points over updates" in text and "genome: score points over FLOPs" in text
    assert "The same over FLOPs" in text


def test_names_are_told_in_full(crowded: tuple[Path, dict[str, Figure]]) -> None:
    _, saved = crowded
    assert not any("…" in name for figure in saved.values() for name in names(figure))
    assert "genome-compute-matched" in names(saved["dots"]) and "genome-compute-matched" in names(saved["lives"])
    assert "− genome-compute-matched" in names(saved["differences"])


def test_rows_do_not_overlap_and_nothing_is_cut_off(crowded: tuple[Path, dict[str, Figure]]) -> None:
    _, saved = crowded
    with drawing():
        for name, figure in saved.items():
            box, (width, height) = figure.get_tightbbox(), figure.get_size_inches()
            assert box.x0 > -0.01 and box.y0 > -0.01 and box.x1 < width + 0.01 and box.y1 < height + 0.01, name
        for name in ("dots", "differences", "lives"):
            rows = sorted(
                (text.get_window_extent() for text in saved[name].axes[0].get_yticklabels()), key=lambda b: b.y0
            )
            assert all(low.y1 <= high.y0 for low, high in itertools.pairwise(rows)), name


def test_what_only_describes_unfolds(crowded: tuple[Path, dict[str, Figure]]) -> None:
    """Pairs that share no control are told in a table of their own, behind a line; what describes unfolds."""
    run, _ = crowded
    page = (run / "report.html").read_text(encoding="utf-8")
    summaries = re.findall(r"<summary>(.*?)</summary>", page)
    assert {"Each of the 25 pairs in a sentence", "The lives of 26 arms", "<h2>What it cost</h2>"} <= set(summaries)
    assert page.count("<details>") == page.count("</details>")
    assert len(page.encode()) < 3_000_000


def test_many_pairs_are_one_table_of_arms_by_controls(crowded: tuple[Path, dict[str, Figure]]) -> None:
    """Each pair a cell with its difference and its verdict; intervals and learners unfold."""
    run, _ = crowded
    page = (run / "report.html").read_text(encoding="utf-8")
    table = page[page.index('<table class="stack heat">') : page.index("</table>")]
    heads = re.findall(r'<th class="n">(.*?)</th>', table)
    assert heads == ["random-init", *CONTROLS]
    cells = re.findall(
        r'<td class="n( (?:up|down)[1-4]| )" data-label="[^"]*"><span>(\S+)<br><span class="word">(\w+)', table
    )
    assert len(cells) == 25 and {word for *_, word in cells} == {"undecided", "identical"}
    assert {shade for shade, *_ in cells} == {" "}
    assert (
        page.index("</table>") < page.index("Intervals, and every learner") < page.index("Differences with their inter")
    )


def test_cells_are_shaded_by_verdict_and_then_by_size() -> None:
    """However large the difference of what is open."""
    said = [("better", -0.4), ("better", -0.1), ("worse", 0.2), ("undecided", -0.9), ("equivalent", 0.1)]
    pairs = [
        PairResult.model_construct(arm=f"a{i}", against="b", suggests=word, difference=gap)
        for i, (word, gap) in enumerate(said)
    ]
    body = Comparison.model_construct(comparisons=tuple(pairs), point={"s.labels": 1})
    found = grid([body, body])
    assert found is not None
    assert [cells[0].shade for _, cells in found.rows if cells[0]] == ["up4", "up1", "down2", "", ""]


def test_few_rows_stand_open(page: str) -> None:
    assert "<summary>The lives of" not in page and "5 pairs: difference" not in page


def test_missing_controls_are_told_as_lines_to_add(tmp_path: Path) -> None:
    wanting = [
        {"control": "moments", "stages": ["waves"], "stage": "moments: {kind: innate.moments}",
         "arm": "a-moments: [waves, moments, school]", "pair": "[a, a-moments]"},
        {"control": "sham", "stages": ["waves"], "pair": "[a, b]"},
    ]  # fmt: skip
    run = tiny_run(
        tmp_path,
        {"a": [0.1, 0.2], "b": [0.2, 0.3]},
        compare={"pairs": [["b", "a"]]},
        entries={"a": {"uncontrolled": wanting}},
    )
    page = write(run).read_text(encoding="utf-8")
    assert "a lacks control pairs for waves: moments, sham. Add:" in read(page)
    (block,) = re.findall(r"Add:\s*<pre[^>]*><code>(.*?)</code>", page, re.DOTALL)
    assert block == (
        "stages:\n  moments: {kind: innate.moments}\narms:\n  a-moments: [waves, moments, school]\n"
        "compare:\n  pairs:\n    - [a, a-moments]\n    - [a, b]"
    )
    assert not [a for a in Elements(page).named("pre") if "tabindex" not in a]
