"""The verdict table of the terminal fits into 80 columns and says what the comparison says."""

import io
from pathlib import Path

from fake_run import tiny_run, write_run
from rich.console import Console

from devlearn.evidence import compare
from devlearn.evidence.compare import Comparison
from devlearn.report.terminal import verdict_table


def printed(comparison: Comparison) -> str:
    console = Console(width=80, record=True, file=io.StringIO())
    console.print(verdict_table(comparison))
    return console.export_text()


def test_verdicts_fit_into_eighty_columns(reported: Path) -> None:
    lines = printed(compare([reported])).splitlines()
    row = "developmental random-init +4.92 +4.82 to +5.03 0.00015 better"
    assert row in [" ".join(line.split()) for line in lines]
    assert any(line.rstrip().endswith("equivalent") for line in lines)
    assert any(line.startswith("warning: more-school: 1 of 16 learners diverged") for line in lines)
    assert all(len(line) <= 80 for line in lines)


def test_exploratory_and_points_are_in_the_title(reported: Path, tmp_path: Path) -> None:
    assert "digits accuracy over the last stage (%, differences in points), exploratory" in printed(
        compare([reported], at="area")
    )
    varied = compare([write_run(tmp_path / "varied", seeds=6, vary=[10, 1000])])
    assert "stages.school.labels = 1000: digits accuracy at the end" in printed(varied)


def test_several_runs_are_exploratory_in_headline_and_title(tmp_path: Path) -> None:
    runs = [tiny_run(tmp_path / name, {"a": [1.0, 2.0, 6.0 + i]}) for i, name in enumerate(("one", "two"))]
    text = " ".join(printed(compare(runs)).split())
    assert text.startswith("Exploratory, comparisons of several runs are declared nowhere: ")
    assert "score points at the end, exploratory" in text


def test_without_pairs_the_arms_are_listed(tmp_path: Path) -> None:
    text = printed(compare([tiny_run(tmp_path, {"alone": [1.0, 2.0, 6.0]})]))
    assert any(line.split() == ["alone", "3", "3", "2.646", "2"] for line in text.splitlines())
