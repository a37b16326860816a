"""What the scenario asks of a life as a whole: its skills, their experts, and a metric of their matrix."""

from collections.abc import Mapping, Sequence
from typing import Any

from devlearn.scenario.matrix import MATRIX, METRICS, Facts
from devlearn.scenario.models import Compare, Comparison
from devlearn.scenario.parts import Item, Lookup, Piece, metric
from devlearn.scenario.problems import Mark, Problems, hint
from devlearn.scenario.yaml_nodes import Entry, Map

Arms = Mapping[str, tuple[Item, ...]]
ALONE = ("at", "levels", "select", "fit")  # keys that speak of a probe's curve


def matrix(compare: Compare | None, root: Map, probes: Lookup, arms: Arms, problems: Problems) -> None:
    """``compare.matrix`` names stages, probes and experts that there are."""
    written = root.get("compare")
    if compare is None or compare.matrix is None or not isinstance(written, Map):
        return
    if MATRIX in probes:
        problems.add(probes[MATRIX].mark, f"a probe can't be called {MATRIX!r} where compare.matrix is asked for")
    node = written.entries["matrix"].node
    lived = list(dict.fromkeys(item.stream for items in arms.values() for item in items))
    found = []
    for stage, entry in _entries(node, "skills"):
        if arms and all(arms.values()) and stage not in lived:
            problems.add(entry.mark, f"no arm lives a stage called {stage!r}{hint(stage, lived)}")
        known = metric(compare.matrix.skills[stage], entry.node.mark, probes, problems)
        if known is not None:
            _same_task(stage, known[0], entry.node.mark, arms, problems)
            found.append(known)
    _experts(compare, node, arms, problems)
    _one_scale(compare, node, found, problems)


def question(compare: Compare, written: Map, probes: Lookup, arms: Arms, problems: Problems) -> Comparison | None:
    """``compare.metric`` with its direction filled in; None where it can't be had."""
    assert compare.metric is not None
    facts, mark = METRICS[compare.metric], written.entries["metric"].node.mark
    if compare.probe is not None:
        problems.add(written.entries["probe"].node.mark, "write probe or metric: one thing is compared")
    for key in ALONE:
        if key in written.entries and (key, compare.at) != ("at", "end"):
            problems.add(
                written.entries[key].node.mark, f"{key} is of a probe's curve, and a metric is of a whole life"
            )
    if compare.matrix is None:
        mend = "say in compare.matrix.skills which probe measures what each stage teaches, {STAGE: PROBE}"
        problems.add(mark, f"{compare.metric} is of the matrix of skills; {mend}")
        return None
    _needs(compare, facts, mark, probes, problems)
    _paired(compare, written, arms, problems)
    plain: dict[str, Any] = {key: getattr(compare, key) for key in ("of", "fails", "smallest_effect", "pairs", "looks")}
    better = compare.better or facts.better
    _threshold(compare, better, written, problems)
    plain |= {"worst": compare.worst, "matrix": compare.matrix}
    return Comparison(probe=MATRIX, metric=compare.metric, better=better, at="end", **plain)


def _entries(node: Any, key: str) -> Sequence[tuple[str, Entry]]:
    inner = node.get(key) if isinstance(node, Map) else None
    return list(inner.entries.items()) if isinstance(inner, Map) else []


def _same_task(stage: str, probe: Piece, mark: Mark, arms: Arms, problems: Problems) -> None:
    """A probe of labelled images asks what the stage teaches: the same classes, by the same read-out."""
    for item in (item for items in arms.values() for item in items if item.stream == stage):
        model = item.piece.model
        if not (hasattr(model, "classes") and hasattr(probe.model, "classes")):
            continue
        asked, taught = (list(one.needs().heads) for one in (probe.model, model))
        if not set(asked) & set(taught):
            names = f"the read-out {', '.join(asked)!r}, and stage {stage!r} teaches {', '.join(taught)!r}"
            problems.add(mark, f"probe {probe.name!r} asks {names}; give both the same head")
        elif model.classes != probe.model.classes:
            both = " and ".join("all" if one.classes is None else str([*one.classes]) for one in (probe.model, model))
            problems.add(mark, f"probe {probe.name!r} and stage {stage!r} are of different classes: {both}")
        elif getattr(model, "relabel", None) != getattr(probe.model, "relabel", None):
            problems.add(
                mark, f"probe {probe.name!r} and stage {stage!r} call classes otherwise: give both the same relabel"
            )


