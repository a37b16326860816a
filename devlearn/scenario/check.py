"""What one part of a scenario says about another: every rule that a single model can't know."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from devlearn.scenario.model import UNITS, Arm, Compare, Comparison, units_of
from devlearn.scenario.pieces import Item, Lookup, Piece
from devlearn.scenario.problems import Mark, Problems, hint
from devlearn.scenario.yaml_nodes import List, Map

Checks = Mapping[str, Callable[[str], object]]
Courses = Mapping[str, tuple[Arm | None, Sequence[Item], Map]]


def stages(pieces: Lookup, items: Sequence[Item], probes: Lookup, problems: Problems) -> None:
    """Budgets, gates and data of every stage as it is lived: as defined, and as an arm's ``set`` changes it."""
    changed = {item.use for item in items if not item.plain} - {item.use for item in items if item.plain}
    lived = [piece for name, piece in pieces.items() if name not in changed]
    for piece in [*lived, *(item.piece for item in items if not item.plain)]:
        if piece.model is not None:
            _budget(piece, problems)
            _no_test_split(piece, problems)
            _gate(piece, probes, problems)


def _budget(piece: Piece, problems: Problems) -> None:
    units = units_of(piece.model)
    given = [unit for unit in UNITS if getattr(piece.model, unit, None) is not None]
    known = ", ".join(units)
    for unit in given:
        if unit not in units:
            why = f"it can be given {known}" if units else "it acts once"
            problems.add(piece.key(unit), f"{piece.kind} has no budget in {unit}; {why}")
    own = sorted(
        (unit for unit in given if unit in units), key=lambda unit: (piece.key(unit).line, piece.key(unit).column)
    )
    if units and not given:
        problems.add(piece.mark, f"stage {piece.name!r} has no budget; give it one of {known}")
    if len(own) > 1:
        problems.add(piece.key(own[1]), f"two budgets, {own[0]} and {own[1]}; keep one")


def _no_test_split(piece: Piece, problems: Problems) -> None:
    for key, value in _texts(piece.model):
        if value.endswith(".test"):
            problems.add(piece.value(key), f"a stage can't learn from {value}: test images are for probes")


def _texts(model: Any) -> list[tuple[str, str]]:
    fields = ((key, getattr(model, key)) for key in type(model).model_fields)
    return [(key, value) for key, value in fields if isinstance(value, str)]


def _gate(piece: Piece, probes: Lookup, problems: Problems) -> None:
    """``until``: a probe that exists, is measured on the way and reads no test split; one level."""
    gate = getattr(piece.model, "until", None)
    if gate is None:
        return
    mark = piece.within("until", "probe")
    if not units_of(piece.model):
        problems.add(piece.key("until"), f"{piece.kind} acts once; a gate needs a stage with a budget")
    if (gate.at_least is None) == (gate.at_most is None):
        problems.add(piece.value("until"), "a gate has exactly one of at_least and at_most")
    found = _metric(gate.probe, mark, probes, problems)
    if found is None:
        return
    probe, name = found[0], found[0].name
    tests = [split for split in probe.model.splits() if split.endswith(".test")]
    if tests:
        problems.add(mark, f"a gate can't read {tests[0]}, as probe {name!r} does; use a probe of a valid split")
    if probe.model.every is None:
        problems.add(mark, f"probe {name!r} is not measured on the way; give it 'every'")


def _metric(reference: str, mark: Mark, probes: Lookup, problems: Problems) -> tuple[Piece, str] | None:
    """The probe and the metric that NAME or NAME.METRIC means."""
    name, _, metric = reference.partition(".")
    if name not in probes:
        problems.add(mark, f"no probe is called {name!r}{hint(name, probes)}")
        return None
    probe = probes[name]
    if probe.model is None:
        return None
    known = tuple(probe.model.metrics)
    if metric and metric not in known:
        problems.add(mark, f"probe {name!r} has no metric {metric!r}{hint(metric, known)}")
        return None
    return probe, metric or known[0]


def outside(pieces: Iterable[Piece], checks: Checks, problems: Problems) -> None:
    """Every field of a checked name (``env``, ``data``) names something that exists outside the file."""
    complaints: dict[tuple[str, str], str | None] = {}
    for piece in pieces:
        for field, check in checks.items():
            value = getattr(piece.model, field, None)
            if not isinstance(value, str):
                continue
            if (field, value) not in complaints:
                complaints[field, value] = _complaint(check, value)
            message = complaints[field, value]
            if message is not None:
                problems.add(piece.value(field), message)


def _complaint(check: Callable[[str], object], value: str) -> str | None:
    try:
        check(value)
    except (LookupError, ValueError, RuntimeError) as error:
        return str(error.args[0]) if error.args else str(error)
    return None


