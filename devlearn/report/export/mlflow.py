"""A local MLflow store: an experiment named after the folder's run, and in it a run for each learner."""

import os
import shutil
from collections.abc import Mapping
from pathlib import Path

from mlflow.entities import Metric, Param, RunTag
from mlflow.tracking import MlflowClient

from devlearn.report.export.tables import Table
from devlearn.report.export.trackers import Tracked, tracked

TRASH = ".trash"
AT_ONCE = 1000  # metrics that MLflow takes in one call


def write(found: Mapping[str, Table], folder: Path) -> list[Path]:
    """Write a store anew, in place of an earlier one; `mlflow ui --backend-store-uri FOLDER` shows it."""
    folder.mkdir(parents=True, exist_ok=True)
    for earlier in folder.iterdir():
        if earlier.name != TRASH:  # which a client of this process may know to be there
            shutil.rmtree(earlier)
    os.environ.setdefault("MLFLOW_ALLOW_FILE_STORE", "true")  # a store of plain files: what mlflow-skinny can write
    client = MlflowClient(tracking_uri=folder.resolve().as_uri())
    experiment = client.create_experiment(folder.resolve().parents[1].name)
    for learner in tracked(found):
        _write(client, experiment, learner)
    return [folder]


def _write(client: MlflowClient, experiment: str, learner: Tracked) -> None:
    run = client.create_run(experiment, start_time=0, run_name=learner.name).info.run_id
    keys = {"arm": learner.arm, "seed": learner.seed, **learner.point}
    params = [Param(key.replace(":", "_"), str(value)[:6000]) for key, value in keys.items()]
    client.log_batch(run, params=params, tags=[RunTag("arm", learner.arm), RunTag("seed", str(learner.seed))])
    last = max((step for step, _, _ in learner.curve), default=0)
    points = [Metric(name, value, step, step) for step, name, value in learner.curve]
    points += [Metric(f"ledger/{unit}", amount, last, last) for unit, amount in learner.spent.items()]
    for at in range(0, len(points), AT_ONCE):
        client.log_batch(run, metrics=points[at : at + AT_ONCE])
    client.set_terminated(run, end_time=last)
