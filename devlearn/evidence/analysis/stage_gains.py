"""What each budget bought: did a stage's own probe improve over the seeds between its beginning and its end?"""

from collections.abc import Iterator, Mapping

import numpy as np

from devlearn.evidence.analysis.pairing import Groups, Values, averaged, lineages
from devlearn.evidence.analysis.values import Measure, measures, value_at
from devlearn.evidence.statistics.sign_flip import ALPHA, interval, sign_flip
from devlearn.records.reader import ArmRecords, Json


def bought(arms: Mapping[str, ArmRecords], probes: Mapping[str, Json], compared: Measure) -> list[Json]:
    """One entry for each stage that was lived and each of its probes, in the order of life.

    A stage's own probes are: an ``objective`` that names it; for ``trial.*`` a ``return`` in the same environment; for
    ``supervise`` an ``accuracy`` on the same data set. The compared measure is added for every stage (``own`` false
    where it isn't the stage's own). A stage that several arms share is lived, and listed, once.
    p is the sign-flip test of end minus start, not adjusted: these entries describe, they don't decide. Seeds that are
    of one lineage in every arm that lived the stage are averaged; ``n`` counts lineages.
    """
    together: dict[tuple[str, int], list[ArmRecords]] = {}
    for arm in arms.values():
        for position, stage in enumerate(arm.stages):
            together.setdefault((stage["branch"], position), []).append(arm)
    return [
        _entry(lived, position, what, own)
        for (_, position), lived in together.items()
        for what, own in _probes(lived[0].stages[position], probes, compared)
    ]


def _probes(stage: Json, probes: Mapping[str, Json], compared: Measure) -> Iterator[tuple[Measure, bool]]:
    own = [what for what in measures(probes) if _is_own(stage, probes[what.key[0]])]
    yield from ((what, True) for what in own)
    if compared.key not in {what.key for what in own}:
        yield compared, False


def _is_own(stage: Json, probe: Json) -> bool:
    keys = stage.get("keys", {})
    if probe["kind"] == "objective":
        return bool(probe.get("stage") == stage["name"])
    if probe["kind"] == "return":
        return str(stage["kind"]).startswith("trial.") and bool(probe.get("env") == keys.get("env"))
    if probe["kind"] == "accuracy":
        return bool(stage["kind"] == "supervise") and _data_set(probe) == _data_set(keys)
    return False


def _data_set(keys: Json) -> str:
    return str(keys.get("data", "")).split(".")[0]


def _entry(arms: list[ArmRecords], position: int, what: Measure, own: bool) -> Json:
    arm, stage = arms[0], arms[0].stages[position]
    done = [life for life in arm.lives.values() if life.done]
    before = {life.seed: value_at(arm, life, what, position - 1, 0 if position == 0 else None) for life in done}
    after = {life.seed: value_at(arm, life, what, position, None) for life in done}
    groups = _together([life.seed for life in done], arms)
    entry = {
        "stage": stage["name"], "visit": stage["visit"], "kind": stage["kind"], "branch": stage["branch"],
        "position": position, "budget": stage.get("budget"), "arms": [arm.name for arm in arms], "probe": what.key[0],
        "metric": what.key[1], "better": what.better, "own": own, "n": len(groups),
    }  # fmt: skip
    return entry | _change(before, after, what.better, groups)


def _together(seeds: list[int], arms: list[ArmRecords]) -> Groups:
    """Seeds that share a lineage in every one of ``arms``: what they share was there when the stage was lived."""
    number = [{seed: i for i, group in enumerate(lineages(seeds, [arm])) for seed in group} for arm in arms]
    groups: dict[tuple[int, ...], list[int]] = {}
    for seed in seeds:
        groups.setdefault(tuple(of[seed] for of in number), []).append(seed)
    return list(groups.values())


def _change(before: Values, after: Values, better: str, groups: Groups) -> Json:
    """Means, mean change, its interval and p; nulls where a value is unknown or there is none."""
    if not before or None in before.values() or None in after.values():
        return dict.fromkeys(("before", "after", "change", "interval", "p", "improved"))
    first, last = np.array(averaged(before, groups)), np.array(averaged(after, groups))
    change = last - first
    p = sign_flip(change)
    rose = bool(change.mean() > 0)
    return {
        "before": float(first.mean()), "after": float(last.mean()), "change": float(change.mean()),
        "interval": finite(interval(change)), "p": p, "improved": p <= ALPHA and rose == (better == "higher"),
    }  # fmt: skip


def finite(ends: tuple[float, float]) -> list[float | None]:
    """An interval for JSON, which has no infinity: None for an infinite end."""
    return [float(end) if np.isfinite(end) else None for end in ends]
