"""Run folders with made-up numbers in the record format: planted effects, shared branches, two blocks, a divergence.

Every number here is synthetic: a formula and a fixed generator, no learner behind it.
"""

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from devlearn.records.atomic import write_json, write_text
from devlearn.records.layout import JobFolder, RunFolder, job_name
from devlearn.records.schema import LEDGER, JobState, Manifest, Resolved
from devlearn.records.writer import Recorder

DIVERGED = ("more", 11, 17)  # branch, seed, update of the visit
UPDATES = 30
IMAGES = 10_000
RISEN_AT_BEST = 0.004
Row = tuple[Any, ...]
KINDS = {
    "waves": "innate.waves",
    "look": "pretrain.denoise",
    "play": "trial.ppo",
    "shuffle": "innate.shuffle",
    "sham": "innate.sham",
    "school": "supervise",
}
# branch: (parent, index of its first stage, [(stage, updates)])
BRANCHES: dict[str, tuple[str | None, int, list[tuple[str, int]]]] = {
    "early": (None, 0, [("waves", UPDATES), ("look", UPDATES), ("play", UPDATES)]),
    "grown": ("early", 3, [("school", UPDATES)]),
    "shuffled": ("early", 3, [("shuffle", 0), ("school", UPDATES)]),
    "plain": (None, 0, [("school", UPDATES)]),
    "more": (None, 0, [("school", 4 * UPDATES)]),
    "sham": (None, 0, [("sham", UPDATES), ("school", UPDATES)]),
}
ARMS = {
    "random-init": ["plain"],
    "developmental": ["early", "grown"],
    "shuffled": ["early", "shuffled"],
    "more-school": ["more"],
    "sham": ["sham"],
    "twin": ["plain"],
}
PAIRS = [
    ["developmental", "random-init"],
    ["developmental", "shuffled"],
    ["developmental", "more-school"],
    ["sham", "random-init"],
    ["twin", "random-init"],
]
SCHOOLED = {"plain": 0.74, "grown": 0.79, "shuffled": 0.765, "more": 0.78, "sham": 0.7402}
LOSS = {"loss": {"better": "lower", "worst": 9.0}}
PROBES: dict[str, dict[str, Any]] = {
    "digits": {
        "kind": "accuracy", "data": "mnist.test", "every": 10,
        "metrics": {
            "accuracy": {"better": "higher", "worst": 0.0}, "cross_entropy": {"better": "lower", "worst": None},
        },
    },
    "frames": {"kind": "objective", "stage": "waves", "every": 10, "metrics": LOSS},
    "pictures": {"kind": "objective", "stage": "look", "every": 10, "metrics": LOSS},
    "reach": {
        "kind": "return", "env": "devlearn/DigitReach-v0", "every": None,
        "metrics": {"return": {"better": "higher", "worst": -1.0}, "length": {"better": "lower", "worst": None}},
    },
}  # fmt: skip