def probes(pieces: Lookup, stages: Lookup, problems: Problems) -> None:
    """A probe of a stage names one that exists; no probe reads images that a stage trains on."""
    trained = {value: name for name, piece in stages.items() if piece.model for _, value in _texts(piece.model)}
    for piece in pieces.values():
        if piece.model is None:
            continue
        stage = getattr(piece.model, "stage", None)
        if isinstance(stage, str) and stages and stage not in stages:
            problems.add(piece.value("stage"), f"no stage is called {stage!r}{hint(stage, stages)}")
        for split in piece.model.splits():
            both = f"{split.rpartition('.')[0]}.train+valid"
            if split.endswith(".valid") and both in trained:
                problems.add(
                    piece.value("data"), f"{split} is no held-out data here: stage {trained[both]!r} trains on {both}"
                )


def aliases(items: Sequence[Item], stages: Lookup, problems: Problems) -> None:
    """A stream belongs to one stage."""
    owner = {name: name for name in stages}
    for item in items:
        if owner.setdefault(item.stream, item.use) != item.use:
            mark = item.node.entries["as"].node.mark
            problems.add(mark, f"{item.stream!r} is the name of stage {owner[item.stream]!r}; choose another alias")


def courses(arms: Courses, problems: Problems) -> None:
    """``match`` and ``total`` of every arm."""
    for name, (arm, items, node) in arms.items():
        if arm is None or not items:
            continue
        both = [key for key in ("match", "total") if getattr(arm, key) is not None]
        if len(both) == 2:
            problems.add(node.entries["total"].mark, "match and total both set the last budget; keep one")
        if both and items[-1].piece.model is not None and not units_of(items[-1].piece.model):
            problems.add(
                node.entries[both[0]].mark, f"{both[0]} changes the last stage's budget, and {items[-1].use!r} has none"
            )
        if arm.match is not None:
            _match(name, arms, problems)


def _match(name: str, arms: Courses, problems: Problems) -> None:
    arm, items, node = arms[name]
    assert arm is not None and arm.match is not None
    inner = node.get("match")
    mark = inner.entries["arm"].node.mark if isinstance(inner, Map) else node.mark
    other = arm.match.arm
    if other not in arms:
        problems.add(mark, f"no arm is called {other!r}{hint(other, [key for key in arms if key != name])}")
    elif other == name:
        problems.add(mark, f"arm {name!r} can't be matched to itself")
    elif _returns(name, arms):
        problems.add(mark, f"arms {name!r} and {other!r} are matched in a circle")
    else:
        for who, gated in ((name, items), (other, arms[other][1])):
            gate = next((item for item in gated if getattr(item.piece.model, "until", None) is not None), None)
            if gate is not None:
                why = f"stage {gate.use!r} of arm {who!r} has a gate, so what it consumes is not known beforehand"
                problems.add(mark, f"match needs arms without gates: {why}")


def _returns(name: str, arms: Courses) -> bool:
    """Whether following ``match`` from an arm leads back to it."""
    seen: list[str] = []
    current: str | None = name
    while current is not None and current in arms and current not in seen:
        seen.append(current)
        arm = arms[current][0]
        current = arm.match.arm if arm is not None and arm.match is not None else None
    return current == name


def comparison(
    compare: Compare | None, root: Map, probes: Lookup, arms: Sequence[str], problems: Problems
) -> Comparison | None:
    """``compare`` with the metric and its direction filled in; None where there is no probe."""
    node = root.get("compare")
    if compare is None:
        if isinstance(node, Map) or not probes:
            return None
        compare, node = Compare.model_validate({"probe": next(iter(probes))}), root
    _pairs(compare, node if isinstance(node, Map) else root, arms, problems)
    piece = Piece("compare", "", compare, node if isinstance(node, Map) else root, root.mark)
    found = _metric(compare.probe, piece.value("probe"), probes, problems)
    if found is None:
        return None
    probe, metric = found
    if compare.pairs and probe.model.worst is None and probe.model.metrics[metric].worst is None:
        why = f"what a learner that diverged counts as in {metric}"
        problems.add(probe.mark, f"probe {probe.name!r} is compared and needs 'worst': {why}")
    if compare.at not in ("end", "birth") and probe.model.every is None:
        problems.add(piece.value("at"), f"probe {probe.name!r} is not measured on the way; give it 'every'")
    return Comparison(
        probe=probe.name,
        metric=metric,
        better=compare.better or probe.model.metrics[metric].better,
        at=compare.at,
        smallest_effect=compare.smallest_effect,
        pairs=compare.pairs,
    )


def _pairs(compare: Compare, node: Map, arms: Sequence[str], problems: Problems) -> None:
    listed = node.get("pairs")
    if not isinstance(listed, List):
        return
    if compare.pairs and compare.smallest_effect is None:
        problems.add(node.entries["pairs"].mark, "pairs need a smallest_effect: the difference that would matter")
    for index, pair in enumerate(listed.items):
        assert isinstance(pair, List)
        names = compare.pairs[index]
        for name, leaf in zip(names, pair.items, strict=True):
            if arms and name not in arms:
                problems.add(leaf.mark, f"no arm is called {name!r}{hint(name, arms)}")
        if names[0] == names[1]:
            problems.add(pair.mark, f"arm {names[0]!r} can't be compared with itself")
        if names in compare.pairs[:index]:
            problems.add(pair.mark, f"the pair {names[0]}, {names[1]} stands twice")
