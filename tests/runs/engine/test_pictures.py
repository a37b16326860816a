"""Pictures on record: at birth and stage ends, of the first learner, small, and the same after a cut."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from devlearn.runs.engine import live
from tests.runs.engine.jobs import DIGITS, digest, killed_after, rows, write_job

SCRAMBLE = {"kind": "innate.scramble"}
SCHOOL = {"kind": "supervise", "labels": 50, "batch": 10, "updates": 12}
PLAY = {
    "kind": "trial.ppo",
    "env": "devlearn/DigitReach-v0",
    "env_steps": 200,
    "num_envs": 2,
    "rollout": 20,
    "epochs": 3,
}
PROBES: dict[str, dict[str, Any]] = {
    "digits": DIGITS,
    "sight": {"kind": "fields", "units": 6, "every": 4},
    "reach": {"kind": "return", "env": "devlearn/DigitReach-v0", "episodes": 2, "every": 8},
    "depth": {"kind": "layers", "data": "mnist.valid", "every": 4, "quick": 200, "fit_images": 50},
}
STAGES = {"scramble": SCRAMBLE, "play": PLAY, "school": SCHOOL}
FOLDERS = ("birth", "00-scramble.0", "01-play.0", "02-school.0")


def pictures(folder: Path, visit: str, probe: str) -> dict[str, np.ndarray]:
    with np.load(folder / "records" / visit / "arrays" / f"{probe}.pictures.npz") as found:
        return dict(found)


def test_pictures_are_kept_at_birth_and_at_every_stages_end(tmp_path: Path) -> None:
    folder = write_job(tmp_path, "branch", STAGES, PROBES, seeds=(5, 2))
    live(folder)
    for visit in FOLDERS:
        sight, reach = pictures(folder, visit, "sight"), pictures(folder, visit, "reach")
        assert set(sight) == {"seed", "fields"} and set(reach) == {"seed", "frames", "steps", "rewards"}
        assert sight["seed"] == reach["seed"] == 5
        assert sight["fields"].shape == (6, 28, 28) and sight["fields"].dtype == np.uint8
    names = {path.name for path in (folder / "records").rglob("*.npz")}
    assert names == {"sight.pictures.npz", "reach.pictures.npz", "digits.npz"}
    assert all(path.stat().st_size < 30_000 for path in (folder / "records").rglob("*.pictures.npz"))
    seen = [pictures(folder, visit, "sight")["fields"] for visit in FOLDERS]
    assert not np.array_equal(seen[0], seen[1])  # the same weights look elsewhere
    assert np.array_equal(np.sort(seen[0].reshape(6, -1)), np.sort(seen[1].reshape(6, -1)))
    assert not np.array_equal(seen[1], seen[3])
    measured = rows(folder, "02-school.0/probes.csv")
    assert {row["metric"] for row in measured if row["probe"] == "depth"} == {
        "last", "pixels", "best", "layer_1", "layer_2"
    }  # fmt: skip


@pytest.mark.parametrize("checkpoints", [1, 3, 6])
def test_a_life_that_was_cut_has_the_same_pictures(tmp_path: Path, checkpoints: int) -> None:
    whole, cut = (write_job(tmp_path / name, "branch", STAGES, PROBES) for name in ("whole", "cut"))
    live(whole)
    killed_after(cut, checkpoints, segment=3)
    assert digest(cut) != digest(whole)
    live(cut, segment=2)
    assert digest(cut) == digest(whole)
    assert sum(name.endswith(".pictures.npz") for name in digest(cut)) == 2 * len(FOLDERS)


def test_a_picture_that_was_half_written_when_the_process_died_is_drawn_again(tmp_path: Path) -> None:
    whole, cut = (write_job(tmp_path / name, "branch", STAGES, PROBES) for name in ("whole", "cut"))
    live(whole)
    killed_after(cut, 3, segment=3)
    for visit in FOLDERS[2:]:
        torn = cut / "records" / visit / "arrays" / "sight.pictures.npz"
        torn.parent.mkdir(parents=True, exist_ok=True)
        torn.write_bytes(b"PK\x03\x04")
    live(cut)
    assert digest(cut) == digest(whole)


def test_a_picture_that_was_cut_short_after_its_checkpoint_is_not_built_upon(tmp_path: Path) -> None:
    whole, cut = (write_job(tmp_path / name, "branch", STAGES, PROBES) for name in ("whole", "cut"))
    live(whole)
    killed_after(cut, 3, segment=3)
    path = cut / "records" / "birth" / "arrays" / "sight.pictures.npz"
    path.write_bytes(path.read_bytes()[:100])
    live(cut)
    assert digest(cut) == digest(whole)
