"""Genome files of a finished run: a learner's tensors and where they come from."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from devlearn.records.genome_file import SUFFIX, BadGenome, GenomeFile, life, read
from devlearn.records.ownership import NotOurs
from devlearn.runs import engine

Json = Mapping[str, Any]


def written(resolved: Json, point: int, arm: str, stages: Sequence[Json], job: Path, seed: int, folder: Path) -> Path:
    """Write ``ARM-seedS.genome.npz`` of the learner that lived ``stages``, whose last branch ended in ``job``.

    Raises:
        NotOurs: a file of that name is there which is no genome of this run's.
    """
    tensors, ledger = engine.remains(job, seed)
    entry = resolved["points"][point]
    brain = entry.get("brain", resolved["brain"])
    about = {
        "scenario": resolved["scenario"],
        "run": resolved["digest"],
        "point": entry["point"],
        "arm": arm,
        "seed": seed,
        "lineage": _lineage(stages, entry["arms"][arm].get("lineages", {}), seed, brain),
        "trained": list(dict.fromkeys(split for stage in stages for split in _trained(stage))),
        "brain": brain,
        "stages": [{"name": stage["name"], "kind": stage["kind"], "keys": stage["keys"]} for stage in stages],
        "shapes": {name: list(tensor.shape) for name, tensor in tensors.items()},
        "ledger": ledger,
    }
    name = f"{arm}-seed{seed}" if not entry["point"] else f"{arm}-point{point}-seed{seed}"
    genome = GenomeFile({name: tensor.cpu().numpy() for name, tensor in tensors.items()}, about)
    path = folder / f"{name}{SUFFIX}"
    if path.exists() and not _of_run(path, resolved["digest"]):
        raise NotOurs(f"{path} is no genome of this run and would be overwritten; choose another folder with --out")
    return genome.write(path)


def _of_run(path: Path, run: str) -> bool:
    try:
        return bool(read(path).about.get("run") == run)
    except BadGenome:
        return False


def _lineage(stages: Sequence[Json], joined: Json, seed: int, brain: Json) -> list[str]:
    """The eldest that the learner has something from: its ancestors, and itself where it lived before it had them.

    Runs that are older than ``kin`` only say which learners are ``joined``.
    """
    given = [stage.get("kin", {}).get(str(seed), []) for stage in stages]
    if not any(given) and str(seed) in joined:
        given = [[joined[str(seed)]]]
    own = [] if given[0] else [life(f"seed {seed}", brain)]
    return list(dict.fromkeys([*own, *(name for names in given for name in names)]))


def _trained(stage: Json) -> list[str]:
    """The splits of a stage, and of the lives that it passes on; runs that are older than ``trained`` say its own."""
    found: list[str] = stage.get("trained", [stage["keys"]["data"]] if "data" in stage["keys"] else [])
    return found
