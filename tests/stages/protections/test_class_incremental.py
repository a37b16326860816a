"""Split digits: class-incremental, where images have to be kept, and domain-incremental, where old answers help."""

from pathlib import Path

import numpy as np

import devlearn
from devlearn.evidence.analysis.values import Measure, values
from devlearn.records.reader import load

PROTECTED = {
    "replay": "{kind: replay, size: 100, batch: 32}",
    "balanced": "{kind: replay, size: 100, batch: 32, select: balanced}",
    "herding": "{kind: replay, size: 100, batch: 32, select: herding}",
    "derpp": "{kind: derpp, size: 100, batch: 32}",
    "agem": "{kind: agem, size: 100, batch: 32}",
    "generative": "{kind: generative_replay, batch: 32, hidden: 64, latent: 16, lr: 3e-3}",
}


def found(folder: Path, protected: dict[str, str], probe: str, keys: str) -> dict[str, np.ndarray]:
    """What learners of 8 seeds know in the end, {arm: (8,)}, without a protection (``none``) and with each."""
    stages = [
        f"  task{i}: {{kind: supervise, data: digits.train, classes: [{2 * i}, {2 * i + 1}], batch: 32, {keys}}}"
        for i in range(5)
    ]
    arms = [
        f"  {name}: [{', '.join(f'{{use: task{i}, set: {{protect: {own}}}}}' for i in range(5))}]"
        for name, own in protected.items()
    ]
    lines = [
        "devlearn: 1", "scenario: split", "seeds: 8", "brain: {kind: mlp, width: [64]}", "stages:", *stages,
        "probes:", f"  skill: {{kind: accuracy, data: digits.{probe}}}",
        "arms:", "  none: [task0, task1, task2, task3, task4]", *arms,
    ]  # fmt: skip
    (folder / "split.yaml").write_text("\n".join(lines) + "\n")
    devlearn.run(folder / "split.yaml", out=folder / "run", report=False)
    what = Measure(("skill", "accuracy"), "higher", None, "share")
    lives = load(folder / "run").points[0].arms
    return {name: np.array(list(values(arm, what, "end").values())) for name, arm in lives.items()}


def test_images_that_are_kept_save_what_one_read_out_was_taught(tmp_path: Path) -> None:
    skill = found(tmp_path, PROTECTED, "valid", "updates: 150")
    assert skill["none"].mean() < 0.25
    for kind in PROTECTED:
        gain = skill[kind] - skill["none"]
        assert (gain > 0).all(), kind  # of 8 seeds all: p = 2 / 2^8
        least = 0.1 if kind == "generative" else 0.2  # an autoencoder of 150 minibatches makes up poor images
        assert gain.mean() > least, kind


def test_old_answers_save_what_a_shared_read_out_was_taught(tmp_path: Path) -> None:
    skill = found(tmp_path, {"lwf": "{kind: lwf}"}, "test, classes: [0, 1], head: odd", "updates: 150, head: odd")
    gain = skill["lwf"] - skill["none"]
    assert (gain > 0).all()
    assert gain.mean() > 0.03
