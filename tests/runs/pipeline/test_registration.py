"""Registrations: written before anything is run, held against what is run, and kept with it."""

import json
from pathlib import Path
from typing import Any

import pytest

import devlearn
from devlearn.records.atomic import write_json
from devlearn.records.layout import RunFolder
from devlearn.records.reader import load as read
from devlearn.records.schema import JobState, Registration
from devlearn.runs import pipeline
from devlearn.runs.folder import FolderMismatch
from devlearn.runs.registration import NotRegistered
from tests.commands import said


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: dict[str, str], inline: Any) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    ask = "compare: {probe: digits, smallest_effect: 0.01, pairs: [[looked, plain]]}\n"
    (tmp_path / "steps.yaml").write_text(text["head"] + ask)
    (tmp_path / "looks.yaml").write_text(text["head"] + text["looks"])
    (tmp_path / "tuned.yaml").write_text(text["head"] + text["tune"] + ask)
    return tmp_path


def written(out: str = "runs/steps", overrides: tuple[str, ...] = (), prereg: Path | None = None) -> Path:
    """A run folder that is planned, and not trained."""
    return pipeline.write(pipeline.load("steps.yaml", overrides), out, prereg=prereg).folder


def manifest(folder: str | Path = "runs/steps") -> dict[str, Any]:
    found: dict[str, Any] = json.loads(RunFolder(Path(folder)).manifest.read_text())
    return found


def test_a_registration_holds_the_whole_question(here: Path) -> None:
    path = pipeline.register("steps.yaml", ["seeds=[3, 7]", "compare.smallest_effect=0.02"], "Ada")
    assert path == Path("steps.registration.json")
    found = Registration.read(path)
    assert found is not None
    asked: Any = found.question
    assert found.by == "Ada" and found.date.startswith("20") and found.beside == ()
    assert found.overrides == ("seeds=[3, 7]", "compare.smallest_effect=0.02")
    assert asked["seeds"] == [3, 7] and asked["compare"]["smallest_effect"] == 0.02
    assert asked["arms"]["looked"]["order"] == ["look", "school"] and asked["arms"]["looked"]["school"]["updates"] == 3
    assert asked["probes"]["digits"]["data"] == "mnist.test" and asked["tune"] is None and asked["plug-ins"] == {}


def test_how_it_is_written_makes_no_difference_to_what_is_asked(here: Path) -> None:
    path = pipeline.register("steps.yaml", ["compare.smallest_effect=0.02"], "")
    (here / "steps.yaml").write_text(
        (here / "steps.yaml").read_text().replace("smallest_effect: 0.01", "smallest_effect: 0.02")
    )
    assert manifest(written(prereg=path))["registration"]["date"] == json.loads(path.read_text())["date"]


@pytest.mark.parametrize(
    ("override", "why"),
    [
        ("seeds=3", r"seeds is registered as \[0, 1, 2, 3\] and is \[0, 1, 2\]"),
        ("compare.at=birth", "compare.at is registered as 'end' and is 'birth'"),
        ("stages.school.lr=0.5", "arms.looked.school.lr is registered as 0.001 and is 0.5"),
        ("probes.digits.worst=0.5", "probes.digits.worst is registered as None and is 0.5"),
        ("arms.plain=[look]", "arms.plain.order is registered as"),
        ("brain.width=[9]", "brain.width is registered as"),
        ("pin=[init]", "pin is registered as"),
    ],
)
def test_whatever_else_is_asked_is_named_and_nothing_is_written(here: Path, override: str, why: str) -> None:
    path = pipeline.register("steps.yaml", [], "")
    with pytest.raises(NotRegistered, match=why):
        written(overrides=(override,), prereg=path)
    assert not Path("runs").exists()


def test_tune_and_looks_are_part_of_the_question(here: Path) -> None:
    for name, override, why in (
        ("tuned.yaml", "tune.seeds=[9]", r"tune.seeds is registered as \[7, 8\] and is \[9\]"),
        ("looks.yaml", "compare.looks=[4]", r"compare.looks is registered as \[2, 3, 4\] and is \[4\]"),
    ):
        path = pipeline.register(name, [], "", f"{name}.json")
        with pytest.raises(NotRegistered, match=why):
            pipeline.write(pipeline.load(name, [override]), "runs/x", prereg=path)


@pytest.mark.parametrize("name", ["tuned", "looks"])
def test_a_run_in_steps_keeps_it_through_all_of_them(here: Path, name: str) -> None:
    said("register", f"{name}.yaml", "--out", "it.json")
    printed = said("run", f"{name}.yaml", "--prereg", "it.json", "--no-report")
    assert "Registered in a file dated 20" in printed
    assert (here / "runs/steps/registration.json").read_bytes() == (here / "it.json").read_bytes()
    assert "departs" not in manifest()["registration"]
    resumed = said("resume", "runs/steps", "--no-report")
    assert "Registered in a file dated 20" in resumed and "run otherwise" not in resumed
    answer = json.loads((here / "runs/steps/comparison.json").read_text())
    assert answer["registered"].startswith("registered in a file dated 20")


