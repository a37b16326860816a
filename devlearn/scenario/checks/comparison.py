"""What the scenario asks: the probe, the pairs, the looks, the thresholds, the choice of a checkpoint, the fit."""

from collections.abc import Mapping, Sequence

from devlearn.scenario.checks import matrix
from devlearn.scenario.keys import Better
from devlearn.scenario.models import Compare, Comparison
from devlearn.scenario.parts import Item, Lookup, Piece, bounds, metric, no_test_split, span
from devlearn.scenario.problems import Mark, Problems, hint
from devlearn.scenario.validate import text_of
from devlearn.scenario.yaml_nodes import Entry, Leaf, List, Map


def comparison(
    compare: Compare | None,
    root: Map,
    probes: Lookup,
    stages: Lookup,
    arms: Mapping[str, tuple[Item, ...]],
    problems: Problems,
) -> Comparison | None:
    """``compare`` with the metric and its direction filled in; None where there is no probe or it is broken."""
    written = root.get("compare")
    if not isinstance(written, Map):
        if not probes:
            return None
        compare, written = Compare.model_validate({"probe": next(iter(probes))}), Map({}, root.mark)
    _pairs(written, list(arms), problems)
    matrix.matrix(compare, root, probes, arms, problems)
    if compare is not None and compare.metric is not None:
        return matrix.question(compare, written, probes, arms, problems)
    if compare is not None and compare.probe is None:
        problems.add(root.entries["compare"].mark, "missing key 'probe': what is compared, or a metric of the matrix")
    reference = compare.probe if compare else text_of(written.get("probe"))
    if reference is None:
        return None
    piece = Piece("compare", "", Compare, compare, written, root.mark)
    _selected(piece, probes, stages, problems)
    found = metric(reference, piece.value("probe"), probes, problems)
    _worst(probes, found, problems)
    if found is None or compare is None:
        return None
    better: Better = compare.better or found[0].model.named_metrics()[found[1]].better
    _measured(piece, found[0], found[1], problems)
    _levels(piece, found, better, problems)
    _fails(piece, found, better, problems)
    _fit(piece, root, problems)
    return Comparison(
        probe=found[0].name,
        metric=found[1],
        better=better,
        **{
            key: getattr(compare, key)
            for key in ("at", "of", "fails", "smallest_effect", "pairs", "looks", "levels", "select", "fit", "matrix")
        },
    )


def looks(compare: Compare | None, seeds: Sequence[int], root: Map, problems: Problems) -> None:
    """Looks grow and end with all seeds; where the command line gives the seeds, they may end elsewhere."""
    written = root.get("compare")
    if compare is None or compare.looks is None or not isinstance(written, Map):
        return
    listed, mark = written.get("looks"), written.entries["looks"].mark
    marks = [item.mark for item in listed.items] if isinstance(listed, List) else [mark]
    for before, after, place in zip(compare.looks, compare.looks[1:], marks[1:], strict=False):
        if after <= before:
            problems.add(place, f"looks must grow, and {after} stands after {before}")
            return
    given = root.entries["seeds"] if "seeds" in root.entries else Entry(root.mark, Leaf(len(seeds), root.mark))
    if given.mark.line and isinstance(given.node, List):
        problems.add(given.node.mark, "looks count the seeds 0, 1, ...; write how many there are, not which")
    elif given.mark.line and compare.looks[-1] != len(seeds):
        problems.add(marks[-1], f"the last look is at {compare.looks[-1]} seeds, and the scenario has {len(seeds)}")
    if not compare.pairs:
        problems.add(mark, "looks need pairs: there is no verdict to look at")


def _measured(compare: Piece, probe: Piece, name: str, problems: Problems) -> None:
    """The probe is measured where the comparison looks, and says what a diverged learner counts as."""
    at = compare.get("at")
    if at not in ("end", "birth", "best"):
        _on_the_way(probe, compare.value("at"), problems)
    if at == "best" and compare.get("select") is None:
        problems.add(compare.value("at"), "the best checkpoint needs 'select': the probe that picks it")
    effect = compare.get("smallest_effect")
    low, high = bounds(probe, name)
    if effect is not None and effect >= high - low:
        why = f"{name} {span((low, high))}" + ", and one point of it is 0.01" * (high == 1)
        must = f"smallest_effect must be less than {high - low:g}"
        problems.add(compare.value("smallest_effect"), f"{must}, got {effect:g}: {why}")
    if not compare.get("pairs"):
        return
    if probe.model.worst is None and probe.model.named_metrics()[name].worst is None:
        why = f"what a learner that diverged counts as in {name}"
        problems.add(probe.mark, f"probe {probe.name!r} is compared and needs 'worst': {why}")
    if compare.get("smallest_effect") is None:
        problems.add(compare.key("pairs"), "pairs need a smallest_effect: the difference that would matter")


