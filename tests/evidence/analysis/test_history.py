"""What makes a run one of several is said of every answer, as far as it is on record; whether it was registered too."""

import json
from collections.abc import Mapping, Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from devlearn.evidence.text.history import of_seeds
from devlearn.records.layout import RunFolder
from devlearn.records.question import asked, digest
from devlearn.records.reader import load
from devlearn.records.results import note_seen
from devlearn.records.schema import Manifest, Resolved, Seen
from devlearn.runs.executors.worker import write_state
from tests.evidence.answers import compare, only, words
from tests.evidence.fake_run import tiny_run

VALUES = {"a": [0.1, 0.2, 0.3, 0.5], "b": [0.2, 0.3, 0.4, 0.7]}
VERSIONS = {"devlearn": "1", "torch": "2"}
MANIFEST = {"command": "devlearn run x", "digest": "0", "versions": VERSIONS, "machine": {}}
NOTHING: Mapping[str, Any] = {}
DATE = "2026-11-28T10:00:00+00:00"
PROGRAMS = {
    "old": {"versions": VERSIONS, "sources": {"maze": {"maze.py": "1"}}},
    "new": {"versions": {**VERSIONS, "torch": "3"}, "sources": {"maze": {"maze.py": "2"}}},
}


def run(folder: Path, seeds: list[int] | None = None, at: str = "end", **manifest: Any) -> Path:
    made = tiny_run(folder, VALUES, compare={"pairs": [["b", "a"]], "at": at}, seeds=seeds)
    content = {**MANIFEST, **manifest}
    RunFolder(made).manifest.write_text(json.dumps(Manifest.of(content).content()))
    return made


def registered(folder: Path, beside: Sequence[str] = (), noted: Mapping[str, Any] = NOTHING, **asked_now: Any) -> Path:
    """``folder`` registered for what it asks, but for what is ``asked_now``; ``noted`` by the manifest otherwise."""
    plan = Resolved.read(RunFolder(folder).resolved)
    assert plan is not None
    question = asked(plan) | asked_now | {"tune": None, "plug-ins": {}}
    runs = [{"folder": name, "scenario": "x", "seeds": [], "same_lives": True, "same_learners": False, "differs": []}
            for name in beside]  # fmt: skip
    content = {
        "format": 1, "scenario": plan.scenario, "date": DATE, "by": "Ada", "devlearn": "1", "overrides": [],
        "question": question, "digest": digest(question), "beside": runs,
    }  # fmt: skip
    RunFolder(folder).registration.write_text(json.dumps(content))
    note(folder, **noted)
    return folder


def note(folder: Path, **noted: Any) -> None:
    """Let the manifest say of the folder's registration what a command would, and what is ``noted`` otherwise."""
    file, path = RunFolder(folder).registration.read_bytes(), RunFolder(folder).manifest
    content = json.loads(file)
    own = {"date": content["date"], "by": "Ada", "digest": content["digest"], "sha256": sha256(file).hexdigest(),
           "beside": [one["folder"] for one in content["beside"]], **noted}  # fmt: skip
    path.write_text(json.dumps({**json.loads(path.read_text()), "registration": own}))


def history(folder: Path) -> list[str]:
    return [
        text for text in only(compare([folder]))["warnings"] if "fewer than" not in text and "can reach" not in text
    ]


def test_a_run_that_is_the_only_one_says_that_it_is_not_registered(tmp_path: Path) -> None:
    folder = run(tmp_path / "run")
    assert history(folder) == []
    assert only(compare([folder]))["registered"].startswith("not registered: nothing shows that ")
    RunFolder(folder).manifest.unlink()
    assert history(folder) == []


@pytest.mark.parametrize("seeds", [[0, 1, 2, 7], [4, 5, 6, 7]])
def test_chosen_seeds_stand_in_the_headline(tmp_path: Path, seeds: list[int]) -> None:
    found = compare([run(tmp_path / "run", seeds)])
    assert words(found)[0].endswith(f" Seeds chosen: {of_seeds(seeds)}.")
    assert f"seeds were chosen: {of_seeds(seeds)}, and not 0 to 3" in only(found)["warnings"][0]


