"""What a stage or a probe says about others: every rule that its own model can't know."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from devlearn.registry import inherits
from devlearn.scenario.keys import UNITS
from devlearn.scenario.parts import Item, Lookup, Piece, bounds, metric, no_test_split, reads, span
from devlearn.scenario.problems import Problems, hint
from devlearn.scenario.splits import is_test, joined, may_be_learned, overlap, split_name
from devlearn.scenario.validate import text_of
from devlearn.scenario.yaml_nodes import List, Map, Node, plain

Checks = Mapping[str, Callable[[Any], object]]


def stages(pieces: Lookup, items: Sequence[Item], probes: Lookup, problems: Problems) -> None:
    """Budgets, gates and data of every stage as it is lived: as defined, and as an arm's ``set`` changes it."""
    changed = {item.use for item in items if not item.plain} - {item.use for item in items if item.plain}
    lived = [piece for name, piece in pieces.items() if name not in changed]
    for piece in [*lived, *(_blamed(item, pieces) for item in items if not item.plain)]:
        learns_from_no_test(piece, problems)
        if piece.cls is not None:
            _budget(piece, problems)
            for key, why in piece.model.doubts() if piece.model is not None else ():
                problems.note(piece.value(key), why)
            _gate(piece, probes, pieces, problems)


def _blamed(item: Item, pieces: Lookup) -> Piece:
    """The stage as an arm changes it; what the stage itself leaves out is said of the stage."""
    own = pieces[item.use]
    without = all(own.get(unit) is None for unit in own.units)
    return replace(item.piece, mark=own.mark) if without else item.piece


def _budget(piece: Piece, problems: Problems) -> None:
    """Exactly one budget, in a unit that makes sense; none where the stage acts once."""
    given = [unit for unit in UNITS if piece.get(unit) is not None]
    known = ", ".join(piece.units)
    for unit in given:
        if unit not in piece.units:
            why = f"it can be given {known}" if known else "it acts once"
            problems.add(piece.key(unit), f"{piece.kind} has no budget in {unit}; {why}")
    own = [unit for unit in piece.node.entries if unit in given and unit in piece.units]
    if known and not given and piece.model is not None:
        problems.add(piece.mark, f"stage {piece.name!r} has no budget; give it one of {known}")
    if len(own) > 1:
        problems.add(piece.key(own[1]), f"two budgets, {own[0]} and {own[1]}; keep one")


def learns_from_no_test(piece: Piece, problems: Problems) -> None:
    """A stage names no test split."""
    for key, value in piece.texts().items():
        if key == "env":
            continue  # an id is no split, though "envs/mine:Maze" looks like one
        if is_test(value) or (key == "data" and split_name(value)[0] and not may_be_learned(value)):
            problems.add(piece.value(key), f"a stage can't learn from {value}: test images are for probes")


def _gate(piece: Piece, probes: Lookup, pieces: Lookup, problems: Problems) -> None:
    """``until``: a probe that exists, is measured on the way and reads no test split."""
    gate = piece.get("until")
    if not isinstance(gate, dict):
        return
    if not piece.units:
        problems.add(piece.key("until"), f"{piece.kind} acts once; a gate needs a stage with a budget")
    mark = piece.within("until", "probe")
    found = metric(gate["probe"], mark, probes, problems) if isinstance(gate.get("probe"), str) else None
    if found is None:
        return
    probe, name = found
    no_test_split(probe, pieces, probes, "a gate", mark, problems)
    if probe.model.every is None:
        problems.add(mark, f"probe {probe.name!r} is not measured on the way; give it 'every'")
    _opens(piece, gate, bounds(probe, name), name, problems)


def _opens(piece: Piece, gate: Mapping[str, Any], ends: tuple[float, float], name: str, problems: Problems) -> None:
    """The level of a gate is one that its metric can have."""
    for key in ("at_least", "at_most"):
        level = gate.get(key)
        if isinstance(level, int | float) and (level > ends[1] if key == "at_least" else level < ends[0]):
            why = f"{name} {span(ends)}"
            problems.add(piece.within("until", key), f"a gate with {key}: {level:g} never opens: {why}")


def outside(pieces: Iterable[Piece], checks: Checks, problems: Problems) -> list[Piece]:
    """Every field of a checked name (``env``, ``data``, ``wrappers``) names what exists outside the file.

    Returns those that name what does not: their models can't be asked what they read.
    """
    pieces = list(pieces)
    lost = _texts_outside(pieces, checks, problems)
    for piece in pieces:
        node, known = piece.node.get("wrappers"), "wrappers" in getattr(piece.cls, "model_fields", ())
        for item in node.items if known and "wrappers" in checks and isinstance(node, List) else ():
            if text_of(item.get("id") if isinstance(item, Map) else item):  # what names nothing has been told
                _item_outside(item, checks["wrappers"], problems)
    return lost


