"""What arms take from each other: it is there, it is another arm's, and nothing goes round in a circle."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from devlearn.scenario.artifacts import Place, gives_at, taken
from devlearn.scenario.models import Of
from devlearn.scenario.parts import Item, Piece
from devlearn.scenario.problems import Mark, Problems, hint
from devlearn.scenario.yaml_nodes import Map

Arms = Mapping[str, Sequence[Item]]
Step = tuple[str, int]  # an arm and the place of one of its stages


def artifacts(arms: Arms, problems: Problems) -> None:
    """Every ``of`` names another arm and a stage of it, and can be there before it is taken."""
    own = Problems()
    for name, items in arms.items():
        for item in items:
            for place, of in taken(item.piece.model):
                _names(name, item, place, of, arms, own)
    if not own.mistakes and all(arms.values()):  # of an arm that is broken there are no items
        _circles(arms, own)
    problems.include(own)


def _names(name: str, item: Item, place: Place, of: Of, arms: Arms, problems: Problems) -> None:
    where = _mark(item.piece, (*place, "arm"))
    if of.arm == name:
        mend = "a stage goes on with its own arm's learner anyway; take another's"
        problems.add(where, f"arm {name!r} takes from itself in {item.use!r}; {mend}")
    elif of.arm not in arms:
        problems.add(where, f"no arm is called {of.arm!r}{hint(of.arm, [arm for arm in arms if arm != name])}")
    elif not arms[of.arm]:
        return  # it is broken, and said to be
    elif (at := gives_at(streams := [other.stream for other in arms[of.arm]], of)) is None:
        why = f"arm {of.arm!r} has no stage {of.stage!r}{hint(of.stage, streams)}"
        problems.add(_mark(item.piece, (*place, "stage")), why)
    elif arms[of.arm][at].piece.model is None:
        return  # its stage is broken, and said to be
    elif of.what == "order":
        own, theirs = (getattr(one.piece.model, "lessons", None) for one in (item, arms[of.arm][at]))
        where = _mark(item.piece, (*place, "stage"))
        if theirs is None:
            problems.add(where, f"{of} has no order of lessons to give: its stage has no lessons")
        elif theirs != own:
            problems.add(where, f"{of} had other lessons than {item.use!r} has; give both stages the same lessons")
    elif of.what == "stream" and (why := _unable(item.piece.model, arms[of.arm][at].piece.model)):
        problems.add(_mark(item.piece, (*place, "stage")), f"{item.use!r} can't follow the stream of {of}: {why}")


def _unable(stage: Any, giver: Any) -> str:
    """Why a stage can't follow another's stream; nothing where an environment is unknown, which is told at its key."""
    try:
        return str(stage.unable_to_follow(giver))
    except LookupError:
        return ""


def _mark(piece: Piece, place: Place) -> Mark:
    """The place of a value in the file, or of the deepest part of the way to it that is written."""
    node, mark = piece.node, piece.mark
    for key in place:
        if not isinstance(node, Map) or key not in node.entries:
            break
        node, mark = node.entries[key].node, node.entries[key].node.mark  # type: ignore[assignment]
    return mark


def _circles(arms: Arms, problems: Problems) -> None:
    """Each circle once, with all who are in it."""
    said: set[frozenset[Step]] = set()
    for name, items in arms.items():
        for index, item in enumerate(items):
            takes = [place for place, _ in taken(item.piece.model)]
            way = _way_back((name, index), (name, index), arms, set()) if takes else ()
            if way and frozenset(way) not in said:
                said.add(frozenset(way))
                named = " <- ".join(f"{arms[arm][place].stream!r} of arm {arm!r}" for arm, place in (*way, way[0]))
                problems.add(_mark(item.piece, takes[0]), f"arms take from each other in a circle: {named}")


def _way_back(step: Step, goal: Step, arms: Arms, seen: set[Step]) -> tuple[Step, ...]:
    """Stages from ``step`` on, each of which needs the next and the last one ``goal``; () where none do."""
    seen.add(step)
    for other in _needed(step, arms):
        if other == goal:
            return (step,)
        if other not in seen and (way := _way_back(other, goal, arms, seen)):
            return (step, *way)
    return ()


def _needed(step: Step, arms: Arms) -> Iterator[Step]:
    """What has to be lived before a stage: what it takes, and the stage before it."""
    name, index = step
    for _, of in taken(arms[name][index].piece.model):
        place = gives_at([other.stream for other in arms[of.arm]], of)
        assert place is not None
        yield of.arm, place
    if index:
        yield name, index - 1
