"""Registrations: written before anything is run, held against what is run, and kept with it."""

import json
from pathlib import Path
from typing import Any

import pytest

import devlearn
from devlearn.records.layout import RunFolder
from devlearn.records.reader import load as read
from devlearn.records.schema import Registration
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
    assert "Registered on 20" in printed
    assert (here / "runs/steps/registration.json").read_bytes() == (here / "it.json").read_bytes()
    assert "departs" not in manifest()["registration"]
    resumed = said("resume", "runs/steps", "--no-report")
    assert "Registered on 20" in resumed and "run otherwise" not in resumed
    answer = json.loads((here / "runs/steps/comparison.json").read_text())
    assert answer["registered"].startswith("registered on 20") and "before anything was run" in answer["registered"]


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
    (here / "broken.json").write_text("{}")
    assert "broken.json: " in said("run", "steps.yaml", "--prereg", "broken.json", code=2)


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
    answer = run.compare()
    assert answer["registered"].startswith("registered on 20") and "by Ada" in answer["registered"]
    assert any("were chosen, and registered before anything was run" in text for text in answer["warnings"])
    assert not any("set by an option" in text for text in answer["warnings"])  # it was registered so
    assert "is another question" in run.compare(at="birth")["registered"]


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