def test_the_order_of_seeds_chooses_none(tmp_path: Path) -> None:
    assert history(run(tmp_path / "run", [3, 2, 1, 0])) == []


def test_registered_seeds_are_chosen_and_registered(tmp_path: Path) -> None:
    folder = registered(run(tmp_path / "run", [4, 5, 6, 7]))
    found, own = compare([folder]), sha256(RunFolder(folder).registration.read_bytes()).hexdigest()
    assert words(found)[0].endswith(" Seeds chosen: 4 to 7, as registered.")
    assert only(found)["registered"] == (
        f"registered in a file dated 2026-11-28 by its own word, by Ada (sha256 {own[:16]}); "
        "nothing on record here was run before, and only a copy of the sha256 where others see its date proves it"
    )


def test_a_run_that_departs_says_in_what(tmp_path: Path) -> None:
    folder = registered(run(tmp_path / "run"), ["old", "older"], seeds=[0, 1])
    first, second = history(folder)
    assert "departs from its registration of 2026-11-28: seeds 0, 1 registered, 0 to 3 now; " in first
    assert "on 2026-11-28 by the file's word, old, older lay there already" in second
    assert only(compare([folder]))["registered"].endswith(", and run otherwise")


@pytest.mark.parametrize(
    ("where", "value", "named"),
    [
        ("smallest_effect", 0.2, "compare.smallest_effect 0.0 registered, 0.2 now"),
        ("at", "birth", "compare.at end registered, birth now"),
        ("pairs", [["a", "b"]], "compare.pairs b against a registered, a against b now"),
        ("better", "lower", "compare.better higher registered, lower now"),
    ],
)
def test_a_question_that_was_edited_after_the_run_departs(tmp_path: Path, where: str, value: Any, named: str) -> None:
    """The manifest says nothing of it: resolved.json was changed by hand."""
    folder = registered(run(tmp_path / "run"))
    path = RunFolder(folder).resolved
    content = json.loads(path.read_text())
    content["compare"][where] = value
    path.write_text(json.dumps(content))
    assert any(f"departs from its registration of 2026-11-28: {named}" in text for text in history(folder))
    assert only(compare([folder]))["registered"].endswith(", and run otherwise")


def test_what_the_registered_question_leads_to_is_no_departure(tmp_path: Path) -> None:
    """A look on the way to all registered seeds, a value that `tune` chose; and both only there."""
    looks = tiny_run(tmp_path / "looks", VALUES, compare={"pairs": [["b", "a"]], "looks": [4, 8]})
    RunFolder(looks).manifest.write_text(json.dumps(MANIFEST))
    assert history(registered(looks, seeds=[*range(8)])) == []
    assert any("departs" in text for text in history(registered(looks, seeds=[*range(9)])))
    chosen = {
        "chosen": {"stages.school.data": "mnist.train"},
        "seeds": [9],
        "probe": "score",
        "trials": [],
        "ledger": {},
    }
    tuned = tiny_run(tmp_path / "tuned", VALUES, compare={"pairs": [["b", "a"]]}, entries={"a": {"tuning": chosen}})
    RunFolder(tuned).manifest.write_text(json.dumps(MANIFEST))
    plan = Resolved.read(RunFolder(tuned).resolved)
    assert plan is not None
    arms: Any = json.loads(json.dumps(asked(plan)["arms"]))
    arms["a"]["school"]["data"] = "mnist.valid"
    assert not any("departs" in text for text in history(registered(tuned, arms=arms)))
    arms["b"]["school"]["data"] = "mnist.valid"
    assert any("arms.b.school.data mnist.valid registered" in text for text in history(registered(tuned, arms=arms)))


def test_a_plug_in_that_trained_and_is_not_the_registered_one_departs(tmp_path: Path) -> None:
    folder = registered(run(tmp_path / "run", programs={"old": PROGRAMS["old"]}))
    assert any("plug-ins.maze.py nothing registered, 1 now" in text for text in history(folder))