def test_what_is_asked_otherwise_later_goes_on_record_and_stays_there(here: Path) -> None:
    written(prereg=pipeline.register("steps.yaml", [], ""))
    assert "departs" not in manifest()["registration"]
    written(overrides=("seeds=5",))
    (more,) = manifest()["registration"]["departs"]
    assert more == {"key": "seeds", "here": [0, 1, 2, 3, 4], "there": [0, 1, 2, 3]}
    pipeline.reopen(Path("runs/steps"))
    assert manifest()["registration"]["departs"] == [more]


def test_a_folder_that_was_begun_before_is_not_registered_afterwards(here: Path) -> None:
    path = pipeline.register("steps.yaml", [], "")
    written()
    older = manifest() | {"begun": "2020-01-01T00:00:00+00:00"}
    RunFolder(Path("runs/steps")).manifest.write_text(json.dumps(older))
    with pytest.raises(NotRegistered, match="was begun at 2020-01-01"):
        written(prereg=path)
    assert manifest()["begun"].startswith("2020") and not RunFolder(Path("runs/steps")).registration.exists()
    RunFolder(Path("runs/steps")).manifest.write_text(json.dumps({**older, "begun": ""}).replace(older["started"], ""))
    with pytest.raises(NotRegistered, match="begun at a time that is not on record"):
        written(prereg=path)


def test_a_folder_that_refuses_the_run_keeps_no_registration(here: Path) -> None:
    path = pipeline.register("steps.yaml", ["stages.school.lr=0.5"], "")
    written()
    with pytest.raises(FolderMismatch, match=r"lr was 0\.001 and is 0\.5"):
        written(overrides=("stages.school.lr=0.5",), prereg=path)
    assert not RunFolder(Path("runs/steps")).registration.exists() and "registration" not in manifest()


def test_another_registration_is_refused_and_so_is_one_that_was_changed(here: Path) -> None:
    first, second = (pipeline.register("steps.yaml", [], name, f"{name}.json") for name in ("Ada", "Bo"))
    written(prereg=first)
    written(prereg=first)
    with pytest.raises(NotRegistered, match=r"registered by another file than Bo\.json"):
        written(prereg=second)
    changed = json.loads(second.read_text())
    changed["question"]["compare"]["smallest_effect"] = 0.5
    second.write_text(json.dumps(changed))
    with pytest.raises(NotRegistered, match="changed after it was registered"):
        written("runs/other", prereg=second)
    assert "there is no registration gone.json" in said("run", "steps.yaml", "--prereg", "gone.json", code=2)


@pytest.mark.parametrize(
    ("content", "why"),
    [
        ('{"a": 1}', "format: it is missing"),
        ("[1]", "Input should be an object"),
        ("no JSON", "Invalid JSON"),
        ('{"format": 9}', "format 9, and this devlearn reads 1; update devlearn"),
    ],
)
def test_what_is_no_registration_is_refused_with_the_mend(here: Path, content: str, why: str) -> None:
    (here / "broken.json").write_text(content)
    text = said("run", "steps.yaml", "--prereg", "broken.json", code=2)
    assert "broken.json is no registration (" in text and why in text
    assert "devlearn register SCENARIO writes one" in text and not (here / "runs").exists()


def test_a_folder_and_a_date_that_is_none_are_no_registration(here: Path) -> None:
    path = pipeline.register("steps.yaml", [], "Ada")
    path.write_text(json.dumps({**json.loads(path.read_text()), "date": "yesterday"}))
    text = said("run", "steps.yaml", "--prereg", str(path), code=2)
    assert "is no registration (date: " in text and "'yesterday'" in text
    with pytest.raises(NotRegistered, match=r"is no registration \(Is a directory\); "):
        written(prereg=here)


def test_a_registration_that_comes_after_jobs_were_trained_is_kept_and_named(here: Path) -> None:
    """However early its date is: what had been begun, and whether an answer had been seen, goes on record."""
    path = pipeline.register("steps.yaml", [], "Ada")
    back = {**json.loads(path.read_text()), "date": "2020-01-01T00:00:00+00:00"}
    folder = RunFolder(written())
    job = folder.job(json.loads(folder.resolved.read_text())["jobs"][0]["folder"])
    job.checkpoints.mkdir(parents=True)
    (job.checkpoints / "1.pt").write_bytes(b"")
    write_json(job.state, JobState(status="done", attempt=1, compared=(4,)).content())
    path.write_text(json.dumps(back))
    written(prereg=path)
    noted = manifest()["registration"]
    assert noted["trained"] == [job.root.relative_to(folder.root).as_posix()] and noted["answered"] is True
    assert noted["arrived"] > "2026" and noted["departs" if "departs" in noted else "date"] == back["date"]
    doubts = read(folder.root).registered
    assert doubts is not None and {one.code for one in doubts.doubts} == {"trained", "answered"}
    assert doubts.departs == ()
    pipeline.reopen(folder.root)
    assert manifest()["registration"] == noted


