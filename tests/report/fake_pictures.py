"""Made-up pictures in the record format: fields that grow smoother, frames of a moving square, observations over time.

Every number here is synthetic: a formula and a fixed generator, no learner behind it.
"""

import json
from pathlib import Path
from typing import Any

import numpy as np

from devlearn.records.atomic import write_json
from devlearn.records.layout import RunFolder, VisitFolder
from devlearn.records.reader import lines
from devlearn.records.schema import Resolved
from devlearn.records.writer import Recorder

UNITS = 6
MOMENTS = 4


def add_pictures(run: Path) -> Path:
    """Give every record folder of a made-up run pictures of its block's first learner, by three more probes."""
    resolved = json.loads(RunFolder(run).resolved.read_text(encoding="utf-8"))
    resolved["probes"] |= {
        "fields": {"kind": "fields", "every": None, "metrics": {"smoothness": {"better": "higher", "worst": None}}},
        "pole": {"kind": "return", "env": "CartPole-v1", "every": None, "metrics": {"return": {"better": "higher"}}},
        "unseen": {"kind": "return", "env": "Pendulum-v1", "every": None, "metrics": {"return": {"better": "higher"}}},
    }
    write_json(RunFolder(run).resolved, Resolved.of(resolved).content(), indent=None)
    for job in resolved["jobs"]:
        for visit in RunFolder(run).job(job["folder"]).visits():
            _draw(visit, job["seeds"])
    return run


def _draw(visit: VisitFolder, seeds: list[int]) -> None:
    """What was measured of everybody and drawn of the first, at birth or at the stage's end."""
    age = visit.position
    stage, moment = ("birth", "birth") if age < 0 else (visit.stage, "end")
    update = next(int(row["update"]) for row in lines(visit.table("probes")) if row["moment"] == moment)
    measured = {("fields", "smoothness"): 0.1 * (age + 1), ("pole", "return"): age + 2.0, ("unseen", "return"): 1.0}
    all_ = np.ones(len(seeds), bool)
    with Recorder(visit.root, seeds, stage, 0) as recorder:
        for (probe, metric), value in measured.items():
            recorder.probe(update * all_, moment, probe, {metric: np.full(len(seeds), value)}, all_)
        for probe, arrays in _arrays(seeds[0], age).items():
            recorder.pictures(probe, seeds[0], arrays)


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
