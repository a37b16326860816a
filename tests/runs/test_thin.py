"""A thinned run answers as before, and what is needed after all is trained anew, to the same records."""

from pathlib import Path

import pytest
from click.testing import CliRunner

import devlearn
from devlearn.cli import main
from devlearn.records.layout import JobFolder
from devlearn.runs.engine import checkpoint
from devlearn.runs.thin import thin
from tests.runs.engine.jobs import digest

SCENARIO = """devlearn: 1
scenario: branching
about: A question
seeds: 2
brain: {kind: mlp, width: [4]}
stages:
  look: {kind: pretrain.denoise, data: mnist.train, updates: 3, batch: 4}
  school: {kind: supervise, data: mnist.train, labels: 20, updates: 3}
  more: {kind: supervise, data: mnist.train, labels: 20, updates: 3, optimiser: continue}
arms: {one: [look, school], two: [look, school, more], three: [look]}
probes: {digits: {kind: accuracy, data: mnist.valid}}
compare: {probe: digits, smallest_effect: 0.01, pairs: [[two, one]]}
"""
WITHOUT = SCENARIO.replace("two: [look, school, more]", "two: [school]")


def run(folder: Path, text: str) -> devlearn.Run:
    (folder / "branching.yaml").write_text(text, encoding="utf-8")
    return devlearn.run(folder / "branching.yaml", out=folder / "out", report=False)


def jobs(out: Path) -> dict[str, JobFolder]:
    """By the names of a branch's stages."""
    return {path.parents[1].name.rpartition("-")[0]: JobFolder(path.parent) for path in out.glob("jobs/*/*/job.json")}


def inherited(job: JobFolder) -> object:
    return checkpoint.load_artifact(job.end)["inherited"]


def test_moments_are_kept_only_for_a_stage_that_continues_from_them(tmp_path: Path) -> None:
    run(tmp_path, SCENARIO)
    found = jobs(tmp_path / "out")
    assert sorted(found) == ["look", "more", "school"]
    assert inherited(found["look"]) is None and inherited(found["more"]) is None and inherited(found["school"])


def test_a_thinned_run_answers_as_before_and_an_arm_can_be_added(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    before = run(tmp_path, SCENARIO).compare()
    out = tmp_path / "out"
    found = jobs(out)
    records = {name: digest(job.root) for name, job in found.items()}
    moments = thin(out, pretend=True)
    assert set(moments.gone) == {"moments"} and inherited(found["school"])
    assert thin(out).gone == moments.gone and inherited(found["school"]) is None
    assert thin(out, learners=True).gone.keys() == {"learners"}
    assert not any(job.end.exists() for job in found.values())
    assert run(tmp_path, SCENARIO).compare() == before
    assert {name: digest(job.root) for name, job in found.items()} == records
    assert "trained anew" not in capfd.readouterr().err  # nobody needed it
    run(tmp_path, SCENARIO.replace("three: [look]}", "three: [look], four: [look, more]}"))
    assert "without optimiser moments" not in (said := capfd.readouterr().err) and said.count("trained anew") == 1
    assert {name: digest(job.root) for name, job in found.items()} == records


def test_an_arm_that_continues_is_added_where_no_moments_were_kept(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    run(tmp_path, WITHOUT)
    found = jobs(tmp_path / "out")
    assert inherited(found["look"]) is None
    run(tmp_path, WITHOUT.replace("three: [look]}", "three: [look], four: [look, more]}"))
    assert "end.pt: without optimiser moments, and others build upon it" in capfd.readouterr().err


def test_the_command_says_what_goes_and_what_is_missing_afterwards(tmp_path: Path) -> None:
    run(tmp_path, SCENARIO)
    said = CliRunner().invoke(main, ["thin", str(tmp_path / "out"), "--learners", "--dry-run"])
    assert said.exit_code == 0 and "MiB  learners at the end of their arms" in said.output
    assert "would become" in said.output and jobs(tmp_path / "out")["more"].end.exists()
    CliRunner().invoke(main, ["thin", str(tmp_path / "out"), "--learners"])
    missing = CliRunner().invoke(main, ["genome", str(tmp_path / "out"), "two"])
    assert missing.exit_code == 2 and "or it was thinned away (delete the folder" in missing.output


def test_what_is_no_run_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "end.pt").write_bytes(b"mine")
    refused = CliRunner().invoke(main, ["thin", str(tmp_path)])
    assert refused.exit_code == 2 and "is no run folder of devlearn's" in refused.output
    assert (tmp_path / "end.pt").read_bytes() == b"mine"
