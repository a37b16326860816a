"""A split stream, lived: fine-tuning in the class-incremental setting knows the last task alone, to the digit."""

from pathlib import Path

import devlearn
from devlearn.evidence.analysis.matrix_metrics import matrix_measure
from devlearn.evidence.analysis.skill_matrix import skill_matrix, skills
from devlearn.evidence.analysis.values import values
from devlearn.records.reader import load

TEXT = """\
devlearn: 1
scenario: split
seeds: 2
brain: {kind: mlp, width: [32]}
stream: {kind: split, data: digits, into: 5, setting: class, stage: {updates: 400, batch: 32, lr: 3e-3}}
arms:
  fine-tuning: [stream]
compare: {metric: average, matrix: {}}
"""


def test_class_incremental_fine_tuning_is_the_last_task_s_accuracy_over_five(tmp_path: Path) -> None:
    (tmp_path / "split.yaml").write_text(TEXT)
    devlearn.run(tmp_path / "split.yaml", out=tmp_path / "run", report=False)
    run = load(tmp_path / "run")
    arm = run.points[0].arms["fine-tuning"]
    matrix = skill_matrix(arm, skills(run.resolved))
    average = values(arm, matrix_measure(run.resolved, "average"), "end")
    assert (matrix.values[:, -1, :-1] == 0).all() and (matrix.values[:, -1, -1] > 0.5).all()
    assert average == {seed: matrix.values[seed, -1, -1] / 5 for seed in (0, 1)}
    own = values(arm, matrix_measure(run.resolved, "learning_accuracy"), "end")
    assert all(value > 0.7 for value in own.values() if value is not None)  # each was learned when its turn came
