"""n counts evolved lives: neither clones of a genome, nor its heirs, nor a life that is lived again add to it."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

import devlearn
from devlearn.evidence import undecidable
from devlearn.records.genome_file import GenomeFile, read
from devlearn.records.schema import Resolved
from devlearn.runs.pipeline import load, plan
from devlearn.runs.plan import resolved

PROBES = {"digits": {"kind": "accuracy", "data": "mnist.valid", "quick": 100}}
SCHOOL = {"kind": "supervise", "labels": 20, "batch": 10, "updates": 2}
GENOME = {"kind": "innate.genome", "labels": 20, "batch": 10, "updates": 2, "compression": 8}
PAIR = {"probe": "digits", "smallest_effect": 0.01, "pairs": [["heirs", "own"]]}


def scenario(path: Path, seeds: Any, stages: dict[str, Any], arms: dict[str, Any], **rest: Any) -> Path:
    head = {"devlearn": 1, "scenario": path.stem, "seeds": seeds, "brain": {"kind": "mlp", "width": [8]}}
    path.write_text(yaml.safe_dump({**head, "stages": stages, "arms": arms, "probes": PROBES, **rest}))
    return path


def grown(folder: Path, name: str, stage: dict[str, Any], seeds: Any = 2, **rest: Any) -> list[Path]:
    """Files of all learners of a run that lives one stage."""
    path = scenario(folder / f"{name}.yaml", seeds, {"born": stage}, {"x": ["born"]}, **rest)
    return devlearn.run(path, out=folder / name, progress=False, report=False, jobs=1).genomes("x")


def heirs(folder: Path, files: Sequence[Path]) -> Resolved:
    """The plan of a scenario in which seed s is born from file s."""
    stages = {"inherit": {"kind": "innate.inherit", "files": list(map(str, files))}, "school": SCHOOL}
    arms = {"heirs": ["inherit", "school"], "own": ["school"]}
    return resolved(plan(load(scenario(folder / "use.yaml", len(files), stages, arms, compare=PAIR))).own)


def count(folder: Path, *files: Path) -> int:
    return len(set(heirs(folder, files).points[0].arms["heirs"].lineages.values()))


def renamed(path: Path, to: Path, **about: Any) -> Path:
    genome = read(path)
    return GenomeFile(genome.tensors, {**genome.about, **about}).write(to)


@pytest.fixture(scope="module")
def genomes(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    return grown(tmp_path_factory.mktemp("first"), "first", GENOME)


def test_a_life_that_is_lived_again_is_one(genomes: list[Path], tmp_path: Path) -> None:
    """Whatever the scenario is called and measures, and however long it is lived."""
    again = grown(tmp_path, "again", GENOME, probes={"other": {"kind": "accuracy", "data": "mnist.valid"}})
    longer = grown(tmp_path, "longer", {**GENOME, "updates": 3})
    assert read(again[0]).about["run"] != read(genomes[0]).about["run"]
    assert read(again[0]).lineage == read(genomes[0]).lineage
    assert count(tmp_path, genomes[0], again[0], longer[0]) == 1
    assert count(tmp_path, *genomes, *again, *longer) == 2


def test_seven_clones_under_seven_names_are_one_and_decide_nothing(genomes: list[Path], tmp_path: Path) -> None:
    names = [f"grow {number:012x}: seed 0" for number in range(7)]
    other = [renamed(genomes[0], tmp_path / f"{i}.genome.npz", lineage=name, seed=i) for i, name in enumerate(names)]
    (line,) = undecidable(heirs(tmp_path, other))
    assert count(tmp_path, *other) == 1
    assert line.startswith("with 1 lineage (7 seeds) ")
    assert undecidable(heirs(tmp_path, grown(tmp_path, "seven", GENOME, 7))) == []


def test_clones_in_two_arms_join_the_seeds_of_both(genomes: list[Path], tmp_path: Path) -> None:
    clone = renamed(genomes[0], tmp_path / "clone.genome.npz", lineage=["another"])
    stages = {
        "one": {"kind": "innate.inherit", "files": [str(genomes[0]), str(genomes[1])]},
        "two": {"kind": "innate.inherit", "files": [str(grown(tmp_path, "far", GENOME, [9])[0]), str(clone)]},
    }
    path = scenario(tmp_path / "use.yaml", 2, stages, {"x": ["one"], "y": ["two"]})
    arms = resolved(plan(load(path)).own).points[0].arms
    assert arms["x"].lineages[0] == arms["y"].lineages[1]
    assert len({*arms["x"].lineages.values(), *arms["y"].lineages.values()}) == 3


def test_heirs_count_as_their_eldest_ancestor(genomes: list[Path], tmp_path: Path) -> None:
    born = [grown(tmp_path, name, inherit(genomes[0]), [seed]) for name, seed in (("one", 5), ("two", 6))]
    grandchild = grown(tmp_path, "three", inherit(born[0][0], only="body.*"), [7])
    other = grown(tmp_path, "four", inherit(genomes[1]), [5])
    kin = [genomes[0], born[0][0], born[1][0], grandchild[0]]
    changed = [moved(path, tmp_path / f"{i}.genome.npz", i) for i, path in enumerate(kin)]  # tensors give nothing away
    assert count(tmp_path, changed[0], changed[1]) == 1
    assert count(tmp_path, changed[1], changed[2]) == 1
    assert count(tmp_path, changed[0], changed[3]) == 1
    assert count(tmp_path, *changed, other[0]) == 2


def inherit(path: Path, **keys: Any) -> dict[str, Any]:
    return {"kind": "innate.inherit", "files": [str(path)], **keys}


def moved(path: Path, to: Path, by: float) -> Path:
    genome = read(path)
    return GenomeFile({name: tensor + np.float32(by) for name, tensor in genome.tensors.items()}, genome.about).write(
        to
    )


def test_who_has_something_from_two_joins_both(genomes: list[Path], tmp_path: Path) -> None:
    stages = {"body": inherit(genomes[0], only="body.*"), "head": inherit(genomes[1], only="head*")}
    path = scenario(tmp_path / "two.yaml", [5], stages, {"x": ["body", "head"]})
    (child,) = devlearn.run(path, out=tmp_path / "two", progress=False, report=False, jobs=1).genomes("x")
    assert count(tmp_path, *genomes) == 2
    assert count(tmp_path, *genomes, child) == 1


def test_ancestors_are_the_same_in_whichever_run_they_evolve(tmp_path: Path) -> None:
    evolve = {**GENOME, "lineages": 2}
    one, two = grown(tmp_path, "one", evolve, 4), grown(tmp_path, "two", {**evolve, "updates": 3}, [4, 5])
    assert count(tmp_path, *one) == 2
    assert count(tmp_path, *one, *two) == 2


def test_files_that_were_named_after_their_run_are_read(genomes: list[Path], tmp_path: Path) -> None:
    """By seed and brain, or by their eldest ancestor's old name, which stands in their own."""
    old = [f"grow 0123456789a{i}: seed 0" for i in (0, 1)]
    lived = [{"name": "inherit", "kind": "innate.inherit", "keys": {"files": ["gone"]}}]
    files = [moved(genomes[0], tmp_path / f"{i}.genome.npz", i) for i in range(4)]
    ancestor = renamed(files[0], files[0], lineage=old[0])
    again = renamed(files[1], files[1], lineage=old[1])
    heir = renamed(files[2], files[2], lineage=f"use 0123456789af: {old[0]}", stages=lived, seed=3)
    stranger = renamed(files[3], files[3], lineage=f"use 0123456789af: {old[0][:-1]}1", stages=lived, seed=3)
    assert count(tmp_path, ancestor, again) == 1
    assert count(tmp_path, ancestor, heir) == 1
    assert count(tmp_path, ancestor, stranger) == 2
