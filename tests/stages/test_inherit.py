"""From a run to genome files to learners that are born from them: weights, lineages, what is paid, and mistakes."""

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import yaml

import devlearn
from devlearn.learners.brains import brain_builder
from devlearn.learners.cohort import Cohort
from devlearn.records.genome_file import GenomeFile, read
from devlearn.registry import get
from devlearn.runs.pipeline import load, write
from devlearn.runs.run import Run
from devlearn.stages.context import Context
from tests.commands import call, said

ROOT = Path(__file__).parents[2]
GROW = """
devlearn: 1
scenario: grow
seeds: 3
block: 2
brain: {kind: mlp, width: [8]}
stages:
  school: {kind: supervise, labels: 20, batch: 10, updates: 3}
  reptile: {kind: innate.reptile, labels: 30, inner: 2, updates: 4, lineages: 2}
arms:
  born: [reptile]
  taught: [reptile, school]
probes:
  digits: {kind: accuracy, data: mnist.valid, quick: 100}
"""
USE = """
devlearn: 1
scenario: use
seeds: 4
brain: {kind: mlp, width: [8]}
stages:
  inherit: {kind: innate.inherit, files: [genomes/a.genome.npz, genomes/b.genome.npz]}
  school: {kind: supervise, labels: 20, batch: 10, updates: 3}
arms:
  born: [inherit, school]
  random-init: [school]
probes:
  digits: {kind: accuracy, data: mnist.valid, quick: 100}
"""


@pytest.fixture(scope="module")
def grown(tmp_path_factory: pytest.TempPathFactory) -> Run:
    folder = tmp_path_factory.mktemp("grow")
    (folder / "grow.yaml").write_text(GROW)
    return devlearn.run(folder / "grow.yaml", out=folder / "run", progress=False, report=False, jobs=1)


@pytest.fixture
def use(grown: Run, tmp_path: Path) -> Path:
    output = said("genome", grown.folder, "born", "--seed", 0, "--seed", 1, "--out", tmp_path / "genomes")
    for line, name in zip(output.split(), "ab", strict=True):
        Path(line).rename(tmp_path / "genomes" / f"{name}.genome.npz")
    (tmp_path / "use.yaml").write_text(USE)
    return tmp_path / "use.yaml"


def test_a_genome_is_what_a_learner_was_and_what_it_cost(grown: Run) -> None:
    (path,) = grown.genomes("taught", [2])
    assert path == grown.folder / "genomes" / "taught-seed2.genome.npz"
    genome, member = read(path), grown.learner("taught", 2).state_dict()
    assert all(np.array_equal(genome.tensors[name], tensor.numpy()) for name, tensor in member.items())
    assert set(genome.tensors) == set(member)
    last = [row for row in grown.rows("ledger") if row["arm"] == "taught" and row["seed"] == 2][-1]
    for unit, spent in genome.about["ledger"].items():
        assert spent == last[unit]
    assert [stage["name"] for stage in genome.about["stages"]] == ["reptile", "school"]


def test_every_field_of_a_genome_file_is_described(grown: Run) -> None:
    known = yaml.safe_load((ROOT / "docs/devlearn_docs/fields.yaml").read_text())["genome"]
    about = read(grown.genomes("taught", [0])[0]).about
    assert set(about) == {path.split(".")[0].removesuffix("[]") for path in known}
    assert set(about["stages"][0]) == {path.removeprefix("stages[].") for path in known if "[]." in path}


def test_after_a_stage_where_a_branch_ends(grown: Run, tmp_path: Path) -> None:
    (born,), (after,) = grown.genomes("born", [1]), grown.genomes("taught", [1], after="reptile", out=tmp_path)
    assert read(born).tensors.keys() == read(after).tensors.keys()
    assert all(np.array_equal(read(born).tensors[name], tensor) for name, tensor in read(after).tensors.items())


def test_learners_are_born_from_their_file_and_kin_are_one_lineage(use: Path) -> None:
    run = devlearn.run(use, out=use.parent / "run", progress=False, report=False, jobs=1)
    arm = run.resolved["points"][0]["arms"]["born"]
    assert len(set(arm["lineages"].values())) == 2
    assert arm["lineages"]["0"] == arm["lineages"]["2"]
    files = [read(use.parent / "genomes" / f"{name}.genome.npz") for name in "ab"]
    spent = [row for row in run.rows("ledger") if row["arm"] == "born"][-1]
    own = [row for row in run.rows("ledger") if row["arm"] == "random-init"][-1]
    for unit in ("labels", "label_bits", "images", "flops"):
        assert spent[unit] == own[unit] + files[0].about["ledger"][unit]
    assert run.compare().document()["arms"]["born"]["n"] == 2


def test_heirs_pay_for_what_their_genome_was_told(use: Path) -> None:
    path = use.parent / "genomes" / "b.genome.npz"
    genome = read(path)
    ledger = {**genome.about["ledger"], "feedback_events": 70, "feedback_bits": 33.5}
    GenomeFile(genome.tensors, {**genome.about, "ledger": ledger}).write(path)
    run = devlearn.run(use, out=use.parent / "run", progress=False, report=False, jobs=1)
    spent = {(row["arm"], row["feedback_events"], row["feedback_bits"]) for row in run.rows("ledger")}
    assert spent == {("born", 70, 33.5), ("random-init", 0, 0)}


