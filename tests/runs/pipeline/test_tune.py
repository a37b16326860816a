"""The trials of ``tune``: the same for every arm, without test data, chosen from and recorded; killed at any moment."""

import csv
import json
import math
from pathlib import Path
from typing import Any

import pytest

import devlearn
import devlearn.runs.run
from devlearn.records import results
from devlearn.records.atomic import write_json
from devlearn.records.job_state import JobInfo
from devlearn.runs import executors as execute
from devlearn.runs import folder as folder_of
from devlearn.runs import pipeline
from devlearn.runs.executors.local import Local
from devlearn.runs.executors.supervisor import Failure, Outcome
from devlearn.runs.run import Run
from devlearn.scenario import ScenarioError
from tests.commands import call

Inline = list[tuple[str, int]]


def tuned(folder: Path, text: dict[str, str], change: tuple[str, str] = ("", "")) -> Run:
    path = folder / "steps.yaml"
    path.write_text((text["head"] + text["looks"] + text["tune"]).replace(*change))
    return devlearn.run(path, out=folder / "run", progress=False, report=False)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory, text: dict[str, str], in_process: Inline) -> Run:
    return tuned(
        tmp_path_factory.mktemp("tuned"),
        text,
        ("  same: [school]", "  more: {stages: [school], match: {arm: looked, by: flops}}"),
    )


def test_every_arm_has_the_same_trials_and_the_best_is_set(run: Run) -> None:
    arms = run.resolved["points"][0]["arms"]
    sets = [{"stages.school.lr": a, "stages.school.batch": b} for a in (0.3, 0.001) for b in (4, 5)]
    measured = _ends(run.folder / "tune")
    for name, arm in arms.items():
        found = arm["tuning"]
        assert [trial["set"] for trial in found["trials"]] == sets
        assert (found["seeds"], found["probe"]) == ([7, 8], "valid")
        for number, trial in enumerate(found["trials"]):
            assert math.isclose(trial["mean"], sum(measured[number, name]) / 2, rel_tol=1e-12)
        means = [trial["mean"] for trial in found["trials"]]
        assert found["chosen"] == sets[means.index(max(means))]  # of equal ones the first
        school = arm["stages"][-1]["keys"]
        assert {f"stages.school.{key}": school[key] for key in ("lr", "batch")} == found["chosen"]


def _ends(folder: Path) -> dict[tuple[int, str], list[float]]:
    """The validation accuracy of each seed at the end of life, by (trial, arm): read from the records by hand."""
    resolved = json.loads((folder / "resolved.json").read_text())
    found = {}
    for number, point in enumerate(resolved["points"]):
        for name, arm in point["arms"].items():
            last = [job["folder"] for job in resolved["jobs"] if job["branch"] == arm["path"][-1]]
            (path,) = (folder / last[0] / "records").glob(f"{len(arm['stages']) - 1:02}-*/probes.csv")
            rows = list(csv.DictReader(path.open()))
            found[number, name] = [
                float(row["value"]) for row in rows if row["moment"] == "end" and row["metric"] == "accuracy"
            ]
    return found


def test_trials_touch_no_test_data_and_none_of_the_seeds(run: Run) -> None:
    jobs = [json.loads(path.read_text()) for path in (run.folder / "tune").glob("jobs/*/*/job.json")]
    assert jobs and all(job["seeds"] == [7, 8] for job in jobs)
    assert all(set(job["probes"]) == {"valid"} for job in jobs) and "mnist.test" not in json.dumps(jobs)
    assert run.resolved["seeds"] == [0, 1, 2, 3]


def test_the_search_is_charged_with_every_life_once(run: Run) -> None:
    def labels(arm: str) -> Any:
        return run.resolved["points"][0]["arms"][arm]["tuning"]["ledger"]

    assert labels("plain")["updates"] == 4 * 2 * 3
    assert labels("looked")["updates"] == 4 * 2 * (2 + 3) and labels("looked")["labels"] == 4 * 2 * 20
    points = json.loads((run.folder / "tune" / "resolved.json").read_text())["points"]
    budgets = [point["arms"]["more"]["stages"][0]["budget"][1] for point in points]
    assert labels("more")["updates"] == 2 * sum(budgets)
    assert labels("plain")["labels_validation"] == labels("looked")["labels_validation"] == 5_000  # whichever trial
    assert labels("plain")["flops"] > 0 and labels("plain")["env_steps"] == 0


def test_a_matched_arm_is_matched_to_what_was_chosen(tmp_path: Path, text: dict[str, str], inline: Inline) -> None:
    parts = {**text, "tune": "tune: {over: {stages.school.updates: [4, 6]}, seeds: [7], probe: valid}\n"}
    arms = tuned(
        tmp_path, parts, ("  same: [school]", "  more: {stages: [school], match: {arm: looked, by: updates}}")
    ).resolved["points"][0]["arms"]
    chosen = arms["looked"]["tuning"]["chosen"]["stages.school.updates"]
    assert arms["more"]["stages"][0]["budget"] == ["updates", chosen + 2]