def _worst(probes: Lookup, compared: tuple[Piece, str] | None, problems: Problems) -> None:
    """What a diverged learner counts as is a value of what is compared; of another probe, of a metric that it has."""
    for probe in probes.values():
        worst = probe.get("worst")
        if probe.model is None or worst is None:
            continue
        names = [compared[1]] if compared and probe is compared[0] else list(probe.cls.metrics if probe.cls else ())
        ends = {name: bounds(probe, name) for name in names}
        if ends and not any(low <= worst <= high for low, high in ends.values()):
            each = "; ".join(f"{name} {span(both)}" for name, both in ends.items())
            problems.add(probe.value("worst"), f"no learner can count with {worst:g}: {each}")


def _on_the_way(probe: Piece, mark: Mark, problems: Problems) -> None:
    if probe.model.every is None:
        problems.add(mark, f"probe {probe.name!r} is not measured on the way; give it 'every'")


def _levels(compare: Piece, found: tuple[Piece, str], better: Better, problems: Problems) -> None:
    """Thresholds are reached on the way, the easier one first."""
    levels: Sequence[float] = compare.get("levels")
    if not levels:
        return
    probe, name = found
    _on_the_way(probe, compare.value("levels"), problems)
    listed, ends = compare.node.get("levels"), bounds(probe, name)
    for level, item in zip(levels, listed.items if isinstance(listed, List) else (), strict=False):
        if not ends[0] <= level <= ends[1]:
            problems.add(item.mark, f"a level of {level:g} is never reached: {name} {span(ends)}")
    gain = (levels[-1] - levels[0]) * (1 if better == "higher" else -1)
    if len(levels) == 2 and gain <= 0:
        order = "grow" if better == "higher" else "fall"
        why = f"the better level stands last, and {better} is better"
        problems.add(compare.value("levels"), f"levels must {order}: {why}")


def _fails(compare: Piece, found: tuple[Piece, str], better: Better, problems: Problems) -> None:
    """A failure lies on the worse side, within what the metric can be."""
    fails = compare.get("fails")
    if not isinstance(fails, dict):
        return
    probe, name = found
    right, wrong = ("below", "above") if better == "higher" else ("above", "below")
    if fails.get(wrong) is not None:
        why = f"{better} is better in {name}, so a failure is a value {right} a threshold"
        problems.add(compare.within("fails", wrong), f"write {right}, not {wrong}: {why}")
    threshold, ends = fails.get(right), bounds(probe, name)
    if threshold is not None and not ends[0] <= threshold <= ends[1]:
        problems.add(compare.within("fails", right), f"{threshold:g} is no value of {name}, which {span(ends)}")


def _selected(compare: Piece, probes: Lookup, stages: Lookup, problems: Problems) -> None:
    """``select`` is a probe that is measured on the way and reads no test split."""
    reference = compare.get("select")
    if not isinstance(reference, str):
        return
    mark = compare.value("select")
    found = metric(reference, mark, probes, problems)
    if found is None:
        return
    no_test_split(found[0], stages, probes, "select", mark, problems)
    _on_the_way(found[0], mark, problems)


def _fit(compare: Piece, root: Map, problems: Problems) -> None:
    fit = compare.get("fit")
    if fit is None:
        return
    if "vary" not in root.entries:
        problems.add(compare.key("fit"), "a fit needs 'vary': it goes through the points")
    low, high = fit["from_"], fit["to"]
    if low is not None and high is not None and low >= high:
        problems.add(compare.within("fit", "to"), f"fit must go up: from {low:g} to {high:g} leaves no room")


def _pairs(compare: Map, arms: Sequence[str], problems: Problems) -> None:
    listed = compare.get("pairs")
    seen: set[tuple[str | None, ...]] = set()
    for pair in listed.items if isinstance(listed, List) else ():
        if not isinstance(pair, List):
            continue
        names = tuple(text_of(leaf) for leaf in pair.items)
        for name, leaf in zip(names, pair.items, strict=True):
            if name is not None and arms and name not in arms:
                problems.add(leaf.mark, f"no arm is called {name!r}{hint(name, arms)}")
        if len(names) == 2 and names[0] == names[1]:
            problems.add(pair.mark, f"arm {names[0]!r} can't be compared with itself")
        if len(names) == 2 and names in seen:
            problems.add(pair.mark, f"the pair {names[0]}, {names[1]} stands twice")
        seen.add(names)