def write_run(
    folder: Path,
    seeds: int = 16,
    vary: Sequence[int] = (),
    compare: Mapping[str, Any] | None = None,
    *,
    arms: Mapping[str, Mapping[str, Any]] | None = None,
    best: bool = False,
    images: bool = False,
    **declared: Any,
) -> Path:
    """The six arms of ``ARMS`` over two blocks of seeds; ``vary`` is a list of label counts for the stage school.

    ``arms`` are more keys of resolved.json's arms (lineages, match, tuning), ``declared`` of the whole (pin, seen).
    ``best``: every arm kept its best checkpoint; ``images``: per-image verdicts are on record.
    """
    points = [{"stages.school.labels": labels} for labels in vary] or [{}]
    blocks = [list(range(seeds))[: (seeds + 1) // 2], list(range(seeds))[(seeds + 1) // 2 :]]
    blocks = [block for block in blocks if block]
    resolved: dict[str, Any] = {
        "format": 1, "scenario": "made-up", "digest": "f" * 16,
        "about": "Synthetic numbers <for> tests & nothing else.",
        "seeds": list(range(seeds)), "brain": {"kind": "mlp", "width": [8]}, "probes": PROBES,
        "compare": {"probe": "digits", "metric": "accuracy", "at": "end", "better": "higher", "smallest_effect": 0.01,
                    "pairs": PAIRS, **(compare or {})},
        "points": [], "jobs": [], **declared,
    }  # fmt: skip
    for point in points:
        labels = point.get("stages.school.labels", 100)
        suffix = f"-{labels}" if vary else ""
        entries = {
            arm: {
                "path": [b + suffix for b in path],
                "stages": _stages(path, suffix, labels),
                **((arms or {}).get(arm) or {}),
            }
            for arm, path in ARMS.items()
        }
        resolved["points"].append({"point": point, "arms": entries})
        for branch, block in ((branch, block) for branch in BRANCHES for block in blocks):
            resolved["jobs"].append(_write_branch(folder, branch, block, suffix, labels))
            if branch != "early":
                _write_last(folder / resolved["jobs"][-1]["folder"], branch, block, labels, best, images)
    manifest = {
        "command": "devlearn run made_up.yaml --out runs/made-up", "digest": "f" * 16,
        "versions": {"devlearn": "0.1.0", "torch": "2.15.0"}, "machine": {"cpu": "synthetic", "cores": 2},
    }  # fmt: skip
    write_json(RunFolder(folder).resolved, Resolved.of(resolved).content(), indent=None)
    write_json(RunFolder(folder).manifest, Manifest.of(manifest).content())
    write_text(RunFolder(folder).scenario, "devlearn: 1\nscenario: made-up\n")
    return folder


def tiny_run(
    folder: Path,
    values: Mapping[str, Sequence[float]],
    *,
    on_the_way: Mapping[int, Sequence[float]] | None = None,
    birth: float = 0.1,
    diverged: Mapping[str, Mapping[int, int]] | None = None,
    metric: Mapping[str, Any] | None = None,
    compare: Mapping[str, Any] | None = None,
    seeds: Sequence[int] | None = None,
    best: Mapping[str, Sequence[float]] | None = None,
    entries: Mapping[str, Mapping[str, Any]] | None = None,
    flops: Mapping[str, float] | None = None,
    losses: Sequence[float] | None = None,
    **resolved_keys: Any,
) -> Path:
    """One stage of 20 updates an arm, its end values given: {arm: value of seed 0, 1, ...}, or of ``seeds``.

    ``on_the_way`` {update: values} is shared by all arms; ``diverged`` is {arm: {seed: update}}; ``best`` are values at
    the checkpoint of update 10; ``entries`` are more keys of the arms; ``flops`` what each consumed; ``losses`` are
    those of training by seed, in all arms.
    """
    seeds = list(range(len(next(iter(values.values()))))) if seeds is None else list(seeds)
    place = {seed: i for i, seed in enumerate(seeds)}
    arms, jobs = {}, []
    for arm, ends in values.items():
        stage = {"name": "school", "visit": 0, "kind": "supervise", "budget": ["updates", 20], "branch": arm,
                 "index": 0, "keys": {"data": "mnist.train"}}  # fmt: skip
        arms[arm] = {"path": [arm], "stages": [stage], **((entries or {}).get(arm) or {})}
        jobs.append({"folder": job_name(arm, "all"), "branch": arm, "seeds": seeds, "parent": None})
        job = folder / job_name(arm, "all")
        finish(job, "running")
        way = sorted((on_the_way or {}).items())
        rows = [(s, "school", 0, u, "every", "score", "points", v[place[s]]) for u, v in way for s in seeds]
        rows += [(s, "school", 0, 20, "end", "score", "points", ends[place[s]]) for s in seeds]
        kept = (best or {}).get(arm)
        rows += [(s, "school", 0, 10, "best", "score", "points", kept[place[s]]) for s in seeds] if kept else []
        records = JobFolder(job).visit(0, "school", 0).root
        _probes(JobFolder(job).birth.root, [(s, "birth", 0, 0, "birth", "score", "points", birth) for s in seeds])
        _probes(records, rows)
        paid = dict.fromkeys(LEDGER, 0.0) | {"labels": 5, "label_bits": 5 * math.log2(10), "updates": 20}
        paid["flops"] = (flops or {}).get(arm, 1e6)
        _train(records, [(s, 20, *paid.values(), losses[place[s]] if losses else 0.5) for s in seeds])
        _seconds(records, [(10, 1.5), (20, 3.0)])
        _events(records, seeds, "school", ((diverged or {}).get(arm) or {}).items())
        finish(job)
    declared = {"better": "higher", "worst": 0.0, **(metric or {})}
    question = {"probe": "score", "metric": "points", "at": "end", "better": declared["better"], "smallest_effect": 0.0,
                "pairs": [], **(compare or {})}  # fmt: skip
    resolved = {
        "format": 1, "scenario": "tiny", "digest": "0" * 16, "about": "", "seeds": seeds, "brain": {},
        "probes": {"score": {"kind": "made-up", "every": 10, "metrics": {"points": declared}}}, "compare": question,
        "points": [{"point": {}, "arms": arms}], "jobs": jobs, **resolved_keys,
    }  # fmt: skip
    write_json(RunFolder(folder).resolved, Resolved.of(resolved).content(), indent=None)
    return folder


def finish(job: Path, status: str = "done") -> None:
    """Write a job's state.json."""
    job.mkdir(parents=True, exist_ok=True)
    write_json(JobFolder(job).state, JobState.of({"status": status}).content())


def _stages(path: Sequence[str], suffix: str, labels: int) -> list[dict[str, Any]]:
    found = []
    for branch in path:
        for stage, updates in BRANCHES[branch][2]:
            keys: dict[str, Any] = {"labels": labels, "data": "mnist.train"} if stage == "school" else {}
            keys |= {"env": "devlearn/DigitReach-v0"} if stage == "play" else {}
            budget = ["updates", updates] if updates else None
            found.append({"name": stage, "visit": 0, "kind": KINDS[stage], "budget": budget, "branch": branch + suffix,
                          "index": len(found), "keys": keys})  # fmt: skip
    return found


def _write_branch(folder: Path, branch: str, seeds: list[int], suffix: str, labels: int) -> dict[str, Any]:
    parent, index, stages = BRANCHES[branch]
    block = f"seeds-{seeds[0]}-{seeds[-1]}"
    name = job_name(branch + suffix, block)
    job = folder / name
    finish(job, "running")
    ledger = dict.fromkeys(LEDGER, 0.0)
    if parent is None:
        born = {s: _measured(branch, "birth", s, 0.0, labels) for s in seeds}
        rows = [(s, "birth", 0, 0, "birth", *key, value) for s in seeds for key, value in born[s].items()]
        _probes(JobFolder(job).birth.root, rows)
    else:
        ledger |= {
            "images": 2 * UPDATES * 8,
            "env_steps": UPDATES * 100,
            "updates": 3 * UPDATES,
            "flops": UPDATES * 11e6,
        }
    for number, (stage, updates) in enumerate(stages):
        _write_visit(job, branch, index + number, stage, updates, seeds, ledger, labels)
    finish(job)
    return {
        "folder": name,
        "branch": branch + suffix,
        "seeds": seeds,
        "parent": job_name(parent + suffix, block) if parent else None,
    }


def _write_visit(
    job: Path,
    branch: str,
    index: int,
    stage: str,
    updates: int,
    seeds: list[int],
    ledger: dict[str, float],
    labels: int,
) -> None:
    """One record folder; ``ledger`` is paid into."""
    records = JobFolder(job).visit(index, stage, 0).root
    train: list[Row] = []
    probes: list[Row] = []
    if stage == "school":
        ledger["labels"] += labels
        ledger["label_bits"] += labels * math.log2(10)
    start = dict(ledger)
    for update in range(0, updates + 1, 10):
        for unit, per in _prices(stage).items():
            ledger[unit] = start[unit] + per * update
        for seed in (s for s in seeds if not _gone(branch, s, update - 10)):
            train.append((seed, update, *ledger.values(), None if update == 0 else 1 / (1 + update)))
        moments = ["every"] * (0 < update < updates) + ["end"] * (update == updates)
        rows = [(stage, s, update, moment) for moment in moments for s in seeds]
        for row in rows:
            share = 1.0 if updates == 0 else update / updates
            found = _measured(branch, stage, row[1], share, labels)
            gone = _gone(branch, row[1], update)
            every = [key for key in found if row[3] == "end" or PROBES[key[0]]["every"]]
            probes += [(row[1], stage, 0, update, row[3], *key, math.nan if gone else found[key]) for key in every]
    _train(records, train)
    _probes(records, probes)
    _events(records, seeds, stage, [(s, DIVERGED[2]) for s in seeds if updates and _gone(branch, s, updates)])
    _seconds(records, [(updates, 2.0 + index + 0.125 * seeds[0])])


def _write_last(job: Path, branch: str, seeds: list[int], labels: int, best: bool, images: bool) -> None:
    """What only an arm's last stage leaves: values at the best checkpoint, verdicts on single images."""
    records = JobFolder(job).visits()[-1].root
    if best:
        rows = [
            (s, "school", 0, 20, "best", *key, value + RISEN_AT_BEST * (key == ("digits", "accuracy")))
            for s in seeds
            for key, value in _measured(branch, "school", s, 1.0, labels).items()
        ]
        _probes(records, rows)
    if images:
        accuracies = [_measured(branch, "school", s, 1.0, labels)["digits", "accuracy"] for s in seeds]
        right = np.array([_right(branch, s, a) for s, a in zip(seeds, accuracies, strict=True)])
        _arrays(records, "digits", seeds, right)


def _right(branch: str, seed: int, accuracy: float) -> np.ndarray[Any, np.dtype[np.bool_]]:
    """(IMAGES,) which images a learner gets right: some are harder for everybody."""
    hard = np.random.default_rng(9).normal(0, 1, IMAGES)
    own = np.random.default_rng([10, seed, *branch.encode()]).normal(0, 0.5, IMAGES)
    order = np.argsort(hard + own)
    right = np.zeros(IMAGES, bool)
    right[order[: round(accuracy * IMAGES)]] = True
    return right


def _arrays(records: Path, probe: str, seeds: Sequence[int], right: np.ndarray[Any, np.dtype[np.bool_]]) -> None:
    """arrays/<probe>.npz of verdicts (N, M)."""
    with Recorder(records, seeds, "school", 0) as recorder:
        recorder.correct(probe, right)


def _gone(branch: str, seed: int, update: int) -> bool:
    return (branch, seed) == DIVERGED[:2] and update >= DIVERGED[2]


def _prices(stage: str) -> dict[str, float]:
    """What an update of a stage consumes."""
    shown = {"waves": 8, "look": 8, "sham": 8, "school": 16}.get(stage, 0)
    return {
        "images": shown,
        "env_steps": 100 if stage == "play" else 0,
        "updates": 1,
        "flops": 5e6 if stage == "play" else 3e6,
    }


def _measured(branch: str, stage: str, seed: int, share: float, labels: int) -> dict[tuple[str, str], float]:
    """All probes of one learner, ``share`` of the way through a stage. A seed's luck is the same in all arms."""
    luck = np.random.default_rng([7, seed]).normal(0, 0.008)
    own = np.random.default_rng([8, seed, *branch.encode()]).normal(0, 0.002)
    risen = 1 - (1 - share) ** 3
    top = SCHOOLED.get(branch, 0.1) + 0.1 * math.log10(labels / 100) + luck + own
    accuracy = 0.1 + luck / 8 + (top - 0.1 - luck / 8) * risen if stage == "school" else 0.1 + luck / 8
    done = {"birth": 0, "waves": 1, "look": 2, "play": 3}.get(
        stage, 4 if branch in ("early", "grown", "shuffled") else 0
    )
    progress = [risen if done == k else float(done > k) for k in (1, 2, 3)]
    return {
        ("digits", "accuracy"): round(accuracy, 4),
        ("digits", "cross_entropy"): 2.3 * (1 - accuracy) + own,
        ("frames", "loss"): 0.5 - 0.3 * progress[0] + own,
        ("pictures", "loss"): 0.2 - 0.12 * progress[1] + own,
        ("reach", "return"): -0.4 + 1.1 * progress[2] + luck,
        ("reach", "length"): 20 - 12 * progress[2] + own,
    }


def _probes(folder: Path, rows: Iterable[Row]) -> None:
    """probes.csv of rows (seed, stage, visit, update, moment, probe, metric, value)."""
    groups: dict[Row, list[tuple[int, float]]] = defaultdict(list)
    for seed, *what, value in rows:
        groups[tuple(what)].append((seed, value))
    for (stage, visit, update, moment, probe, metric), found in groups.items():
        seeds, values = zip(*found, strict=True)
        with Recorder(folder, seeds, stage, visit) as recorder:
            at, all_ = np.full(len(seeds), update), np.ones(len(seeds), bool)
            recorder.probe(at, moment, probe, {metric: np.array(values, np.float64)}, all_)


def _train(folder: Path, rows: Iterable[Row]) -> None:
    """train.csv of rows (seed, update, what is consumed, loss); the loss may be None."""
    for seed, update, *paid, loss in rows:
        with Recorder(folder, (seed,), "", 0, ("loss",)) as recorder:
            ledger = {unit: np.array([value]) for unit, value in zip(LEDGER, paid, strict=True)}
            metrics = {} if loss is None else {"loss": np.array([loss])}
            recorder.train(np.array([update]), ledger, metrics, np.ones(1, bool))


def _events(folder: Path, seeds: Sequence[int], stage: str, gone: Iterable[tuple[int, int]]) -> None:
    """events.csv: everybody began, and those of ``gone`` (seed, update) diverged."""
    with Recorder(folder, seeds, stage, 0) as recorder:
        recorder.event(np.zeros(len(seeds), int), "began", "", np.ones(len(seeds), bool))
        for seed, update in gone:
            recorder.event(np.full(len(seeds), update), "diverged", "loss", np.array(seeds) == seed)


def _seconds(folder: Path, totals: Iterable[tuple[int, float]]) -> None:
    with Recorder(folder, (), "", 0) as recorder:
        for update, seconds in totals:
            recorder.seconds(update, seconds)
