"""A session of ten steps at which somebody looks for an answer that is liked: each is named by what is printed."""

import json
from pathlib import Path

import pytest

from tests.commands import said

PROBE = '''
from devlearn.plugin import probe
from devlearn.probes.accuracy import Accuracy

FEW = 100


@probe("hacked_probe:Mine")
class Mine(Accuracy):
    """Accuracy, by a file of one's own."""
'''
SCENARIO = """
devlearn: 1
scenario: hacked
seeds: 2
brain: {kind: mlp, width: [8]}
stages:
  look: {kind: pretrain.denoise, updates: 2, batch: 4}
  school: {kind: supervise, labels: 20, updates: 4, batch: 4}
arms:
  plain: [school]
  looked: [look, school]
probes:
  digits: {kind: 'hacked_probe:Mine', data: mnist.valid, every: 2, quick: 50}
compare: {probe: digits, smallest_effect: 0.01, pairs: [[looked, plain]]}
"""
LARGER = ("--set", "compare.smallest_effect=0.2")


@pytest.fixture
def session(here: Path) -> Path:
    """The hacker's folder: a scenario with a probe of its own."""
    (here / "hacked.yaml").write_text(SCENARIO)
    (here / "hacked_probe.py").write_text(PROBE)
    return here


def words(*arguments: str, code: int = 0) -> str:
    """All that a command prints, in one line."""
    return " ".join(said(*arguments, code=code).split())


def run(*arguments: str, code: int = 0) -> str:
    """``devlearn run hacked.yaml`` and all that it prints."""
    return words("run", "hacked.yaml", "--no-report", *arguments, code=code)


def test_every_step_of_a_hacker_is_named(session: Path) -> None:
    what_was_registered_is_run_without_a_warning(session)
    other_seeds()
    some_of_the_seeds()
    another_smallest_effect()
    other_pairs()
    another_probe_and_another_moment()
    more_seeds_after_a_look()
    the_same_lives_asked_by_another_file(session)
    a_diverged_learner_that_counts_as_a_good_one()
    an_edited_scenario_and_an_edited_plugin(session)
    a_registration_that_says_otherwise(session)
    a_registration_after_the_fact(session)
    a_scenario_that_was_renamed_and_changed(session)
    a_question_that_was_edited_in_the_folder(session)
    a_plan_that_was_edited_unregistered(session)
    two_jobs_that_were_exchanged(session)
    a_registration_with_its_date_set_back(session)
    a_memory_that_was_deleted(session)
    records_that_were_edited(session)
    everything_is_on_record(session)


def what_was_registered_is_run_without_a_warning(session: Path) -> None:
    registered = words("register", "hacked.yaml", "--by", "Ada")
    assert "registered: hacked.registration.json sha256: " in registered
    honest = words("run", "hacked.yaml", "--prereg", "hacked.registration.json")
    assert "Registered in a file dated 20" in honest and "by its own word, by Ada (sha256 " in honest
    assert "nothing on record here was run before" in honest
    for unsaid in ("chosen", "beside this one", "an option", "departs", "is rewarded", "in doubt", "near this run"):
        assert unsaid not in honest
    page = (session / "runs/hacked/report.html").read_text(encoding="utf-8")
    assert "Registered in a file dated 20" in page and "nothing on record here was run before" in page


def other_seeds() -> None:
    other = run("--seeds", "10,11", "--out", "runs/other-seeds")
    assert "Seeds chosen: 10, 11." in other and "seeds were chosen: 10, 11, and not 0 to 1" in other
    assert "hacked (seeds 0, 1 there, 10, 11 here)" in other and "Not registered: " in other


def some_of_the_seeds() -> None:
    """In the folder that has them all, and beside it."""
    assert "it holds seeds that this run leaves out: 0" in run("--seeds", "1,", code=2)
    assert "Seeds chosen: 1." in run("--seeds", "1,", "--out", "runs/some")


def another_smallest_effect() -> None:
    assert "compare.smallest_effect was 0.01 and is 0.2" in run(*LARGER, code=2)
    larger = run(*LARGER, "--out", "runs/effect")
    assert "the question was set by an option, and is not the file's: " in larger
    assert "compare.smallest_effect = 0.2 (the file: 0.01)" in larger
    assert "hacked (compare.smallest_effect 0.01 there, 0.2 here)" in larger


