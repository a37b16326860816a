"""Run folders of lives of several stages with made-up scores: a matrix for every learner of every arm."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from devlearn.records.atomic import write_json, write_text
from devlearn.records.layout import JobFolder, RunFolder, job_name
from devlearn.records.schema import LEDGER, Manifest, Resolved
from tests.evidence.fake_run import _events, _probes, _train, finish

UPDATES = 20
SHARE = {"better": "higher", "worst": 0.0, "unit": "share"}
Lives = NDArray[np.float64]  # (n, S + 1, T)


def write_lives(
    folder: Path,
    arms: Mapping[str, tuple[Sequence[str], Lives]],
    tasks: Sequence[str],
    *,
    compare: Mapping[str, Any] | None = None,
    metrics: Mapping[str, Mapping[str, Any]] | None = None,
    on_the_way: Mapping[str, Mapping[int, Sequence[float]]] | None = None,
    diverged: Mapping[str, Mapping[int, int]] | None = None,
    lacking: Sequence[tuple[str, int, str]] = (),
) -> Path:
    """``arms`` {name: (its stages, values (n, S + 1, T))}; the probe of task ``a`` is ``of-a``, its metric ``score``.

    ``on_the_way`` {arm: {update of the first stage: value of its task, of every seed}}; ``diverged`` {arm: {seed: index
    of the stage}}; ``lacking`` are (arm, row, task) that were not measured.
    """
    found: dict[str, Any] = {}
    jobs = []
    for arm, (stages, values) in arms.items():
        seeds = list(range(len(values)))
        entries = [
            {"name": name, "visit": stages[:at].count(name), "kind": "supervise", "budget": ["updates", UPDATES],
             "branch": arm, "index": at, "keys": {}}
            for at, name in enumerate(stages)
        ]  # fmt: skip
        found[arm] = {"path": [arm], "stages": entries}
        jobs.append({"folder": job_name(arm, "all"), "branch": arm, "seeds": seeds, "parent": None})
        job = JobFolder(folder / job_name(arm, "all"))
        finish(job.root, "running")
        for row in range(values.shape[1]):
            entry = entries[row - 1]
            where = ("birth", 0, 0, "birth") if row == 0 else (entry["name"], entry["visit"], UPDATES, "end")
            visit = job.birth.root if row == 0 else job.visit(row - 1, entry["name"], entry["visit"]).root
            rows = [
                (seed, *where, f"of-{task}", "score", values[seed, row, column])
                for column, task in enumerate(tasks)
                if (arm, row, task) not in lacking
                for seed in seeds
            ]
            if row == 1:
                way = (on_the_way or {}).get(arm, {})
                first = [
                    (seed, entry["name"], 0, update, "every", f"of-{entry['name']}", "score", own[seed])
                    for update, own in way.items()
                    for seed in seeds
                ]
                rows = [*first, *rows]
            _probes(visit, rows)
            if row:
                paid = dict.fromkeys(LEDGER, 0.0) | {"updates": float(UPDATES * row)}
                _train(visit, [(seed, UPDATES, *paid.values(), 0.5) for seed in seeds])
                gone = [(seed, 5) for seed, at in ((diverged or {}).get(arm) or {}).items() if at == row - 1]
                _events(visit, seeds, entry["name"], gone)
        finish(job.root)
    each = {f"of-{task}": {"score": {**SHARE, **((metrics or {}).get(task) or {})}} for task in tasks}
    resolved = {
        "format": 1, "scenario": "lives", "digest": "0" * 16, "about": "", "seeds": seeds, "brain": {},
        "probes": {
            name: {"kind": "objective", "stage": name.removeprefix("of-"), "every": 10, "metrics": own}
            for name, own in each.items()
        },
        "compare": compare, "points": [{"point": {}, "arms": found}], "jobs": jobs,
    }  # fmt: skip
    write_json(RunFolder(folder).resolved, Resolved.of(resolved).content(), indent=None)
    manifest = {
        "command": "devlearn run lives.yaml", "digest": "0" * 16, "versions": {"devlearn": "0.1.0"},
        "machine": {"cpu": "synthetic", "cores": 2},
    }  # fmt: skip
    write_json(RunFolder(folder).manifest, Manifest.of(manifest).content())
    write_text(RunFolder(folder).scenario, "devlearn: 1\nscenario: lives\n")
    return folder


def question(metric: str = "forgetting", tasks: str = "abc", **more: Any) -> dict[str, Any]:
    """A ``compare`` of resolved.json about the matrix of the tasks' probes."""
    skills = {"skills": {task: f"of-{task}.score" for task in tasks}, **more.pop("matrix", {})}
    return {
        "probe": "matrix", "metric": metric, "at": "end", "smallest_effect": 0.01, "worst": 1.0, "matrix": skills,
        **more,
    }  # fmt: skip
