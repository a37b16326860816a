"""``change`` of a stage: what each of its windows makes of the stage, checked by the stage's own model."""

from collections.abc import Iterable, Iterator
from dataclasses import replace

from devlearn.scenario.checks.stages import learns_from_no_test
from devlearn.scenario.parts import Piece
from devlearn.scenario.problems import Problems
from devlearn.scenario.validate import keys_of, validate
from devlearn.scenario.yaml_nodes import List, Map


def changed(pieces: Iterable[Piece], problems: Problems) -> list[Piece]:
    """Every stage as each of its changes makes it; those that can't be made are in ``problems``."""
    every = [made for piece in pieces for made in _all(piece, problems)]
    for made in every:
        learns_from_no_test(made, problems)
    return every


def _all(piece: Piece, problems: Problems) -> Iterator[Piece]:
    listed = piece.node.get("change")
    if piece.cls is None or not isinstance(listed, List) or not listed.items:
        return
    if not piece.units:
        problems.add(piece.key("change"), f"{piece.kind} acts once; a change needs a stage with a budget")
        return
    sets = [item.get("set") for item in listed.items if isinstance(item, Map)]
    for node in sets:
        if isinstance(node, Map) and _allowed(piece, node, problems) and piece.model is not None:
            yield from _made(piece, node, problems)


def _allowed(piece: Piece, node: Map, problems: Problems) -> bool:
    """Whether all keys may change; those that may not are in ``problems``."""
    assert piece.cls is not None
    engine, made_for = _engine_keys(piece), getattr(piece.cls, "immutable_keys", ())
    for key, entry in node.entries.items():
        if key in engine:
            problems.add(
                entry.mark, f"{key} can't change on the way: it is the engine's, and holds for the whole visit"
            )
        elif key in made_for and key in keys_of(piece.cls):
            why = "what a stage buys and keeps at its beginning is made for it; live it as a stage of its own"
            problems.add(entry.mark, f"{key} can't change on the way: {why}")
    return not {*engine, *made_for} & set(node.entries)


def _engine_keys(piece: Piece) -> list[str]:
    """The keys that every stage has: budgets, gate, change; and the kind."""
    assert piece.cls is not None
    ancestors = [cls for cls in piece.cls.__mro__ if "change" in getattr(cls, "model_fields", ())]
    base = ancestors[-1] if ancestors else piece.cls
    return ["kind", *keys_of(base)]


def _made(piece: Piece, node: Map, problems: Problems) -> Iterator[Piece]:
    """The stage with a change applied: whatever its model says, it says of the change."""
    assert piece.cls is not None
    without = {key: entry for key, entry in piece.node.entries.items() if key != "change"}
    merged = Map({**without, **node.entries}, node.mark)
    model = validate(piece.cls, merged, node.mark, problems, without=("kind",))
    if model is not None:
        yield replace(piece, model=model, node=merged)