def _item_outside(item: Node, check: Callable[[Any], object], problems: Problems) -> None:
    """One item of a list, a name or a map, exists outside; what is wrong is said at the key that is at fault."""
    try:
        check(plain(item))
    except (LookupError, ValueError, RuntimeError) as error:
        key, mark = getattr(error, "key", None), item.mark
        if isinstance(item, Map) and key in item.entries:
            mark = item.entries[key].node.mark if key == "id" else item.entries[key].mark
        problems.add(mark, str(error.args[0]))


def _texts_outside(pieces: Iterable[Piece], checks: Checks, problems: Problems) -> list[Piece]:
    complaints: dict[tuple[str, str], str | None] = {}
    lost = []
    for piece in pieces:
        for field, value in piece.texts().items():
            if field not in checks or piece.cls is None:
                continue
            if (field, value) not in complaints:
                complaints[field, value] = _complaint(checks[field], value)
            message = complaints[field, value]
            if message is not None:
                problems.add(piece.value(field), message)
                lost.append(piece)
    return lost


def _complaint(check: Callable[[str], object], value: str) -> str | None:
    try:
        check(value)
    except (LookupError, ValueError, RuntimeError) as error:
        return str(error.args[0]) if error.args else str(error)
    return None


def probes(pieces: Lookup, stages: Lookup, lived: Sequence[Piece], problems: Problems) -> None:
    """A probe of a stage names one that exists; no probe reads images that a stage trains on (as it is ``lived``)."""
    trained = _trained(lived)
    for piece in pieces.values():
        stage = piece.get("stage")
        if isinstance(stage, str) and stages and stage not in stages:
            problems.add(piece.value("stage"), f"no stage is called {stage!r}{hint(stage, stages)}")
        of = stages.get(stage) if isinstance(stage, str) else None
        required = getattr(piece.cls, "requires", "")
        if of is not None and of.cls is not None and required and _lacks(of.cls, required):
            why = f"has no {required!r} for the probe {piece.kind} to read"
            problems.add(piece.value("stage"), f"stage {of.name!r} ({of.kind}) {why}; name another stage, or none")
        for split in reads(piece, stages):
            for seen in (seen for seen in trained if not is_test(seen) and overlap(split, seen)):
                place = piece.value("data" if of is None else "stage")
                mend = f"; train on {joined(split_name(split)[0], 'rest')}" if split_name(split)[1] == "second" else ""
                problems.add(place, f"{split} is not held out here: {trained[seen]} {seen}{mend}")


def _lacks(cls: type[Any], method: str) -> bool:
    """Whether a kind of stage has no such method, or left it as the contract has it, which is to have none."""
    return not hasattr(cls, method) or inherits("stages", cls, method)


def _trained(lived: Sequence[Piece]) -> dict[str, str]:
    """By split, who trains on it: a stage, or before its time a life that a stage's learners descend from."""
    models = [(piece.name, piece.model) for piece in lived if piece.model is not None]
    before = {value: f"a genome of stage {name!r} trained on" for name, model in models for value in model.trains_on()}
    return before | {value: f"stage {piece.name!r} trains on" for piece in lived for value in piece.texts().values()}


def aliases(items: Sequence[Item], stages: Lookup, problems: Problems) -> None:
    """A stream belongs to one stage."""
    owner = {name: name for name in stages}
    for item in items:
        if owner.setdefault(item.stream, item.use) != item.use:
            mark = item.node.entries["as"].node.mark
            problems.add(mark, f"{item.stream!r} is the name of stage {owner[item.stream]!r}; choose another alias")


def pins(named: Sequence[str], node: Node | None, pieces: Iterable[Piece], problems: Problems) -> None:
    """``pin`` names the weights' stream or one that a stage draws."""
    classes = [piece.cls for piece in pieces if piece.cls is not None]
    known = dict.fromkeys(("init", *(name for cls in classes for name in getattr(cls, "stream_names", ()))))
    listed = node.items if isinstance(node, List) else ()
    for index, (name, item) in enumerate(zip(named, listed, strict=False)):
        if name not in known:
            problems.add(item.mark, f"no stage draws {name!r}{hint(name, known)}")
        if name in named[:index]:
            problems.add(item.mark, f"{name!r} is pinned twice")
