"""The tables of a run: a row for one thing, the same columns for every run, computed from its records.

Before the columns below stand those of ``vary``, one for each varied path; ``train`` ends with a column for each metric
that its stages declare.
"""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from devlearn.evidence.analysis.matrix_cells import readable
from devlearn.evidence.analysis.skill_matrix import Skills, skills
from devlearn.records.layout import JobFolder
from devlearn.records.reader import ArmRecords, EvidenceError, LearnerRecord, Moment, RunRecords, lines
from devlearn.records.results import Comparison, Comparisons, Interval, PairResult
from devlearn.records.schema import BITS, LEDGER, SOMETIMES, SPENT

Row = dict[str, Any]

_WHO = {"arm": "the arm", "seed": "the learner"}
_WHERE = {
    "stage": "the stage's name, or birth",
    "visit": "which visit to it (0 is the first)",
    "position": "the stage's index in the life, -1 at birth",
    "update": "gradient steps of this visit",
}
_SPENT = {
    "labels": "different labelled images to learn from, from birth on",
    "label_bits": "what they can tell at most; what a caregiver did tell is in feedback_bits",
    "labels_validation": "different labelled images to choose by; empty where an older folder does not say",
    "images": "images that a network was shown in training, repeats counted",
    "env_steps": "environment steps",
    "updates": "gradient steps",
    "flops": "floating-point operations",
}
_QUESTION = {"probe": "the compared probe", "metric": "its metric", "at": "the moment that is compared"}

COLUMNS: dict[str, dict[str, str]] = {
    "probes": {
        **_WHO, **_WHERE,
        "moment": "birth, every, end, or best",
        "probe": "what was measured", "metric": "which of its metrics", "value": "its value",
        **_SPENT,
    },
    "train": {**_WHO, **_WHERE, **_SPENT},
    "ledger": {
        "arm": "the arm",
        "part": "life, or tuning: all trials of the arm and all their learners together",
        "seed": "the learner; empty for tuning",
        **_SPENT,
        "seconds": "wall-clock seconds, the mean over the arm's learners; empty for tuning",
        "diverged": "whether the learner turned non-finite; empty for tuning",
        "done": "whether all its jobs are finished",
    },
    "arms": {
        "arm": "the arm", **_QUESTION,
        "n": "independent values", "mean": "their mean", "sd": "their standard deviation (n - 1)",
        "median": "their median", "iqm": "the mean of their middle half",
        "best": "mean at each learner's best checkpoint", "diverged": "learners that turned non-finite",
    },
    "comparisons": {
        "arm": "the first arm", "against": "the arm that it is compared with", **_QUESTION,
        "better": "higher or lower", "smallest_effect": "differences below this do not matter",
        "n": "pairs of independent values", "difference": "mean of arm minus against",
        "low": "lower end of its interval", "high": "upper end of its interval", "level": "the interval's level",
        "low_new_images": "lower end of the interval for new seeds and new images",
        "high_new_images": "its upper end",
        "p": "p of the test that the mean difference is zero",
        "p_adjusted": "p adjusted over the family, times the number of planned looks",
        "probability_of_improvement": "share of pairs of learners in which the first is better; ties count half",
        "verdict": "incomplete, identical, equivalent, better, worse, undecided or exploratory",
        "suggests": "the word of an exploratory verdict",
        "fragile": "whether the word hangs on little", "unless": "the failure rate that would undo it; empty if none",
        "low_alone": "lower end of the pair's interval taken alone", "high_alone": "its upper end",
        "failed": "learners of the first arm that failed", "failed_against": "those of the other",
    },
    "matrix": {
        **_WHO,
        "stage": "the stage at whose end the skill was measured, or birth",
        "visit": "which visit to it (0 is the first)",
        "position": "the stage's index in the life, -1 at birth",
        "skill": "the stage that teaches the skill", "probe": "what measures it", "metric": "which of its metrics",
        "value": "its value; empty where it is unknown or not on record",
        "score": "the value with a newborn at 0 and the skill's expert at 1; empty without experts",
    },
}  # fmt: skip
SOME = ("matrix",)  # tables that a run may have nothing for: they are written where they have rows


@dataclass(frozen=True)
class Table:
    """Rows, each with a value (or None) for some of ``columns``."""

    columns: tuple[str, ...]
    rows: list[Row]


def tables(run: RunRecords, found: Comparisons | None) -> dict[str, Table]:
    """Every table of a run by name; those of what was ``found`` are empty where there is none, as without probes."""
    answers = found.points if found else ()
    rows = {
        "probes": list(probes(run)),
        "train": list(train(run)),
        "ledger": list(_ledger(run)),
        "arms": [_arm(answer, name) for answer in answers for name in answer.arms],
        "comparisons": [_pair(answer, pair) for answer in answers for pair in answer.comparisons],
    }
    rows["matrix"] = list(_matrix(run))
    rows = {name: own for name, own in rows.items() if own or name not in SOME}
    varied = dict.fromkeys(path for point in run.points for path in point.point)
    return {name: Table(_columns(varied, name, own), own) for name, own in rows.items()}


def _columns(varied: Iterable[str], name: str, rows: list[Row]) -> tuple[str, ...]:
    own = (*varied, *COLUMNS[name])
    found = dict.fromkeys(column for row in rows for column in row)
    metrics = found if name == "train" else [unit for unit in SOMETIMES if unit in found]
    return (*own, *(column for column in metrics if column not in own))


def probes(run: RunRecords) -> Iterator[Row]:
    """What every probe measured: a row for each arm, seed, moment and metric."""
    units = _units(run)
    for point in run.points:
        for arm in point.arms.values():
            for life in arm.lives.values():
                for moment in (*life.moments, *((life.best,) if life.best else ())):
                    who = {**point.point, "arm": arm.name, "seed": life.seed, **_place(arm, moment)}
                    for (probe, metric), value in moment.values.items():
                        what = {"moment": moment.when, "probe": probe, "metric": metric, "value": value}
                        yield {**who, **what, **_spent(moment.ledger, units)}


