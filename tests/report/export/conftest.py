"""Made-up run folders. Their writer lives with the tests of evidence."""

from pathlib import Path

import pytest

from tests.evidence.fake_run import tiny_run, write_run

TUNING = {
    "chosen": {"stages.school.lr": 0.1}, "seeds": [50], "probe": "score",
    "trials": [{"set": {"stages.school.lr": 0.1}, "mean": 0.5}],
    "ledger": {"labels": 40, "label_bits": 132.5, "images": 0, "env_steps": 0, "updates": 80, "flops": 9},
}  # fmt: skip


@pytest.fixture
def tiny(tmp_path: Path) -> Path:
    """Two arms, three learners; one diverged, one arm kept its best and was tuned."""
    return tiny_run(
        tmp_path,
        {"plain": [0.25, 0.5, 0.75], "played": [0.5, 0.75, 1.0]},
        on_the_way={10: [0.2, 0.3, 0.4]},
        diverged={"plain": {2: 15}},
        compare={"pairs": [["played", "plain"]], "smallest_effect": 0.1},
        best={"played": [0.6, 0.8, 1.0]},
        entries={"played": {"tuning": TUNING}},
    )


@pytest.fixture(scope="session")
def varied(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Six arms at two points."""
    return write_run(tmp_path_factory.mktemp("varied") / "run", seeds=6, vary=[10, 1000])