def test_a_registration_that_is_put_into_the_folder_by_hand_is_known_by_when_it_came(here: Path) -> None:
    path = pipeline.register("steps.yaml", [], "Ada")
    folder = RunFolder(written())
    folder.registration.write_bytes(path.read_bytes())
    doubts = read(folder.root).registered
    assert doubts is not None and doubts.doubts[0].code == "unnoted"
    pipeline.reopen(folder.root)
    doubts = read(folder.root).registered
    assert doubts is not None and "unnoted" not in [one.code for one in doubts.doubts]


@pytest.mark.parametrize("name", ["steps", "looks", "tuned"])
def test_resolved_json_of_a_registered_run_departs_in_nothing(here: Path, name: str) -> None:
    """It is read back from its file, and held against the question that was made from the plan."""
    path = pipeline.register(f"{name}.yaml", [], "")
    folder = pipeline.write(pipeline.load(f"{name}.yaml"), None, prereg=path).folder
    if RunFolder(folder).resolved.exists():
        found = read(folder).registered
        assert found is not None and (found.departs, found.doubts) == ((), ())


def test_a_registration_beside_a_scenario_that_was_renamed_and_changed_goes_on_record(here: Path) -> None:
    pipeline.register("steps.yaml", [], "Ada")
    text = (here / "steps.yaml").read_text().replace("scenario: steps", "scenario: fresh")
    (here / "fresh.yaml").write_text(text.replace("smallest_effect: 0.01", "smallest_effect: 0.3"))
    folder = pipeline.write(pipeline.load("fresh.yaml"), "elsewhere/deep/down/fresh").folder
    (noted,) = manifest(folder)["registrations"]
    assert noted["file"] == "../../../steps.registration.json"
    assert [one["key"] for one in noted["differs"]] == ["scenario", "compare.smallest_effect"]
    (here / "steps.registration.json").unlink()
    assert [one.scenario for one in read(folder).akin] == ["steps"]


@pytest.mark.parametrize(
    ("overrides", "laid"),
    [
        (["compare.of=mean", "compare.at=end"], []),  # what holds in the file, whether it says so or not
        (["compare.of=median"], [{"key": "compare.of", "file": None, "set": "median"}]),
        (
            ["compare.probe=digits.cross_entropy", "compare.better=lower", "probes.digits.worst=9.0"],  # lower anyway
            [
                {"key": "compare.probe", "file": "digits", "set": "digits.cross_entropy"},
                {"key": "probes.digits.worst", "file": None, "set": 9.0},
            ],
        ),
        (["compare.smallest_effect=0.02", "compare.of=mean"],
         [{"key": "compare.smallest_effect", "file": 0.01, "set": 0.02}]),
    ],
)  # fmt: skip
def test_a_default_that_an_option_writes_out_is_no_other_question(
    here: Path, overrides: list[str], laid: list[dict[str, Any]]
) -> None:
    assert manifest(written(overrides=tuple(overrides))).get("laid", []) == laid


def test_learners_that_were_trained_cannot_be_registered_and_others_of_the_same_lives_are_named(here: Path) -> None:
    written("elsewhere/renamed", ("scenario=renamed", "compare.at=birth"))
    with pytest.raises(NotRegistered, match=r"elsewhere/renamed holds the same lives of seeds 0-3.*other|nobody"):
        pipeline.register("steps.yaml", [], "", "elsewhere/it.json")
    path = pipeline.register("steps.yaml", ["seeds=[8, 9]"], "", "elsewhere/it.json")
    assert [one["folder"] for one in json.loads(path.read_text())["beside"]] == ["renamed"]
    run = written("elsewhere/steps", ("seeds=[8, 9]",), path)
    assert manifest(run)["registration"]["beside"] == ["renamed"]


def test_python_registers_and_runs_by_it(here: Path) -> None:
    path = devlearn.register("steps.yaml", seeds=[5, 6], set={"compare.smallest_effect": 0.02}, by="Ada")
    ask: dict[str, Any] = {"set": {"compare.smallest_effect": 0.02}, "progress": False, "report": False}
    with pytest.raises(NotRegistered, match=r"seeds is registered as \[5, 6\] and is \[0, 1\]"):
        devlearn.run("steps.yaml", seeds=2, prereg=path, **ask)
    run = devlearn.run("steps.yaml", seeds=[5, 6], prereg=path, **ask)
    answer = run.compare().document()
    assert answer["registered"].startswith("registered in a file dated 20") and "by Ada" in answer["registered"]
    assert any("were chosen, and are the registered ones" in text for text in answer["warnings"])
    assert not any("set by an option" in text for text in answer["warnings"])  # it was registered so
    assert "is another question" in run.compare(at="birth").document()["registered"]


def test_older_manifests_and_looks_are_read(here: Path) -> None:
    folder = RunFolder(written())
    known = {
        key: value for key, value in manifest().items() if key not in ("begun", "laid", "siblings", "registration")
    }
    folder.manifest.write_text(json.dumps(known))
    folder.seen.write_text(json.dumps({"format": 1, "seeds": [4]}))
    assert read(folder.root).siblings == ()
    written()
    assert manifest()["begun"] == known["started"]