def other_pairs() -> None:
    pairs = run("--set", "compare.pairs=[[plain, looked]]", "--out", "runs/pairs")
    assert "compare.pairs = plain against looked (the file: looked against plain)" in pairs


def another_probe_and_another_moment() -> None:
    for question in (["--probe", "digits.cross_entropy"], ["--at", "2"]):
        asked = words("compare", "runs/hacked", *question)
        assert "Exploratory, not what the scenario asked" in asked
        assert "Not registered: what was registered in a file dated 20" in asked and "is another question" in asked


def more_seeds_after_a_look() -> None:
    run("--seeds", "1", "--out", "runs/peek")
    assert "seeds were added after a verdict on 1 seeds had been seen" in run("--out", "runs/peek")


def the_same_lives_asked_by_another_file(session: Path) -> None:
    """In another folder, and something else."""
    renamed = SCENARIO.replace("scenario: hacked", "scenario: fresh")
    (session / "other.yaml").write_text(renamed.replace("probe: digits,", "probe: digits, at: birth,"))
    fresh = words("run", "other.yaml", "--no-report")
    assert "lived the same stages under another question: " in fresh
    assert "hacked (scenario hacked there, fresh here, compare.at end there, birth here)" in fresh
    assert "fresh (scenario fresh there, hacked here" in words("compare", "runs/hacked")


def a_diverged_learner_that_counts_as_a_good_one() -> None:
    worst = run("--set", "probes.digits.worst=0.9", "--out", "runs/worst")
    assert "a learner that diverges counts with 0.9 of digits.accuracy, which is better than guessing, 0.1" in worst
    assert "probes.digits.worst = 0.9 (the file: nothing)" in worst


def an_edited_scenario_and_an_edited_plugin(session: Path) -> None:
    """In the folder of the run."""
    (session / "hacked.yaml").write_text(SCENARIO.replace("updates: 4", "updates: 5"))
    assert "stage 'school': updates was 4 and is 5" in run(code=2)
    (session / "hacked.yaml").write_text(SCENARIO)
    (session / "hacked_probe.py").write_text(PROBE.replace("FEW = 100", "FEW = 99"))
    assert "hacked_probe.py of hacked_probe was changed since " in run("--seeds", "3", code=2)
    mixed = run("--seeds", "3", "--accept-changes")
    assert "were not all trained by the same program: hacked_probe.py of hacked_probe was changed" in mixed
    assert "the run departs from its registration of 20" in mixed and "seeds 0, 1 registered, 0 to 2 now" in mixed
    assert "plug-ins.hacked_probe.py" in mixed and "and run otherwise." in mixed
    (session / "hacked_probe.py").write_text(PROBE)


def a_registration_that_says_otherwise(session: Path) -> None:
    against = run("--prereg", "hacked.registration.json", "--out", "runs/against", *LARGER, "--seeds", "5", code=2)
    assert "hacked.registration.json registers another question: " in against
    assert "seeds is registered as [0, 1] and is [0, 1, 2, 3, 4]" in against
    assert "compare.smallest_effect is registered as 0.01 and is 0.2" in against
    assert not (session / "runs/against").exists()


def a_registration_after_the_fact(session: Path) -> None:
    """Neither in place of the one that there is nor as another."""
    assert "is there already, and a registration is never written over" in words("register", "hacked.yaml", code=2)
    late = words("register", "hacked.yaml", *LARGER, "--out", "late.registration.json", code=2)
    assert "hacked can't be registered any more: " in late and not (session / "late.registration.json").exists()


def a_scenario_that_was_renamed_and_changed(session: Path) -> None:
    changed = SCENARIO.replace("scenario: hacked", "scenario: another").replace("labels: 20", "labels: 30")
    (session / "another.yaml").write_text(changed)
    another = words("run", "another.yaml", "--no-report", "--out", "elsewhere/another")
    assert "near this run lies what was registered of this scenario or one like it, and is not asked here: " in another
    assert "hacked.registration.json, dated 20" in another and "scenario hacked registered, another here" in another


