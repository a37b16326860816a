"""Small counts of what the harnesses beside this file do in large ones; the large ones are marked slow."""

from pathlib import Path

import pytest

from tests.chaos import damage, kills, mutants, soak


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run with one job in the middle of its life, to be damaged."""
    folder = tmp_path_factory.mktemp("hurt") / "own"
    folder.mkdir()
    return damage.unfinished(damage.whole(folder))


@pytest.mark.parametrize("count", [25, pytest.param(1000, marks=pytest.mark.slow)])
def test_every_command_says_which_file_of_a_run_is_damaged(base: Path, count: int) -> None:
    counts, broken = damage.tried(base, seed=7, damages=count)
    assert not broken
    assert counts["damages"] > count / 2 and counts["compare refused"] > count / 20


@pytest.mark.parametrize("count", [12, pytest.param(500, marks=pytest.mark.slow)])
def test_what_the_commands_advise_brings_a_damaged_run_to_its_answer(base: Path, count: int) -> None:
    counts, broken = damage.tried(base, seed=11, damages=count, cures=True)
    assert not broken
    assert counts["cured"] == counts["damages"] > count / 2


def test_a_command_that_says_nothing_is_found() -> None:
    assert damage.judge("compare", 1, "", "KeyError at x.py:3: 'a'")
    assert damage.judge("compare", 1, "", "") and damage.judge("resume", 1, "nothing", "")
    assert not damage.judge("resume", 1, "failed: a (seeds 0)", "") and not damage.judge("compare", 2, "a.json: ..", "")


@pytest.mark.parametrize("count", [60, pytest.param(10_000, marks=pytest.mark.slow)])
def test_a_mutated_scenario_is_one_or_is_refused_at_its_place(tmp_path: Path, count: int) -> None:
    counts, broken = mutants.tried(seed=3, count=count, folder=tmp_path)
    assert not broken
    assert counts["accepted"] + counts["refused"] == count and counts["refused"] > count / 2 > counts["accepted"] > 0


def test_a_refusal_without_a_place_is_found(tmp_path: Path) -> None:
    assert mutants.verdict(tmp_path / "mutant.yaml") != ("refused", "")  # there is no such file, so it has no line
    (tmp_path / "mutant.yaml").write_text("devlearn: 2\n")
    assert mutants.verdict(tmp_path / "mutant.yaml") == ("refused", "")


@pytest.mark.parametrize(
    ("name", "count"),
    [("school", 4), *(pytest.param(name, 10, marks=pytest.mark.slow) for name in kills.SCENARIOS)],
)
def test_a_run_that_was_killed_again_and_again_has_the_same_bytes(tmp_path: Path, name: str, count: int) -> None:
    told = kills.tried(name, count, seed=5, folder=tmp_path)
    assert told.differ == () and told.left == ()
    assert told.kills.total() == count and told.files > 20 and told.codes[0] >= 1


@pytest.mark.slow
def test_hundreds_of_jobs_leave_nothing_behind_and_nothing_grows(tmp_path: Path) -> None:
    quarters, whole = soak.apart(200, tmp_path)
    first, last = quarters[0], quarters[-1]
    assert whole["jobs"] == 224 and len(quarters) == 4
    assert last["megabytes"] < first["megabytes"] + 30
    assert last["files"] <= first["files"] + 2 and last["threads"] <= first["threads"]
    assert last["workers"] <= soak.WORKERS
    assert whole["worker_megabytes"][-1] < 1.2 * whole["worker_megabytes"][0]
    assert whole["workers_left"] == whole["memory_left"] == whole["files_left"] == []
