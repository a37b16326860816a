"""What arms say about each other: ``match``, ``total`` and the comparison."""

from collections.abc import Mapping, Sequence

from devlearn.scenario.model import Compare, Comparison
from devlearn.scenario.pieces import Item, Lookup, Piece, metric
from devlearn.scenario.problems import Problems, hint
from devlearn.scenario.validate import text_of
from devlearn.scenario.yaml_nodes import List, Map

Courses = Mapping[str, tuple[Map, Sequence[Item]]]


def courses(arms: Courses, problems: Problems) -> None:
    """``match`` and ``total`` of every arm, given as (node, items)."""
    for name, (node, items) in arms.items():
        both = [key for key in ("match", "total") if isinstance(node.get(key), Map)]
        if len(both) == 2:
            problems.add(node.entries["total"].mark, "match and total both set the last budget; keep one")
        if both and items and items[-1].piece.cls is not None and not items[-1].piece.units:
            why = f"changes the last stage's budget, and {items[-1].use!r} acts once"
            problems.add(node.entries[both[0]].mark, f"{both[0]} {why}")
        _match(name, arms, problems)


def _other(name: str, arms: Courses) -> str | None:
    """The arm that an arm is matched to."""
    match = arms[name][0].get("match")
    return text_of(match.get("arm")) if isinstance(match, Map) else None


def _match(name: str, arms: Courses, problems: Problems) -> None:
    other, match = _other(name, arms), arms[name][0].get("match")
    if other is None or not isinstance(match, Map):
        return
    mark = match.entries["arm"].node.mark
    if other not in arms:
        problems.add(mark, f"no arm is called {other!r}{hint(other, [key for key in arms if key != name])}")
    elif other == name:
        problems.add(mark, f"arm {name!r} can't be matched to itself")
    elif _returns(name, arms):
        problems.add(mark, f"arms {name!r} and {other!r} are matched in a circle")
    else:
        for who in (name, other):
            gate = next((item.use for item in arms[who][1] if item.piece.get("until") is not None), None)
            if gate is not None:
                why = f"stage {gate!r} of arm {who!r} has one, so what it consumes is not known beforehand"
                problems.add(mark, f"match needs arms without gates: {why}")


def _returns(name: str, arms: Courses) -> bool:
    """Whether following ``match`` from an arm leads back to it."""
    seen: list[str] = []
    current = _other(name, arms)
    while current is not None and current in arms and current not in seen:
        seen.append(current)
        current = _other(current, arms)
    return name in seen


def comparison(
    compare: Compare | None, root: Map, probes: Lookup, arms: Sequence[str], problems: Problems
) -> Comparison | None:
    """``compare`` with the metric and its direction filled in; None where there is no probe or it is broken."""
    written = root.get("compare")
    if not isinstance(written, Map):
        if not probes:
            return None
        compare, written = Compare.model_validate({"probe": next(iter(probes))}), Map({}, root.mark)
    _pairs(written, arms, problems)
    reference = compare.probe if compare else text_of(written.get("probe"))
    if reference is None:
        return None
    piece = Piece("compare", "", Compare, compare, written, root.mark)
    found = metric(reference, piece.value("probe"), probes, problems)
    if found is None or compare is None:
        return None
    _measured(piece, found[0], found[1], problems)
    return Comparison(
        probe=found[0].name,
        metric=found[1],
        better=compare.better or found[0].model.metrics[found[1]].better,
        at=compare.at,
        smallest_effect=compare.smallest_effect,
        pairs=compare.pairs,
    )


def _measured(compare: Piece, probe: Piece, name: str, problems: Problems) -> None:
    """The probe is measured where the comparison looks, and says what a diverged learner counts as."""
    if compare.get("at") not in ("end", "birth") and probe.model.every is None:
        problems.add(compare.value("at"), f"probe {probe.name!r} is not measured on the way; give it 'every'")
    if not compare.get("pairs"):
        return
    if probe.model.worst is None and probe.model.metrics[name].worst is None:
        why = f"what a learner that diverged counts as in {name}"
        problems.add(probe.mark, f"probe {probe.name!r} is compared and needs 'worst': {why}")
    if compare.get("smallest_effect") is None:
        problems.add(compare.key("pairs"), "pairs need a smallest_effect: the difference that would matter")


def _pairs(compare: Map, arms: Sequence[str], problems: Problems) -> None:
    listed = compare.get("pairs")
    seen: list[list[str | None]] = []
    for pair in listed.items if isinstance(listed, List) else ():
        if not isinstance(pair, List):
            continue
        names = [text_of(leaf) for leaf in pair.items]
        for name, leaf in zip(names, pair.items, strict=True):
            if name is not None and arms and name not in arms:
                problems.add(leaf.mark, f"no arm is called {name!r}{hint(name, arms)}")
        if len(names) == 2 and names[0] == names[1]:
            problems.add(pair.mark, f"arm {names[0]!r} can't be compared with itself")
        if names in seen:
            problems.add(pair.mark, f"the pair {names[0]}, {names[1]} stands twice")
        seen.append(names)