def _experts(compare: Compare, node: Any, arms: Arms, problems: Problems) -> None:
    """An expert lives the stage of its skill, and the stage of no other skill."""
    assert compare.matrix is not None
    taught = compare.matrix.skills
    for stage, entry in _entries(node, "experts"):
        arm = compare.matrix.experts[stage]
        lives = [item.stream for item in arms.get(arm, ())]
        others = [other for other in taught if other in lives and other != stage]
        if stage not in taught:
            problems.add(entry.mark, f"no skill is that of stage {stage!r}{hint(stage, taught)}")
        elif arm not in arms:
            problems.add(entry.node.mark, f"no arm is called {arm!r}{hint(arm, arms)}")
        elif lives and stage not in lives:
            problems.add(entry.node.mark, f"arm {arm!r} is no expert of {stage!r}: it never lives that stage")
        elif others:
            why = f"it lives {others[0]!r} too, and an expert learns one skill alone"
            problems.add(entry.node.mark, f"arm {arm!r} is no expert of {stage!r}: {why}")


def _one_scale(compare: Compare, node: Any, found: Sequence[tuple[Piece, str]], problems: Problems) -> None:
    """Skills that are counted differently have a mean as normalised scores alone, and those need every expert."""
    assert compare.matrix is not None
    mark = node.entries["skills"].mark
    metrics = [probe.model.named_metrics()[name] for probe, name in found]
    units = list(dict.fromkeys(one.unit for one in metrics))
    missing = [stage for stage in compare.matrix.skills if stage not in compare.matrix.experts]
    if compare.matrix.scores == "normalised" and missing:
        problems.add(mark, f"normalised scores need an expert of each skill; {', '.join(missing)} has none")
    if compare.matrix.scores == "raw" and (len(units) > 1 or any(one.better == "lower" for one in metrics)):
        why = f"are counted in {' and '.join(units)}" if len(units) > 1 else "are the better the lower they are"
        problems.add(mark, f"skills that {why} have no mean; name experts and write scores: normalised")


def _needs(compare: Compare, facts: Facts, mark: Mark, probes: Lookup, problems: Problems) -> None:
    """What a metric takes: experts, curves, and a worst where it is compared."""
    assert compare.matrix is not None
    missing = [stage for stage in compare.matrix.skills if stage not in compare.matrix.experts]
    if facts.experts and missing:
        problems.add(mark, f"{compare.metric} needs an expert of each skill; {', '.join(missing)} has none")
    for name in dict.fromkeys(probe.partition(".")[0] for probe in compare.matrix.skills.values()):
        if facts.curves and name in probes and probes[name].model is not None and probes[name].model.every is None:
            problems.add(mark, f"{compare.metric} needs curves, and probe {name!r} is not measured on the way: every")
    if compare.pairs and compare.worst is None:
        why = f"what a learner that diverged counts as in {compare.metric}"
        problems.add(mark, f"{compare.metric} is compared and needs compare.worst: {why}")


def _paired(compare: Compare, written: Map, arms: Arms, problems: Problems) -> None:
    """The arms of a pair live every stage whose skill is in the matrix."""
    if not compare.pairs:
        return
    assert compare.matrix is not None
    mark = written.entries["pairs"].mark
    lived = {item.stream for items in arms.values() for item in items}
    if compare.smallest_effect is None:
        problems.add(mark, "pairs need a smallest_effect: the difference that would matter")
    for arm in dict.fromkeys(name for pair in compare.pairs for name in pair):
        lives = [item.stream for item in arms.get(arm, ())]
        if missing := [stage for stage in compare.matrix.skills if lives and stage in lived and stage not in lives]:
            problems.add(mark, f"arm {arm!r} never lives {missing[0]!r}, whose skill is in the matrix")


def _within(written: Map, key: str, inner: str) -> Mark:
    """The place of a value inside the map at ``key``."""
    node = written.entries[key].node
    return node.entries[inner].node.mark if isinstance(node, Map) and inner in node.entries else node.mark


def _threshold(compare: Compare, better: str, written: Map, problems: Problems) -> None:
    """A failure lies on the worse side."""
    right, wrong = ("below", "above") if better == "higher" else ("above", "below")
    if compare.fails is not None and getattr(compare.fails, wrong) is not None:
        why = f"{better} is better in {compare.metric}, so a failure is a value {right} a threshold"
        problems.add(_within(written, "fails", wrong), f"write {right}, not {wrong}: {why}")
