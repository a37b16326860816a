"""Made-up pictures in the record format: fields that grow smoother, frames of a moving square, observations over time.

Every number here is synthetic: a formula and a fixed generator, no learner behind it.
"""

import csv
import json
from pathlib import Path
from typing import Any

import numpy as np

UNITS = 6
MOMENTS = 4


def add_pictures(run: Path) -> Path:
    """Give every record folder of a made-up run pictures of its block's first learner, by three more probes."""
    resolved = json.loads((run / "resolved.json").read_text())
    resolved["probes"] |= {
        "fields": {"kind": "fields", "every": None, "metrics": {"smoothness": {"better": "higher", "worst": None}}},
        "pole": {"kind": "return", "env": "CartPole-v1", "every": None, "metrics": {"return": {"better": "higher"}}},
        "unseen": {"kind": "return", "env": "Pendulum-v1", "every": None, "metrics": {"return": {"better": "higher"}}},
    }
    (run / "resolved.json").write_text(json.dumps(resolved))
    for job in resolved["jobs"]:
        for folder in sorted((run / job["folder"] / "records").iterdir()):
            _draw(folder, job["seeds"])
    return run


def _draw(folder: Path, seeds: list[int]) -> None:
    age = -1 if folder.name == "birth" else int(folder.name.split("-")[0])
    _measure(folder, seeds, age)
    (folder / "arrays").mkdir(exist_ok=True)
    for probe, arrays in _arrays(seeds[0], age).items():
        np.savez(folder / "arrays" / f"{probe}.pictures.npz", seed=seeds[0], **arrays)


def _arrays(seed: int, age: int) -> dict[str, dict[str, Any]]:
    noise = np.random.default_rng([9, seed]).normal(0, 40, (UNITS, 9, 9))
    smooth = (noise + np.roll(noise, 1, -1) * (age + 1) / 4) + 128
    frames = np.full((MOMENTS, 12, 16, 3), 250, np.uint8)
    for step in range(MOMENTS):
        frames[step, 4:8, 2 + step : 6 + step] = (40, 90, 160)
    time = np.arange(30)[:, None]
    return {
        "fields": {"fields": smooth.clip(1, 255).astype(np.uint8)},
        "pole": {"frames": frames, "steps": np.arange(MOMENTS) * 10, "rewards": np.arange(MOMENTS) * (age + 2.0)},
        "unseen": {
            "trace": np.sin(time / np.array([3, 5, 8]) + age).astype(np.float32),
            "steps": time[:, 0],
            "rewards": -0.5 * time[:, 0],
        },
    }


def _measure(folder: Path, seeds: list[int], age: int) -> None:
    """Rows of what the probes measured beside drawing."""
    path = folder / "probes.csv"
    stage, moment = ("birth", "birth") if age < 0 else (folder.name.split("-")[1].split(".")[0], "end")
    ends = [row for row in csv.DictReader(path.read_text().splitlines()) if row["moment"] == moment]
    update = ends[0]["update"]
    with path.open("a", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        for seed in seeds:
            measured = {
                ("fields", "smoothness"): 0.1 * (age + 1),
                ("pole", "return"): age + 2.0,
                ("unseen", "return"): 1.0,
            }
            for (probe, metric), value in measured.items():
                writer.writerow([seed, stage, 0, update, moment, probe, metric, repr(float(value))])
