"""devlearn replicate: a run beside the documented numbers, and into their file."""

import json
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest

import devlearn
from devlearn.evidence.text.published import chance, value
from devlearn.records import published
from devlearn.runs.replicate import agree, summary
from tests.commands import call

TOY = """
devlearn: 1
scenario: toy
seeds: 6
brain: {kind: mlp, width: [8]}
stages:
  school: {kind: supervise, labels: 20, updates: 4, batch: 8}
arms:
  one: [school]
  two: [{use: school, set: {lr: 0.01}}]
probes:
  digits: {kind: accuracy, data: mnist.valid, every: 2, quick: 50}
compare: {probe: digits, smallest_effect: 0.01, pairs: [[two, one]]}
"""
ROWS = """
toy:
  scenario: toy.yaml
  also: [{at: birth}]
  rows:
    - {what: one, arm: one, published: {text: "10 %", source: "nobody"}}
    - {what: two minus one, pair: [two, one]}
    - {what: at birth, arm: one, probe: digits, at: birth}
"""


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("toy")
    (folder / "toy.yaml").write_text(TOY)
    return devlearn.run(folder / "toy.yaml", out=folder / "run", progress=False, jobs=1, report=False).folder


@pytest.fixture(autouse=True)
def results(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The results' folder, with the rows of the toy."""
    (tmp_path / "toy.yaml").write_text(TOY)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "rows.yaml").write_text(ROWS)
    monkeypatch.setattr(published, "folder", lambda: tmp_path)
    published.studies.cache_clear()
    yield tmp_path
    published.studies.cache_clear()


def test_a_run_is_recorded_and_agrees_with_itself(run: Path, results: Path) -> None:
    listed = call("replicate", "--list")
    assert "minutes of two cores planned, probes apart; not recorded yet" in " ".join(listed.output.split())
    first = call("replicate", "toy", "--from", str(run), "--record")
    assert first.exit_code == 0, first.output
    found = json.loads((results / "toy.json").read_text(encoding="utf-8"))
    kept = json.loads((run / "comparison.json").read_text(encoding="utf-8"))
    assert found["points"][0]["arms"]["one"]["values"] == pytest.approx(kept["arms"]["one"]["values"])
    assert found["points"][0]["pairs"][0]["verdict"] == kept["comparisons"][0]["verdict"]
    assert found["seconds"] > 0 and found["machine"]["gflops"] > 0
    second = call("replicate", "toy", "--from", str(run))
    assert second.exit_code == 0 and second.output.count("yes") == 3, second.output
    listed = call("replicate", "--list")
    assert "10 %" in listed.output and "minutes of two cores planned" in listed.output


def test_a_run_that_disagrees_fails(run: Path, results: Path) -> None:
    call("replicate", "toy", "--from", str(run), "--record")
    found = json.loads((results / "toy.json").read_text(encoding="utf-8"))
    found["points"][0]["arms"]["one"].update(mean=0.99, interval=[0.98, 1.0])
    (results / "toy.json").write_text(json.dumps(found))
    result = call("replicate", "toy", "--from", str(run))
    assert result.exit_code == 1 and "NO" in result.output


def test_what_is_not_there_is_named(run: Path, results: Path) -> None:
    assert "did you mean 'toy'" in call("replicate", "toi").output
    (results / "rows.yaml").write_text(ROWS.replace("arm: one,", "arm: ones,", 1))
    published.studies.cache_clear()
    result = call("replicate", "toy", "--from", str(run))
    assert result.exit_code == 2 and "no arm 'ones'; there are: one, two" in result.output
    (results / "toy.json").write_text("{}")
    result = call("replicate", "--list")
    assert result.exit_code == 2 and "record it anew" in result.output


def test_an_unfinished_run_is_no_result(run: Path, tmp_path: Path) -> None:
    with pytest.raises(published.PublishedError, match="holds no finished run"):
        summary(tmp_path, "toy", published.studies()["toy"])


def test_a_run_of_something_else_is_no_result(run: Path, results: Path) -> None:
    (results / "rows.yaml").write_text(ROWS.replace("  also", "  set: {stages.school.labels: 30}\n  also"))
    published.studies.cache_clear()
    result = call("replicate", "toy", "--from", str(run), "--record")
    assert result.exit_code == 2 and "--set stages.school.labels=30" in result.output
    assert not (results / "toy.json").exists()


@pytest.mark.parametrize(
    ("before", "after", "code"),
    [
        ("updates: 4", "updates: 5", 2),
        ("devlearn: 1", "# in other words\ndevlearn: 1", 0),
        ("scenario: toy", "scenario: toy\nsearched: 'by hand: lr'", 0),
        ("seeds: 6", "seeds: 9", 0),
    ],
)
def test_a_run_of_the_file_before_it_was_changed(run: Path, results: Path, before: str, after: str, code: int) -> None:
    (results / "toy.yaml").write_text(TOY.replace(before, after))
    result = call("replicate", "toy", "--from", str(run))
    assert result.exit_code == code, result.output
    assert ("is no run of toy, which is now `devlearn run toy.yaml`" in result.output) == (code == 2)


def test_a_run_of_a_file_that_extends_another_is_known_again(run: Path, results: Path, tmp_path: Path) -> None:
    """Its folder has the file, and not what the file extends."""
    (results / "base.yaml").write_text(TOY)
    (results / "toy.yaml").write_text("extends: base.yaml\nseeds: 5\n")
    found = devlearn.run(results / "toy.yaml", out=tmp_path / "run", progress=False, jobs=1, report=False)
    assert summary(found.folder, "toy", published.studies()["toy"]).seeds == tuple(range(5))


def test_a_command_is_one_that_a_shell_takes() -> None:
    study = published.Study(scenario="toy", set={"a.b": "mnist.rest", "c": "7", "seeds": [3, 4]}, rows=())
    assert study.overrides == ("a.b=mnist.rest", 'c="7"', "seeds=[3,4]")
    words = shlex.split(study.command)
    assert words == ["devlearn", "run", "toy", *(word for each in study.overrides for word in ("--set", each))]


@pytest.mark.parametrize(
    ("other", "fine"),
    [((0.5, (0.4, 0.6)), True), ((0.7, (0.6, 0.8)), True), ((0.71, (0.61, 0.8)), False), ((0.55, None), True)],
)
def test_intervals_that_overlap_agree(other: tuple[float, tuple[float, float] | None], fine: bool) -> None:
    assert agree((0.5, (0.4, 0.6)), other) is fine is agree(other, (0.5, (0.4, 0.6)))


def test_numbers_in_words() -> None:
    assert value(0.758275, (0.74914, 0.76741), "share") == "75.83 % (74.91 to 76.74)"
    assert value(0.812, (0.797, 0.825), "share", sign=True) == "+81.2 points (+79.7 to +82.5)"
    assert value(89.41, (88.3, 90.4), "degrees") == "89.4 degrees (88.3 to 90.4)"
    assert value(500.0, (500.0, 500.0), "") == "500.0 (500.0 to 500.0)"
    assert [chance(p) for p in (9.1552734375e-05, 0.0098, 0.0212, 0.92, None)] == ["9.2e-5", ".0098", ".021", ".92", ""]
