"""What commands say to programs: one JSON document on stdout, everything else on stderr."""

import json
from pathlib import Path

import pytest

from tests.commands import call

TINY = """devlearn: 1
scenario: tiny
about: A question
seeds: 2
brain: {kind: mlp, width: [4]}
stages: {school: {kind: supervise, data: mnist.train, labels: 20, updates: 2}}
arms: {plain: [school], more: [{use: school, set: {updates: 4}}]}
probes: {digits: {kind: accuracy, data: mnist.valid}}
compare: {probe: digits, smallest_effect: 0.01, pairs: [[more, plain]]}
"""


@pytest.fixture
def tiny(tmp_path: Path) -> Path:
    path = tmp_path / "tiny.yaml"
    path.write_text(TINY, encoding="utf-8")
    return path


def test_a_run_is_one_document(tiny: Path, tmp_path: Path) -> None:
    done = call("run", str(tiny), "--out", str(tmp_path / "out"), "--json", "--no-report")
    found = json.loads(done.stdout)
    assert (found["run"], found["report"], found["failed"]) == (str(tmp_path / "out"), None, [])
    assert found["done"] == 2
    compared = json.loads(call("compare", str(tmp_path / "out"), "--json").stdout)
    assert found["comparison"] == compared


def test_a_plan_is_one_document_with_the_facts_that_people_are_told(tiny: Path, tmp_path: Path) -> None:
    arguments = ("run", str(tiny), "--out", str(tmp_path / "out"), "--dry-run")
    told, found = call(*arguments), json.loads(call(*arguments, "--json").stdout)
    assert (found["scenario"], found["about"], found["seeds"], found["trials"]) == ("tiny", "A question", [0, 1], None)
    assert found["probes"] == {"digits": "accuracy"}
    (point,) = found["points"]
    assert f"{point['weights']:,} weights" in told.stdout
    more = point["arms"]["more"]
    assert [(stage["name"], stage["budget"]) for stage in more["stages"]] == [("school", ["updates", 4])]
    spent = more["consumes"]
    assert f"{spent['labels']} labels, {spent['images']} images, {spent['updates']} updates" in told.stdout
    assert all(f"{job['job']} " in told.stdout for job in found["jobs"]) and len(found["jobs"]) == 2
    assert f"{found['memory']['largest_job'] / 2**20:,.1f} MiB for the largest job" in told.stdout
    assert f"roughly {found['disk']['total'] / 2**20:,.1f} MiB" in told.stdout
    assert any("no difference can reach significance" in warning for warning in found["warnings"])
    assert not (tmp_path / "out").exists()


def test_priors_are_rows_of_names_too() -> None:
    names = {row["name"] for row in json.loads(call("list", "priors", "--json").stdout)}
    assert {"innate.waves", "innate.mask"} <= names and not {"supervise", "innate.shuffle"} & names


@pytest.mark.parametrize("what", ["stages", "protections", "probes", "brains", "data", "scenarios"])
def test_lists_are_rows_of_names(what: str) -> None:
    plain, rows = call("list", what), json.loads(call("list", what, "--json").stdout)
    assert [row["name"] for row in rows] == [line.split()[0] for line in plain.stdout.splitlines()]


def test_keys_have_their_defaults() -> None:
    found = json.loads(call("list", "protections", "ewc", "--json").stdout)
    keys = {key["name"]: key for key in found["keys"]}
    assert keys["strength"]["default"] == 100.0 and not keys["strength"]["required"]


def test_what_is_checked_needs_no_word_where_it_is_plain(tiny: Path) -> None:
    assert call("check", str(tiny)).stdout == call("check", "scenario", str(tiny)).stdout
    found = json.loads(call("check", str(tiny), "--json").stdout)
    assert (found["ok"], found["arms"], found["seeds"]) == (True, 2, 2)
    assert "which stage?" in call("check", "stage").output


def test_a_law_that_is_broken_is_told_as_such() -> None:
    done = call("check", "stage", "supervize", "--json")
    assert done.exit_code == 2
    found = json.loads(done.stdout)
    assert not found["ok"] and "supervise" in found["laws"][0]["message"]


def test_mistakes_of_a_scenario_are_a_document_too(tmp_path: Path) -> None:
    wrong = tmp_path / "wrong.yaml"
    wrong.write_text(TINY.replace("arms:", "armes:"), encoding="utf-8")
    done = call("check", str(wrong), "--json")
    assert done.exit_code == 2
    found = json.loads(done.stdout)
    assert (found["scenario"], found["ok"]) == (str(wrong), False)
    said = [f"{one['file']}:{one['line']}:{one['column']}: {one['message']}" for one in found["problems"]]
    assert any("'armes'" in line for line in said) and all(line in done.stderr for line in said if ":None:" not in line)
    gone = json.loads(call("check", str(tmp_path / "gone.yaml"), "--json").stdout)
    assert gone["problems"][0]["line"] is None and "no such file" in gone["problems"][0]["message"]


def test_a_missing_file_is_answered_with_files(tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text(TINY, encoding="utf-8")
    assert f"did you mean {str(tmp_path / 'mine.yaml')!r}?" in call("check", str(tmp_path / "mime.yaml")).output
    assert "there is no folder" in call("run", str(tmp_path / "no" / "mine.yaml"), "--dry-run").output


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_a_shell_is_told_how_to_complete(shell: str) -> None:
    assert "_DEVLEARN_COMPLETE" in call("completion", shell).stdout
