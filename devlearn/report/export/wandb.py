"""Runs for Weights & Biases, written offline: nothing is sent, and no account is asked for."""

import hashlib
import shutil
from collections.abc import Mapping
from itertools import groupby
from operator import itemgetter
from pathlib import Path

import wandb

from devlearn.report.export.tables import Table
from devlearn.report.export.trackers import Tracked, tracked


def write(found: Mapping[str, Table], folder: Path) -> list[Path]:
    """Write a run for each learner anew, in place of earlier ones; `wandb sync FOLDER/offline-run-*` sends them."""
    if folder.exists():
        shutil.rmtree(folder)
    folder.parent.mkdir(parents=True, exist_ok=True)
    project = folder.resolve().parents[1].name
    for learner in tracked(found):
        _write(project, folder, learner)
    return sorted(folder.glob("offline-run-*"))


def _write(project: str, folder: Path, learner: Tracked) -> None:
    same = hashlib.sha256(f"{project}/{learner.name}".encode()).hexdigest()[:16]  # sent twice, it is one run
    run = wandb.init(
        project=project,
        id=same,
        name=learner.name,
        group=learner.arm,
        config={"arm": learner.arm, "seed": learner.seed, **learner.point},
        dir=str(folder.parent),
        mode="offline",
        settings=wandb.Settings(console="off", silent=True, x_disable_stats=True, x_disable_meta=True),
    )
    for step, points in groupby(learner.curve, key=itemgetter(0)):
        run.log({name: value for _, name, value in points}, step=step)
    run.summary.update({f"ledger/{unit}": amount for unit, amount in learner.spent.items()})
    run.finish()