def a_question_that_was_edited_in_the_folder(session: Path) -> None:
    """After an honest run that was registered: the manifest says nothing of it."""
    words("register", "hacked.yaml", "--seeds", "30,31", "--out", "honest.registration.json")
    honest = run("--seeds", "30,31", "--prereg", "honest.registration.json", "--out", "honest/it")
    assert "departs" not in honest and "run otherwise" not in honest
    resolved = session / "honest/it/resolved.json"
    text = resolved.read_text()
    resolved.write_text(text.replace('"smallest_effect": 0.01', '"smallest_effect": 0.2'))
    edited = words("compare", "honest/it")
    assert "departs from its registration of 20" in edited
    assert "compare.smallest_effect 0.01 registered, 0.2 now" in edited and "and run otherwise." in edited
    resolved.write_text(text)


def a_plan_that_was_edited_unregistered(session: Path) -> None:
    """A larger smallest effect in the folder; a resume doesn't make it good."""
    honest = run("--seeds", "4", "--out", "plain/it")
    assert "is not what a command wrote" not in honest
    resolved = session / "plain/it/resolved.json"
    text = resolved.read_text()
    resolved.write_text(text.replace('"smallest_effect": 0.01', '"smallest_effect": 0.2'))
    assert "resolved.json is not what a command wrote: it was edited" in words("compare", "plain/it")
    assert "resolved.json is not what a command wrote: it was edited" in words("resume", "plain/it", "--no-report")
    resolved.write_text(text)
    assert "is not what a command wrote" not in words("compare", "plain/it")


def two_jobs_that_were_exchanged(session: Path) -> None:
    """Folders of two branches change places: each says of itself what it holds."""
    plain, looked = (next((session / "plain/it/jobs").glob(f"{name}*/*")) for name in ("school-", "look+school-"))
    spare = session / "spare"
    for source, target in ((plain, spare), (looked, plain), (spare, looked)):
        source.rename(target)
    told = words("compare", "plain/it", code=2)
    assert "and by resolved.json it is " in told and "put it back, or delete it and run again" in told
    for source, target in ((looked, spare), (plain, looked), (spare, plain)):
        source.rename(target)
    words("compare", "plain/it")


def a_registration_with_its_date_set_back(session: Path) -> None:
    """Of learners that were trained, and seen, before it was written."""
    run("--seeds", "40,41", "--out", "late/it")
    (session / "fresh").mkdir()
    words("register", "hacked.yaml", "--seeds", "40,41", "--out", "fresh/late.registration.json")
    file = session / "fresh/late.registration.json"
    content = json.loads(file.read_text())
    file.write_text(json.dumps({**content, "date": "2020-01-01T00:00:00+00:00"}))
    late = run("--seeds", "40,41", "--prereg", "fresh/late.registration.json", "--out", "late/it")
    assert "dated 2020-01-01 by its own word, is in doubt: 2 jobs had been trained here when the file arrived" in late
    assert "an answer had been seen here when it arrived" in late
    assert "Not known to be registered: what is on record speaks against" in late


def a_memory_that_was_deleted(session: Path) -> None:
    """The question stands, and the deletion is named."""
    folder = session / "honest/it"
    for file in ("seen.json", "comparison.json"):
        (folder / file).unlink()
    asked = ("--seeds", "30,31", "--out", "honest/it")
    assert "compare.smallest_effect was 0.01 and is 0.2" in run(*asked, *LARGER, code=2)
    assert "seen.json had been deleted: by the states of its jobs an answer was given" in run(*asked)


def records_that_were_edited(session: Path) -> None:
    """The accuracies of an arm, with the arrays gone that would contradict them."""
    job = next((session / "honest/it/jobs").glob("look+school*/*"))
    table = next(job.glob("records/*school*/probes.csv"))
    table.write_text(table.read_text().replace(",accuracy,0.", ",accuracy,0.9"))
    for array in job.glob("records/*/arrays/digits.npz"):
        array.unlink()
    edited = words("compare", "honest/it")
    assert "the records are not what they were when their jobs were done: " in edited
    assert "probes.csv changed" in edited and "arrays/digits.npz gone" in edited


def everything_is_on_record(session: Path) -> None:
    manifest = json.loads((session / "runs/worst/manifest.json").read_text())
    assert {one["folder"] for one in manifest["siblings"]} >= {"hacked", "effect", "pairs", "peek", "fresh"}
    assert manifest["laid"] == [{"key": "probes.digits.worst", "file": None, "set": 0.9}]
