"""What arms say about each other: ``match`` and ``total``."""

from collections.abc import Mapping, Sequence

from devlearn.scenario.parts import Item
from devlearn.scenario.problems import Problems, hint
from devlearn.scenario.validate import text_of
from devlearn.scenario.yaml_nodes import Map

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
