"""The verdict table of the terminal fits into 80 columns and says what the comparison says."""

import io
from pathlib import Path

from rich.console import Console

from devlearn import Run
from devlearn.evidence.text.comparison import FEW, which_p
from devlearn.evidence.text.formats import chance
from devlearn.records.reader import load
from devlearn.report.terminal import below_the_table, verdict_table
from tests.evidence.answers import Answer, analyse, compare, words
from tests.evidence.fake_run import tiny_run, write_run


def printed(comparison: Answer) -> str:
    console = Console(width=80, record=True, file=io.StringIO())
    console.print(verdict_table(comparison.found))
    return console.export_text()


def test_a_notebook_shows_what_the_terminal_does_and_nothing_of_others_as_markup(tmp_path: Path) -> None:
    folder = tiny_run(
        tmp_path, {"a": [0.1, 0.2, 0.3], "<script>x": [0.5, 0.6, 0.7]}, compare={"pairs": [["<script>x", "a"]]}
    )
    shown = Run(folder)._repr_html_()
    assert "<script>" not in shown and "&lt;script&gt;x" in shown
    for word in ("difference", "verdict", "records: "):
        assert word in shown


def test_verdicts_fit_into_eighty_columns(reported: Path) -> None:
    lines = printed(compare([reported])).splitlines()
    row = "developmental random-init +4.92 +4.78 to +5.07 0.00015 better"
    assert row in [" ".join(line.split()) for line in lines]
    assert any(line.rstrip().endswith("equivalent") for line in lines)
    clauses = [line.split()[-1] for line in lines if line.rstrip().endswith(("fragile", "maybe small"))]
    assert clauses == ["fragile", "small"]
    assert any(line.startswith("warning: more-school: 1 of 16 learners diverged") for line in lines)
    assert all(len(line) <= 80 for line in lines)


def test_exploratory_and_points_are_in_the_title(reported: Path, tmp_path: Path) -> None:
    assert "digits accuracy over the last stage (%, differences in points), exploratory" in printed(
        compare([reported], at="area")
    )
    varied = compare([write_run(tmp_path / "varied", seeds=6, vary=[10, 1000])])
    assert "labels = 1000: digits accuracy at the end" in printed(varied)


def test_several_runs_are_exploratory_in_headline_and_title(tmp_path: Path) -> None:
    runs = [tiny_run(tmp_path / name, {"a": [1.0, 2.0, 6.0 + i]}) for i, name in enumerate(("one", "two"))]
    text = " ".join(printed(compare(runs)).split())
    assert text.startswith("Exploratory, comparisons of several runs are declared nowhere: ")
    assert "score points at the end, exploratory" in text


def test_without_pairs_the_arms_are_listed(tmp_path: Path) -> None:
    text = printed(compare([tiny_run(tmp_path, {"alone": [1.0, 2.0, 6.0]})]))
    assert any(line.split() == ["alone", "3", "3", "2.646", "2"] for line in text.splitlines())


def test_few_pairs_are_told_one_by_one_below_the_table(reported: Path) -> None:
    comparison = compare([reported])
    *lines, last = below_the_table(comparison.found, run="runs/x")
    which = next(line for line in lines if line.startswith("p beside equivalent is of equivalence"))
    assert [line for line in lines if line != which] == words(comparison)[1:]
    assert last.startswith("Not registered: ")


def test_the_p_beside_a_word_is_of_the_test_that_it_comes_from(reported: Path) -> None:
    found = compare([reported])
    rows = {tuple(line.split()[:2]): line.split() for line in printed(found).splitlines()}
    words = set()
    for pair in found.found.pairs:
        p = pair.p_equivalence_adjusted if pair.suggests == "equivalent" else pair.p_adjusted
        assert chance(p) in rows[pair.arm, pair.against]
        words.add(pair.suggests)
        if pair.suggests == "equivalent":
            assert chance(pair.p_adjusted) not in rows[pair.arm, pair.against] or pair.p_adjusted == p
    assert {"equivalent", "better"} <= words
    assert which_p(words - {"equivalent"}) == ""


def test_many_pairs_are_left_to_the_table_and_the_report(tmp_path: Path) -> None:
    """What limits the claim, and a declared power law, still stand there."""
    fit = {"over": "labels", "from": None, "to": None}
    run = write_run(tmp_path / "run", seeds=6, vary=[10, 100, 1000], compare={"fit": fit}, pin=["labels"])
    comparison = compare([run])
    assert len(words(comparison)) > FEW
    lines = below_the_table(comparison.found, analyse(load(run)).found, "runs/x")
    assert not any("is better than" in line or "can't be distinguished" in line for line in lines)
    assert sum("error = " in line for line in lines) == 6
    assert lines[0].startswith("The claim holds for this one draw of labels")
    assert lines[-1] == "More on each of the 15 pairs stands in its report (devlearn report runs/x)."
    assert below_the_table(comparison.found)[-1].endswith("stands in what --json prints.")


def test_many_level_times_are_left_to_the_report_too(tmp_path: Path) -> None:
    run = write_run(tmp_path / "run", seeds=6, vary=[10, 1000], compare={"levels": [0.3, 0.6]})
    lines = below_the_table(compare([run]).found, analyse(load(run)).found, "runs/x")
    assert lines[0].startswith("Not registered: ")
    assert lines[1:] == ["More on each of the 10 pairs stands in its report (devlearn report runs/x)."]


def test_long_warnings_are_indented_part_by_part(tmp_path: Path) -> None:
    wanting = [{"control": "sham", "stages": ["waves"], "arm": "a-sham: [blind, school]", "pair": "[a, a-sham]"}]
    wanting += [
        {"control": "moments", "stages": ["waves"], "arm": "a-moments: [waves, more]", "pair": "[a, a-moments]"}
    ]
    run = tiny_run(
        tmp_path,
        {"a": [0.1, 0.2], "b": [0.2, 0.3]},
        compare={"pairs": [["b", "a"]]},
        entries={"a": {"uncontrolled": wanting}},
    )
    lines = [line.rstrip() for line in printed(compare([run])).splitlines()]
    first = lines.index("warning: a lacks control pairs for waves: sham, moments;")
    assert lines[first + 1].startswith("         add to arms a-sham: [blind, school], ")
    assert "         to pairs [a, a-sham], [a, a-moments]" in lines[first:]
    assert all(len(line) <= 80 for line in lines)
