"""Genome files of a finished run: a learner's tensors and where they come from."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from devlearn import engine
from devlearn.genome_file import SUFFIX, GenomeFile

Json = Mapping[str, Any]


def written(resolved: Json, point: int, arm: str, stages: Sequence[Json], job: Path, seed: int, folder: Path) -> Path:
    """Write ``ARM-seedS.genome.npz`` of the learner that lived ``stages``, whose last branch ended in ``job``."""
    tensors, ledger = engine.remains(job, seed)
    entry = resolved["points"][point]
    shared = entry["arms"][arm].get("lineages", {}).get(str(seed), f"seed {seed}")
    about = {
        "scenario": resolved["scenario"],
        "run": resolved["digest"],
        "point": entry["point"],
        "arm": arm,
        "seed": seed,
        "lineage": f"{resolved['scenario']} {resolved['digest'][:12]}: {shared}",
        "brain": entry.get("brain", resolved["brain"]),
        "stages": [{"name": stage["name"], "kind": stage["kind"], "keys": stage["keys"]} for stage in stages],
        "shapes": {name: list(tensor.shape) for name, tensor in tensors.items()},
        "ledger": ledger,
    }
    name = f"{arm}-seed{seed}" if not entry["point"] else f"{arm}-point{point}-seed{seed}"
    genome = GenomeFile({name: tensor.cpu().numpy() for name, tensor in tensors.items()}, about)
    return genome.write(folder / f"{name}{SUFFIX}")
