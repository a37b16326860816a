"""Exports for experiment trackers, read back by the trackers' own readers."""

from collections import Counter
from pathlib import Path

import pytest

from devlearn import registry
from devlearn.report.export import export, tables
from devlearn.report.export.trackers import tracked
from tests.report.export.test_export import compared


def test_a_learner_is_tracked_by_its_whole_life(varied: Path) -> None:
    found = tables(*compared(varied))
    learners = list(tracked(found))
    assert len(learners) == len(found["ledger"].rows) == len({learner.name for learner in learners})
    values = Counter(value for learner in learners for _, _, value in learner.curve)
    kept = [row["value"] for row in found["probes"].rows if row["moment"] != "best"]
    assert not Counter(kept) - values


def test_mlflow_reads_the_curves_back(tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("mlflow", reason="needs mlflow: pip install 'devlearn[mlflow]'")
    from mlflow.tracking import MlflowClient

    for _ in range(2):  # a second export replaces the first
        (folder,) = export(*compared(tiny), "mlflow", tmp_path / "out")
    client = MlflowClient(tracking_uri=folder.resolve().as_uri())
    experiments = [found for found in client.search_experiments() if found.name != "Default"]
    runs = client.search_runs([found.experiment_id for found in experiments])
    assert len(experiments) == 1 and len(runs) == 6
    wanted = {learner.name: learner for learner in tracked(tables(*compared(tiny)))}
    for run in runs:
        learner = wanted[run.info.run_name]
        assert run.data.params["seed"] == str(learner.seed) and run.data.tags["arm"] == learner.arm
        for name in {name for _, name, _ in learner.curve}:
            history = client.get_metric_history(run.info.run_id, name)
            own = [(step, value) for step, metric, value in learner.curve if metric == name]
            assert sorted((point.step, point.value) for point in history) == sorted(own)


def test_wandb_is_written_offline_and_once(tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("wandb", reason="needs wandb: pip install 'devlearn[wandb]'")
    for _ in range(2):
        written = export(*compared(tiny), "wandb", tmp_path / "out")
    assert len(written) == 6 == len(list((tmp_path / "out" / "wandb").glob("offline-run-*")))
    assert all(list(folder.glob("*.wandb")) for folder in written)


def test_a_format_of_a_plug_in_is_a_function(tiny: Path, tmp_path: Path) -> None:
    def count(found: dict[str, object], folder: Path) -> list[Path]:
        path = folder / "count.txt"
        path.write_text(str(len(found)), encoding="utf-8")
        return [path]

    registry.register("exports", "counted")(count)
    try:
        (path,) = export(*compared(tiny), "counted", tmp_path)
    finally:
        del registry._tables["exports"]["counted"]
    assert path.read_text() == str(len(tables(*compared(tiny))))
