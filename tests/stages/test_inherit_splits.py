"""What a genome's life has trained on is not held out for its heirs, through however many files."""

from pathlib import Path
from typing import Any

import pytest
import yaml

import devlearn
from devlearn.records.genome_file import GenomeFile, read
from tests.commands import said

LEAK = "mnist.valid is not held out here: a genome of stage 'inherit' trained on mnist.train+valid"
BOTH = {"kind": "supervise", "data": "mnist.train+valid", "labels": 20, "batch": 10, "updates": 2}
SCHOOL = {**BOTH, "data": "mnist.train", "updates": 6}
TEST = {"kind": "accuracy", "data": "mnist.test", "quick": 100}
VALID = {"kind": "accuracy", "data": "mnist.valid", "quick": 100, "every": 2}


def scenario(path: Path, stages: dict[str, Any], probes: dict[str, Any], **rest: Any) -> Path:
    head = {"devlearn": 1, "scenario": path.stem, "seeds": 2, "brain": {"kind": "mlp", "width": [8]}}
    path.write_text(yaml.safe_dump({**head, "stages": stages, "arms": {"x": list(stages)}, "probes": probes, **rest}))
    return path


def grown(path: Path, **stages: Any) -> Path:
    made = scenario(path, stages, {"test": TEST})
    (found, _) = devlearn.run(made, out=path.with_suffix(""), progress=False, report=False, jobs=1).genomes("x")
    return found


@pytest.fixture(scope="module")
def genome(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return grown(tmp_path_factory.mktemp("grow") / "grow.yaml", school=BOTH)


def heirs(folder: Path, genome: Path, probe: dict[str, Any], **rest: Any) -> Path:
    stages = {"inherit": {"kind": "innate.inherit", "files": [str(genome)]}, "school": SCHOOL}
    return scenario(folder / "use.yaml", stages, {"test": TEST, "valid": probe}, **rest)


@pytest.mark.parametrize(
    "rest",
    [
        {},
        {"compare": {"probe": "test", "select": "valid"}},
        {"tune": {"over": {"stages.school.lr": [1.0e-3, 1.0e-2]}, "seeds": [90], "probe": "valid"}},
    ],
)
def test_an_heir_is_refused_what_its_genome_was_refused(genome: Path, tmp_path: Path, rest: dict[str, Any]) -> None:
    output = said("run", heirs(tmp_path, genome, VALID, **rest), "--dry-run", code=2)
    assert LEAK in output
    assert "use.yaml" in output


def test_an_heir_of_an_heir_is_refused_it_too(genome: Path, tmp_path: Path) -> None:
    inherit = {"kind": "innate.inherit", "files": [str(genome)]}
    child = grown(tmp_path / "child.yaml", inherit=inherit, school={**SCHOOL, "updates": 2})
    assert read(child).about["trained"] == ["mnist.train+valid", "mnist.train"]
    assert LEAK in said("run", heirs(tmp_path, child, VALID), "--dry-run", code=2)


def test_what_the_genome_has_not_seen_is_held_out(genome: Path, tmp_path: Path) -> None:
    said("run", heirs(tmp_path, genome, {**TEST, "every": 2}), "--dry-run")
    clean = grown(tmp_path / "clean.yaml", school=SCHOOL)
    said("run", heirs(tmp_path, clean, VALID, compare={"probe": "test", "select": "valid"}), "--dry-run")


def test_an_older_file_says_what_its_own_stages_trained_on(genome: Path, tmp_path: Path) -> None:
    found = read(genome)
    about = {key: value for key, value in found.about.items() if key != "trained"}
    old = GenomeFile(found.tensors, about).write(tmp_path / "old.genome.npz")
    assert LEAK in said("run", heirs(tmp_path, old, VALID), "--dry-run", code=2)