@pytest.mark.parametrize(
    ("noted", "named"),
    [
        ({"sha256": "5" * 64}, "the file is another than manifest.json has on record (sha256 5555555555555555)"),
        ({"trained": ["jobs/a/all", "jobs/b/all"]}, "2 jobs had been trained here when the file arrived"),
        (
            {"answered": True, "arrived": "2026-11-30T00:00:00+00:00"},
            "an answer had been seen here when it arrived, at 2026-11-30T00:00:00+00:00",
        ),
    ],
)
def test_what_is_on_record_against_a_registration_puts_it_in_doubt(
    tmp_path: Path, noted: Mapping[str, Any], named: str
) -> None:
    folder = registered(run(tmp_path / "run", [4, 5, 6, 7]), noted=noted)
    found = compare([folder])
    assert f"its registration, dated 2026-11-28 by its own word, is in doubt: {named}" in history(folder)
    assert only(found)["registered"].startswith("not known to be registered: what is on record speaks against")
    assert words(found)[0].endswith(" Seeds chosen: 4 to 7.")


def test_a_folder_that_was_begun_before_its_registration_is_not_known_to_be_registered(tmp_path: Path) -> None:
    """In whatever zone the file's date is."""
    folder = registered(run(tmp_path / "run", begun="2026-11-28T09:59:59+00:00"))
    assert any("the folder had been begun before, at 2026-11-28T09:59:59" in text for text in history(folder))
    later = registered(run(tmp_path / "later", begun="2026-11-28T10:00:00+00:00"))
    assert history(later) == []
    content = RunFolder(later).registration.read_text().replace(DATE, "2026-11-28T08:00:00-03:00")
    RunFolder(later).registration.write_text(content)
    note(later)
    assert any("had been begun before" in text for text in history(later))


def test_a_registration_that_was_taken_away_edited_or_put_there_is_named(tmp_path: Path) -> None:
    folder = registered(run(tmp_path / "run"))
    file, content = RunFolder(folder).registration, json.loads(RunFolder(folder).registration.read_text())
    file.write_text(json.dumps({**content, "question": {**content["question"], "seeds": [0]}}))
    (departs, doubt) = history(folder)
    assert "seeds 0 registered, 0 to 3 now" in departs
    assert "its question was changed after it was written" in doubt and "is another than manifest.json has" in doubt
    file.write_text('{"a": 1}')
    assert "is in doubt: it can't be read (" in history(folder)[0]
    file.unlink()
    assert "registration.json, which would show what was asked, is gone" in history(folder)[0]
    put = run(tmp_path / "put")
    file.write_text(json.dumps(content))
    RunFolder(put).registration.write_bytes(file.read_bytes())
    assert "no command has found registration.json in this folder yet" in history(put)[0]


def test_another_question_than_the_registered_one_is_not_registered(tmp_path: Path) -> None:
    folder = registered(run(tmp_path / "run"))
    answer = only(compare([folder], at="birth"))
    assert answer["registered"].startswith("not registered: what was registered in a file dated 2026-11-28")
    several = only(compare([folder, run(tmp_path / "two")]))
    assert several["registered"].startswith("not registered: nothing shows")


def test_a_registration_beside_a_run_that_was_renamed_and_changed_is_named(tmp_path: Path) -> None:
    """In the run's own folder's neighbourhood; not where it asks something else altogether, or exactly this."""
    first = registered(run(tmp_path / "runs/first"))
    elsewhere = tmp_path / "first.registration.json"
    elsewhere.write_bytes(RunFolder(first).registration.read_bytes())
    assert history(first) == []
    renamed = tiny_run(tmp_path / "other/runs/it", {"x": VALUES["a"], "y": VALUES["b"]}, scenario="fresh",
                       compare={"pairs": [["y", "x"]], "smallest_effect": 0.3})  # fmt: skip
    (tmp_path / "other/first.registration.json").write_bytes(elsewhere.read_bytes())
    (line,) = history(renamed)
    assert line.startswith(
        "near this run lies what was registered of this scenario or one like it, and is not asked here: "
        "../first.registration.json, dated 2026-11-28 ("
    )
    assert "scenario tiny registered, fresh here" in line
    assert "compare.smallest_effect 0.0 registered, 0.3 here" in line
    far = json.loads(elsewhere.read_text())
    far["question"] = {**far["question"], "probes": {f"p{i}": {"kind": "accuracy", "every": i} for i in range(9)}}
    (tmp_path / "other/first.registration.json").write_text(json.dumps(far))
    assert history(renamed) == []