def _place(arm: ArmRecords, moment: Moment) -> Row:
    stage = arm.stages[moment.position] if moment.position >= 0 else None
    name, visit = (stage.name, stage.visit) if stage else ("birth", 0)
    return {"stage": name, "visit": visit, "position": moment.position, "update": moment.update}


def train(run: RunRecords) -> Iterator[Row]:
    """What training said on the way: every row of every train.csv, for every arm that lived it."""
    units = _units(run)
    for point in run.points:
        for arm in point.arms.values():
            for branch in dict.fromkeys(stage.branch for stage in arm.stages):
                for job in run.resolved.jobs:
                    if job.branch == branch:
                        for row in _lines(run.folder / job.folder, units):
                            if row["seed"] in arm.lives:
                                yield {**point.point, "arm": arm.name, **row}


def _lines(job: Path, units: Sequence[str]) -> Iterator[Row]:
    for visit in JobFolder(job).visits():
        place = {"stage": visit.stage, "visit": visit.visit, "position": visit.position}
        for row in lines(visit.table("train")):
            who = {"seed": int(row.pop("seed")), **place, "update": int(row.pop("update"))}
            spent = _spent({unit: float(row.pop(unit)) for unit in SPENT if unit in row}, units)
            yield {**who, **spent, **{metric: float(text) if text else None for metric, text in row.items()}}


def _ledger(run: RunRecords) -> Iterator[Row]:
    units = _units(run)
    for point in run.points:
        for arm in point.arms.values():
            for life in arm.lives.values():
                yield {**point.point, "arm": arm.name, "part": "life", **_life(arm, life, units)}
            if arm.tuning:
                yield {
                    **point.point,
                    "arm": arm.name,
                    "part": "tuning",
                    **_spent(arm.tuning.ledger, units),
                    "done": True,
                }


def _life(arm: ArmRecords, life: LearnerRecord, units: Sequence[str]) -> Row:
    state = {"seconds": arm.seconds, "diverged": life.diverged is not None, "done": life.done}
    return {"seed": life.seed, **_spent(life.ledger, units), **state}


def _units(run: RunRecords) -> Sequence[str]:
    """What its ledgers have: feedback only where a caregiver said something."""
    lives = (life for point in run.points for arm in point.arms.values() for life in arm.lives.values())
    return SPENT if any(life.ledger.get(unit) for life in lives for unit in SOMETIMES) else tuple(LEDGER)


def _spent(ledger: Mapping[str, float], units: Iterable[str]) -> Row:
    """The ledger with whole numbers where units are counted."""
    known = {unit: ledger.get(unit, 0.0 if unit in SOMETIMES else math.nan) for unit in units}
    return {unit: float(value) if unit in BITS else _whole(value) for unit, value in known.items()}


def _whole(value: float) -> int | float | None:
    if math.isnan(value):
        return None
    return int(value) if float(value).is_integer() else value


def _matrix(run: RunRecords) -> Iterator[Row]:
    """The matrix of skills of every arm: a row for each learner, moment and skill."""
    try:
        known = skills(run.resolved)
    except EvidenceError:  # no probe measures what a stage teaches: this run has no matrix
        return
    for point in run.points:
        for arm in point.arms.values():
            for name in known.of(arm).measures:
                yield from ({**point.point, "arm": arm.name, **row} for row in _column(arm, known, name))


def _column(arm: ArmRecords, known: Skills, name: str) -> Iterator[Row]:
    what = known.measures[name]
    found, _ = readable(arm, Skills({name: what}, known.scores))
    scores = found.scores if found and known.scores == "normalised" else None
    for index, life in enumerate(life for life in arm.lives.values() if life.done):
        for row in range(len(arm.stages) + 1):
            stage = arm.stages[row - 1] if row else None
            yield {
                "seed": life.seed,
                "stage": stage.name if stage else "birth",
                "visit": stage.visit if stage else 0,
                "position": row - 1,
                "skill": name,
                "probe": what.key[0],
                "metric": what.key[1],
                "value": _number(found.values[index, row, 0]) if found else None,
                "score": None if scores is None else _number(scores[index, row, 0]),
            }


def _number(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None


def _asked(answer: Comparison) -> Row:
    return {**answer.point, "probe": answer.probe, "metric": answer.metric, "at": str(answer.at)}


def _arm(answer: Comparison, name: str) -> Row:
    kept = ("n", "mean", "sd", "median", "iqm", "best", "diverged")
    return {**_asked(answer), "arm": name, **{key: getattr(answer.arms[name], key) for key in kept}}


def _pair(answer: Comparison, pair: PairResult) -> Row:
    kept = ("arm", "against", "n", "difference", "level", "p", "p_adjusted", "probability_of_improvement")
    ends = {"": pair.interval, "_alone": pair.interval_alone, "_new_images": pair.interval_new_images}
    gone = pair.failures
    return {
        **_asked(answer),
        "better": answer.better,
        "smallest_effect": answer.smallest_effect,
        **{key: getattr(pair, key) for key in (*kept, "verdict", "suggests")},
        "fragile": bool(pair.fragile),
        "unless": pair.unless,
        "failed": gone.arm if gone else None,
        "failed_against": gone.against if gone else None,
        **{f"{end}{of}": value for of, both in ends.items() for end, value in _ends(both)},
    }


def _ends(interval: Interval | None) -> Iterator[tuple[str, float | None]]:
    yield from zip(("low", "high"), interval or (None, None), strict=True)