def test_each_point_of_vary_is_tuned_for_itself(tmp_path: Path, text: dict[str, str], inline: Inline) -> None:
    parts = {**text, "looks": "vary: {stages.school.labels: [10, 30]}\n"}
    found = tuned(tmp_path, parts, ("seeds: 4", "seeds: 1"))
    for point in found.resolved["points"]:
        assert len(point["arms"]["looked"]["tuning"]["trials"]) == 4
        assert point["arms"]["plain"]["tuning"]["ledger"]["labels"] == 4 * 2 * point["point"]["stages.school.labels"]


def test_a_trial_that_diverges_counts_with_the_worst(tmp_path: Path, text: dict[str, str], inline: Inline) -> None:
    parts = {**text, "tune": "tune: {over: {stages.school.lr: [1.0e+30, 0.001]}, seeds: [7], probe: valid}\n"}
    found = tuned(tmp_path, parts, ("seeds: 4\n", "seeds: 4\n")).resolved["points"][0]["arms"]["plain"]["tuning"]
    assert found["trials"][0]["mean"] == 0.0 and found["chosen"] == {"stages.school.lr": 0.001}


def test_what_cannot_be_asked_is_refused_before_the_trials(
    tmp_path: Path, text: dict[str, str], inline: Inline
) -> None:
    with pytest.raises(ScenarioError, match=r"update 5 is never reached: stage 'school' of arm 'plain' is over at"):
        tuned(tmp_path, {**text, "looks": text["looks"].replace("probe: digits,", "probe: digits, at: 5,")})
    assert not inline and not (tmp_path / "run" / "steps.json").exists()


def test_a_trial_that_fails_is_named_and_can_be_tried_again(
    tmp_path: Path, text: dict[str, str], inline: Inline, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, out = tmp_path / "steps.yaml", str(tmp_path / "run")
    path.write_text((text["head"] + text["looks"] + text["tune"]).replace("[2, 3, 4]", "[2, 4]"))
    with monkeypatch.context() as patch:
        patch.setattr("devlearn.runs.train._supervise", lambda step, *_: _failed(step.jobs))
        first = call("run", path, "--out", out, "--no-report")
        assert first.exit_code == 1 and "worn out" in first.stderr and f"devlearn resume {out}" in first.stderr
        with pytest.raises(devlearn.runs.run.RunFailed, match="worn out") as caught:
            devlearn.run(path, out=out, progress=False)
        with pytest.raises(ValueError, match="its trials are not finished; devlearn resume"):
            _ = caught.value.run
    again = call("resume", out, "--no-report")
    assert again.exit_code == 0 and "tuned looked: stages.school.lr = " in again.stdout


def _failed(jobs: tuple[JobInfo, ...]) -> Outcome:
    return Outcome((), (Failure(jobs[0], "worn out"),), jobs[1:])


class Killed(BaseException):
    """What a kill looks like from inside: no handler runs."""


def test_a_run_that_is_killed_at_every_moment_ends_as_one_that_was_not(
    tmp_path: Path, text: dict[str, str], inline: Inline, monkeypatch: pytest.MonkeyPatch
) -> None:
    killed_everywhere(tmp_path, text, text["tune"].replace(", stages.school.batch: [4, 5]", ""), monkeypatch)


def killed_everywhere(tmp_path: Path, text: dict[str, str], tune: str, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = tuned(tmp_path, {**text, "tune": tune, "looks": text["looks"].replace("[2, 3, 4]", "[2, 4]")}).folder
    order = pipeline.load(tmp_path / "steps.yaml", command="devlearn.run(...)")
    broken = pipeline.write(order, tmp_path / "broken").folder
    for kills in range(200):
        with monkeypatch.context() as patch:
            _die_at(patch, kills)
            try:
                pipeline.train(pipeline.reopen(broken), Local())
                break
            except Killed:
                continue
    assert kills > 15
    pipeline.evaluate(broken)
    assert _kept(broken) == _kept(whole)


def _die_at(patch: pytest.MonkeyPatch, number: int) -> None:
    """The process dies at the ``number``-th of: a file is written, a job begins, a comparison was saved."""
    left = [number]

    def dying(function: Any, before: bool) -> Any:
        def wrapped(*arguments: Any, **keys: Any) -> Any:
            found = None if before else function(*arguments, **keys)
            left[0] -= 1
            if left[0] < 0:
                raise Killed
            return function(*arguments, **keys) if before else found

        return wrapped

    patch.setattr(folder_of, "write_json", dying(write_json, True))
    patch.setattr(execute, "work", dying(execute.work, True))
    patch.setattr(results, "write_comparison", dying(results.write_comparison, False))


def _kept(folder: Path) -> dict[str, bytes]:
    """Records and answers; clocks and logs apart."""
    kept = [*folder.rglob("train.csv"), *folder.rglob("probes.csv"), *folder.rglob("resolved.json")]
    kept += [*folder.rglob("job.json")]
    answer = json.loads((folder / "comparison.json").read_text())
    for arm in answer["arms"].values():
        del arm["ledger"]["seconds"]
    files = {path.relative_to(folder).as_posix(): path.read_bytes() for path in kept}
    return {**files, "comparison.json": json.dumps(answer).encode()}
