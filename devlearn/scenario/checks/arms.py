"""What arms say about each other (``match`` and ``total``), and when their stages are measured."""

from collections.abc import Mapping, Sequence

from devlearn.scenario.parts import Item, Lookup, Piece, metric
from devlearn.scenario.problems import Problems, hint
from devlearn.scenario.validate import text_of
from devlearn.scenario.yaml_nodes import Map

Arms = Mapping[str, tuple[Map, Sequence[Item]]]  # what the file says of an arm, and its items


def budgets(arms: Arms, problems: Problems) -> None:
    """``match`` and ``total`` of every arm."""
    for name, (node, items) in arms.items():
        both = [key for key in ("match", "total") if isinstance(node.get(key), Map)]
        if len(both) == 2:
            problems.add(node.entries["total"].mark, "match and total both set the last budget; keep one")
        if both and items and items[-1].piece.cls is not None and not items[-1].piece.units:
            why = f"changes the last stage's budget, and {items[-1].use!r} acts once"
            problems.add(node.entries[both[0]].mark, f"{both[0]} {why}")
        _match(name, arms, problems)


def _other(name: str, arms: Arms) -> str | None:
    """The arm that an arm is matched to."""
    match = arms[name][0].get("match")
    return text_of(match.get("arm")) if isinstance(match, Map) else None


def _match(name: str, arms: Arms, problems: Problems) -> None:
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


def _returns(name: str, arms: Arms) -> bool:
    """Whether following ``match`` from an arm leads back to it."""
    seen: list[str] = []
    current = _other(name, arms)
    while current is not None and current in arms and current not in seen:
        seen.append(current)
        current = _other(current, arms)
    return name in seen


def moments(arms: Arms, probes: Lookup, problems: Problems) -> None:
    """Gates open, and probes measure, before the stages are over. What is not counted in updates, the plan knows."""
    longest: list[int | None] = []  # updates of every stage with a budget; None: not known here
    for node, items in arms.values():
        for index, item in enumerate(items):
            stretched = index == len(items) - 1 and ("match" in node.entries or "total" in node.entries)
            updates = None if stretched or item.piece.model is None else item.piece.get("updates")
            if updates is not None:
                _gate(item.piece, updates, probes, problems)
            if item.piece.cls is None or item.piece.units:
                longest.append(updates)
    known = [updates for updates in longest if updates is not None]
    if not known or len(known) < len(longest):
        return
    for probe in probes.values():
        every = probe.get("every")
        if probe.model is not None and every is not None and every > max(known):
            why = f"no stage lives longer than {max(known):,} updates"
            what = "so it is measured at birth and at the stages' ends only"
            problems.note(probe.value("every"), f"probe {probe.name!r} has 'every: {every}', and {why}, {what}")


def _gate(piece: Piece, updates: int, probes: Lookup, problems: Problems) -> None:
    """A gate may open, and is looked at, before its stage is over anyway."""
    gate = piece.get("until")
    if not isinstance(gate, dict):
        return
    lives = f"stage {piece.name!r} lives {updates:,} updates"
    if gate["min_updates"] > updates:
        why = f"opens after {gate['min_updates']:,} updates at the earliest, and {lives}"
        problems.add(
            piece.within("until", "min_updates"), f"this gate never opens: it {why}; lower it, or give the stage more"
        )
    mark = piece.within("until", "probe")
    found = metric(gate["probe"], mark, probes, Problems())  # what is wrong with the name has been said
    every = found[0].model.every if found else None
    if found and every is not None and every > updates:
        why = f"probe {found[0].name!r} is measured every {every:,} updates, and {lives}; measure it more often"
        problems.add(mark, f"this gate never opens: {why}")