def test_files_of_one_lineage_are_one_lineage(grown: Run) -> None:
    """The run had two ancestors: learners 0 and 2 are kin, and so is whoever is born from them."""
    names = [read(path).about["lineage"] for path in grown.genomes("taught")]
    assert names[0] == names[2] != names[1]


def test_weights_are_inherited_as_the_pattern_says(use: Path) -> None:
    files = [str(use.parent / "genomes" / f"{name}.genome.npz") for name in "ab"]
    school = get("stages", "supervise")()
    for only in ("*", "body.*"):
        stage = get("stages", "innate.inherit")(files=files, only=only)
        cohort = Cohort(brain_builder({"kind": "mlp", "width": [8]}, school.needs()), (5, 6, 7))
        before = cohort.state()
        (metrics,) = stage.segment(cohort, {}, Context((5, 6, 7), "inherit", 0, torch.device("cpu"), 1))
        for name, weights in cohort.parameters().items():
            mine = only == "*" or name.startswith("body.")
            for row, file in enumerate((1, 0, 1)):
                wanted = torch.from_numpy(read(files[file]).tensors[name]) if mine else before[name][row]
                assert torch.equal(weights[row], wanted)
        share = sum(w[0].numel() for name, w in before.items() if only == "*" or name.startswith("body."))
        assert metrics["inherited"].tolist() == pytest.approx([share / cohort.flat.shape[1]] * 3)


def test_a_changed_file_is_not_the_same_run(use: Path) -> None:
    said("run", use, "--out", use.parent / "run", "--no-report", "--jobs", 1)
    shutil.copy(use.parent / "genomes" / "b.genome.npz", use.parent / "genomes" / "a.genome.npz")
    output = said("run", use, "--out", use.parent / "run", "--no-report", "--jobs", 1, code=2)
    assert "contents" in output


def test_a_file_that_changes_between_plan_and_life_is_found(use: Path) -> None:
    write(load(use), use.parent / "run")
    shutil.copy(use.parent / "genomes" / "b.genome.npz", use.parent / "genomes" / "a.genome.npz")
    output = said("resume", use.parent / "run", "--no-report", "--jobs", 1, code=1)
    assert "changed since its checksum was taken" in output


def test_the_paths_of_a_resolved_run_are_absolute(use: Path) -> None:
    run = write(load(use), use.parent / "run").folder
    stage = json.loads((run / "resolved.json").read_text())["points"][0]["arms"]["born"]["stages"][0]
    assert stage["keys"]["files"] == [str(use.parent / "genomes" / f"{name}.genome.npz") for name in "ab"]
    assert len(stage["keys"]["contents"]) == 2


@pytest.mark.parametrize(
    ("setting", "wanted"),
    [
        ("stages.inherit.files=[genomes/c.genome.npz]", "there is no file c.genome.npz in"),
        ("stages.inherit.files=[use.yaml]", "use.yaml is no genome file"),
        ("brain.width=[9]", "give the scenario the genome's brain, {'kind': 'mlp', 'width': [8]"),
        ("stages.inherit.only=trunk.*", "no tensor of the genome that matches 'trunk.*' is in this brain"),
    ],
)
def test_mistakes_are_told_at_plan_time(use: Path, setting: str, wanted: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(use.parent)
    output = said("run", "use.yaml", "--dry-run", "--set", setting, code=2)
    assert wanted in output
    assert "use.yaml" in output or "--set" in output


@pytest.mark.parametrize(
    ("words", "wanted"),
    [
        (("elsewhere",), "no arm 'elsewhere'; there are: born, taught"),
        (("born", "--seed", 9), "no seed 9; there are: 0, 1, 2"),
        (("born", "--after", "play"), "has no stage 'play'"),
    ],
)
def test_what_a_run_does_not_have_is_told(grown: Run, words: tuple[Any, ...], wanted: str) -> None:
    output = said("genome", grown.folder, *words, code=2)
    assert wanted in output


def test_a_stage_inside_a_branch_is_told_with_the_mend(use: Path) -> None:
    run = devlearn.run(use, out=use.parent / "run", progress=False, report=False, jobs=1)
    output = said("genome", run.folder, "born", "--after", "inherit", code=2)
    assert "is not kept: it goes on into 'school'; add an arm that ends there, `born: [inherit]`" in output


PARTLY = "warning: stage inherit does not inherit "


@pytest.mark.parametrize(
    ("settings", "left"),
    [
        ([], ""),
        (["brain.width=[8, 10]", "stages.inherit.only=body.senses.*"], ""),
        (["brain.width=[8, 8]"], "body.trunk.0.weight, body.trunk.0.bias: no such weights are in its files"),
        (["brain.width=[8, 8]", "stages.inherit.only='*'"], ""),
        (["brain.memory=gru"], "body.memory."),
    ],
)
def test_weights_that_are_not_inherited_are_named_unless_only_is_written(
    use: Path, settings: list[str], left: str
) -> None:
    result = call("run", use, "--dry-run", *(word for setting in settings for word in ("--set", setting)))
    assert result.exit_code == 0, result.output
    output = " ".join(result.stderr.split())
    assert (PARTLY in output) == bool(left)
    assert left in output
