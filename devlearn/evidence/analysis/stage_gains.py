"""What each budget bought: did a stage's own probe improve over the seeds between its beginning and its end?"""

from collections.abc import Iterator, Mapping

import numpy as np

from devlearn.evidence.analysis.own_probes import own_probes
from devlearn.evidence.analysis.pairing import Groups, averaged, lineages
from devlearn.evidence.analysis.values import Measure, finite, measures, value_at
from devlearn.evidence.analysis.warnings import left_out
from devlearn.evidence.statistics.sign_flip import ALPHA, interval, sign_flip
from devlearn.records.reader import ArmRecords, EvidenceError
from devlearn.records.results import StageGain, Warning_
from devlearn.records.schema import ProbeEntry, StageEntry


def stage_gains(
    arms: Mapping[str, ArmRecords], probes: Mapping[str, Mapping[str, ProbeEntry]], compared: Mapping[str, Measure]
) -> tuple[list[StageGain], list[Warning_]]:
    """One entry for each stage that was lived and each of its probes, in the order of life; and what was left out.

    ``probes`` are those of each arm's run, ``compared`` is each arm's compared measure. A stage's own probes are: an
    ``objective`` that names it; where the stage's role is trial, a ``return`` in the same environment; where it is
    supervise, an ``accuracy`` on the same data set, of the same task of it where there is one. The compared measure is
    added for every stage (``own`` false where it isn't the stage's own). A stage that several arms share is lived, and
    listed, once. p is the sign-flip test of end minus start, not adjusted: these entries describe, they don't decide.
    Seeds that are of one lineage in every arm that lived the stage are averaged; ``n`` counts lineages. What isn't on
    record is left out.
    """
    together: dict[tuple[str, int], list[ArmRecords]] = {}
    for arm in arms.values():
        for position, stage in enumerate(arm.stages):
            together.setdefault((stage.branch, position), []).append(arm)
    gains, missing = [], []
    for (_, position), lived in together.items():
        stage, name = lived[0].stages[position], lived[0].name
        for what, own in _measures(stage, probes[name], compared[name]):
            try:
                gains.append(_gain(lived, position, what, own))
            except EvidenceError as why:
                missing.append(left_out("stage_gain", (stage.name, what.label), why))
    return gains, missing


def _measures(stage: StageEntry, probes: Mapping[str, ProbeEntry], compared: Measure) -> Iterator[tuple[Measure, bool]]:
    """The measures of a stage, and whether they are its own."""
    names = own_probes(stage, probes)
    own = [what for what in measures(probes) if what.key[0] in names]
    yield from ((what, True) for what in own)
    if not compared.parts and compared.key not in {what.key for what in own}:  # no stage buys a whole life
        yield compared, False


def _gain(arms: list[ArmRecords], position: int, what: Measure, own: bool) -> StageGain:
    arm, stage = arms[0], arms[0].stages[position]
    done = [life for life in arm.lives.values() if life.done]
    before = {life.seed: value_at(arm, life, what, position - 1, 0 if position == 0 else None) for life in done}
    after = {life.seed: value_at(arm, life, what, position, None) for life in done}
    groups = _together([life.seed for life in done], arms)
    first = last = change = ends = p = improved = None
    if before and None not in before.values() and None not in after.values():
        start, end = np.array(averaged(before, groups)), np.array(averaged(after, groups))
        gained = end - start
        first, last, change = float(start.mean()), float(end.mean()), float(gained.mean())
        p, ends = sign_flip(gained, size=np.abs(start) + np.abs(end)), finite(interval(gained))
        improved = p <= ALPHA and (change > 0) == (what.better == "higher")
    return StageGain(
        stage=stage.name,
        visit=stage.visit,
        kind=stage.kind,
        branch=stage.branch,
        position=position,
        budget=stage.budget,
        arms=tuple(arm.name for arm in arms),
        probe=what.key[0],
        metric=what.key[1],
        unit=what.unit,
        better=what.better,
        own=own,
        n=len(groups),
        before=first,
        after=last,
        change=change,
        interval=ends,
        p=p,
        improved=improved,
    )


def _together(seeds: list[int], arms: list[ArmRecords]) -> Groups:
    """Seeds that share a lineage in every one of ``arms``: what they share was there when the stage was lived."""
    number = [{seed: i for i, group in enumerate(lineages(seeds, [arm])) for seed in group} for arm in arms]
    groups: dict[tuple[int, ...], list[int]] = {}
    for seed in seeds:
        groups.setdefault(tuple(of[seed] for of in number), []).append(seed)
    return list(groups.values())
