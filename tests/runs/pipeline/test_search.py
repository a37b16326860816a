"""Trials that a sampler proposes: as many for every arm, by its own results, the same whatever stopped the run."""

import json
from pathlib import Path
from typing import Any

import pytest

import devlearn
from devlearn.runs import pipeline
from devlearn.runs.folder import FolderMismatch
from devlearn.runs.proposals import propose
from devlearn.runs.run import Run
from devlearn.scenario import Tune
from tests.commands import call
from tests.runs.pipeline.test_tune import Inline, killed_everywhere, tuned

pytest.importorskip("optuna", reason="needs optuna: pip install 'devlearn[optuna]'")

RATE = "stages.school.lr"
SEARCH = (
    "tune: {sampler: tpe, trials: 5, startup: 3, seeds: [7, 8], probe: valid,\n"
    "  over: {stages.school.lr: {low: 1.0e-4, high: 0.3, log: true}, stages.school.batch: [4, 5]}}\n"
)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory, text: dict[str, str], in_process: Inline) -> Run:
    return tuned(tmp_path_factory.mktemp("searched"), {**text, "tune": SEARCH})


def trials_of(run: Run, arm: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = run.resolved["points"][0]["arms"][arm]["tuning"]["trials"]
    return found


def test_every_arm_has_as_many_trials_and_its_best_is_set(run: Run) -> None:
    for name, arm in run.resolved["points"][0]["arms"].items():
        trials = trials_of(run, name)
        assert len(trials) == 5 and all(1e-4 <= trial["set"][RATE] <= 0.3 for trial in trials)
        assert {trial["set"]["stages.school.batch"] for trial in trials} <= {4, 5}
        means = [trial["mean"] for trial in trials]
        chosen = arm["tuning"]["chosen"]
        assert chosen == trials[means.index(max(means))]["set"] and arm["stages"][-1]["keys"]["lr"] == chosen[RATE]
        assert arm["tuning"]["seeds"] == [7, 8]


def test_arms_begin_alike_and_go_on_by_what_they_came_to(run: Run) -> None:
    plain, same, looked = ([one["set"] for one in trials_of(run, arm)] for arm in ("plain", "same", "looked"))
    assert plain == same and plain[:3] == looked[:3]
    means = {arm: [one["mean"] for one in trials_of(run, arm)] for arm in ("plain", "looked")}
    assert means["plain"] != means["looked"] and plain[3:] != looked[3:]


def test_the_search_is_charged_and_reads_no_test_data(run: Run) -> None:
    ledger = run.resolved["points"][0]["arms"]["looked"]["tuning"]["ledger"]
    assert ledger["updates"] == 2 * 5 * (2 + 3)  # seeds x trials x (look + school)
    jobs = [json.loads(path.read_text()) for path in (run.folder / "tune").glob("jobs/*/*/job.json")]
    assert jobs and all(job["seeds"] == [7, 8] for job in jobs) and "mnist.test" not in json.dumps(jobs)
    looked = [job for job in jobs if [stage["name"] for stage in job["stages"]] == ["look"]]
    assert len(looked) == 1  # what all trials share is lived once


def test_random_trials_are_all_written_at_once(tmp_path: Path, text: dict[str, str], inline: Inline) -> None:
    search = SEARCH.replace("tpe, trials: 5, startup: 3", "random, trials: 4, sampler_seed: 1")
    found = tuned(tmp_path, {**text, "tune": search, "looks": "vary: {stages.school.labels: [10, 30]}\n"})
    assert [name for name, _ in inline].count("tune, trials") == 1
    for point in found.resolved["points"]:
        sets = [[one["set"] for one in arm["tuning"]["trials"]] for arm in point["arms"].values()]
        assert len(sets[0]) == 4 and sets[0] == sets[1] == sets[2]


def test_a_run_that_is_killed_at_every_moment_ends_as_one_that_was_not(
    tmp_path: Path, text: dict[str, str], inline: Inline, monkeypatch: pytest.MonkeyPatch
) -> None:
    killed_everywhere(tmp_path, text, SEARCH.replace("trials: 5, startup: 3", "trials: 3, startup: 2"), monkeypatch)


def test_another_search_in_the_same_folder_is_refused(tmp_path: Path, text: dict[str, str], inline: Inline) -> None:
    search = SEARCH.replace("trials: 5, startup: 3", "trials: 3, startup: 2")
    parts = {**text, "tune": search}
    first = tuned(tmp_path, parts)
    assert tuned(tmp_path, parts).resolved == first.resolved
    for change, why in {
        ("high: 0.3", "high: 0.2"): "tune.over changed",
        ("startup: 2", "startup: 1"): "tune.startup changed",
        ("trials: 3", "trials: 4"): "was tuned by fewer than 4 trials",
    }.items():
        with pytest.raises(FolderMismatch, match=why):
            tuned(tmp_path, parts, change)


def test_more_trials_are_added_where_nothing_was_chosen_yet(
    tmp_path: Path, text: dict[str, str], inline: Inline, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, less = tmp_path / "steps.yaml", SEARCH.replace("trials: 5", "trials: 4")
    path.write_text(text["head"] + text["looks"] + less)
    order = pipeline.load(path, command="devlearn.run(...)")
    pipeline.write(order, tmp_path / "run")
    whole = tuned(tmp_path, {**text, "tune": SEARCH}).resolved
    (tmp_path / "fresh").mkdir()
    assert whole["points"] == tuned(tmp_path / "fresh", {**text, "tune": SEARCH}).resolved["points"]


def test_the_plan_says_what_is_proposed_later(tmp_path: Path, text: dict[str, str]) -> None:
    path = tmp_path / "steps.yaml"
    path.write_text(text["head"] + text["looks"] + SEARCH)
    done = call("run", path, "--dry-run")
    assert done.exit_code == 0 and "trials 1 to 3 of 5, drawn at random" in done.stdout, done.output


def test_what_is_proposed_is_a_function_of_seed_number_and_results() -> None:
    tune = Tune.model_validate(
        {"over": {"a": {"low": 1, "high": 9}, "b": [[1], [2]]}, "sampler": "tpe", "trials": 20, "startup": 3,
         "seeds": [7], "probe": "valid"}
    )  # fmt: skip
    tried: list[tuple[dict[str, Any], float]] = []
    for number in range(20):
        values = propose(tune, number, tried, "higher")
        assert values == propose(tune, number, tried, "higher") and isinstance(values["a"], int)
        tried.append((values, -abs(values["a"] - 7) - (values["b"] == [2])))
    late = [values["a"] for values, _ in tried[10:]]
    assert sum(abs(a - 7) for a in late) < sum(abs(a - 7) for a in range(1, 10)) * len(late) / 9
    other = tune.model_copy(update={"sampler_seed": 5})
    assert [propose(other, number, [], "higher") for number in range(5)] != [values for values, _ in tried[:5]]


def test_the_face_in_python_takes_it_as_it_is(run: Run) -> None:
    assert devlearn.Run(run.folder).compare().document()["arms"]["plain"]["tuning"]["probe"] == "valid"