def test_what_an_option_changed_of_the_question_is_named_unless_it_is_registered(tmp_path: Path) -> None:
    laid = [
        {"key": "compare.pairs", "file": [["a", "b"]], "set": [["b", "a"]]},
        {"key": "probes.score.worst", "file": None, "set": 0.5},
    ]
    (line,) = history(run(tmp_path / "run", laid=laid))
    assert line == (
        "the question was set by an option, and is not the file's: compare.pairs = b against a (the file: a against "
        "b); probes.score.worst = 0.5 (the file: nothing)"
    )
    assert history(registered(run(tmp_path / "run", laid=laid))) == []


def test_records_that_were_edited_or_taken_away_are_named(tmp_path: Path) -> None:
    """By the digests that a job's state holds since it was done; older ones hold none. Pictures may go."""
    folder = run(tmp_path / "run")
    for arm in ("a", "b"):
        job = RunFolder(folder).job(f"jobs/{arm}/all")
        arrays = job.visit(0, "school", 0).root / "arrays"
        arrays.mkdir()
        (arrays / "score.npz").write_bytes(b"answers")
        (arrays / "score.pictures.npz").write_bytes(b"drawings")
        write_state(job.root, "done", None, 1)
        (arrays / "score.pictures.npz").unlink()
    assert history(folder) == []
    records = RunFolder(folder).job("jobs/b/all").visit(0, "school", 0)
    records.table("probes").write_text(records.table("probes").read_text().replace("0.7", "0.9"))
    (records.root / "arrays" / "score.npz").unlink()
    (line,) = history(folder)
    assert line == (
        "the records are not what they were when their jobs were done: jobs/b/all/records/00-school.0/arrays/score.npz "
        "gone and jobs/b/all/records/00-school.0/probes.csv changed; what is said here may not be what was measured "
        "(delete these jobs' folders and run again)"
    )
    (RunFolder(folder).job("jobs/a/all").visit(0, "school", 0).table("more")).write_text("seed\n")
    assert "jobs/a/all/records/00-school.0/more.csv added" in history(folder)[0]


def test_a_memory_that_was_deleted_is_named_for_good_and_forgets_no_count(tmp_path: Path) -> None:
    folder = run(tmp_path / "run")
    note_seen(load(folder))
    assert history(folder) == []
    RunFolder(folder).seen.unlink()
    (line,) = history(folder)
    assert line.startswith("seen.json had been deleted: by the states of its jobs an answer was given before")
    note_seen(load(folder))
    assert history(folder) == [line]
    seen = Seen.read(RunFolder(folder).seen)
    assert seen is not None and (seen.seeds, seen.renewed) == ((4,), True)
    RunFolder(folder).manifest.unlink()
    assert history(folder)[0].startswith("seen.json and manifest.json had been deleted")


def test_programs_that_differ_are_named(tmp_path: Path) -> None:
    (line,) = history(run(tmp_path / "run", programs=PROGRAMS, jobs={"jobs/a": ["old"], "jobs/b": ["new"]}))
    assert line.endswith("same program: torch was 2 and is 3; maze.py of maze was changed")
    assert history(run(tmp_path / "run", programs={"old": PROGRAMS["old"]})) == []


def test_runs_beside_it_are_named_but_those_that_it_is_compared_with(tmp_path: Path) -> None:
    one, two = run(tmp_path / "one"), run(tmp_path / "two", at="birth")
    (line,) = history(one)
    assert line == (
        "1 run folder beside this one lived the same stages under another question: two (compare.at birth there, end "
        "here); p values here are corrected for none of these"
    )
    assert not any("beside" in text for text in only(compare([one, two], at="end"))["warnings"])


def test_seeds_in_words() -> None:
    assert of_seeds([3]) == "3"
    assert of_seeds([0, 1]) == "0, 1"
    assert of_seeds([0, 1, 2, 5, 7, 8, 9, 10]) == "0 to 2, 5, 7 to 10"
