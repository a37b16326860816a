"""Which arms share a plot of lines: all while they are few, else an arm with those that it is paired with."""

from collections.abc import Iterator, Sequence

from devlearn.records.results import Comparison

MOST = 10  # lines that one plot can tell apart
Family = tuple[str, list[str]]  # what its plots are called, and its arms


def families(body: Comparison) -> list[Family]:
    """The families of a point's arms, each arm in one at least, in the order of the pairs.

    A family is the arm that stands first in some pairs with their second arms; more than ``MOST`` arms make several,
    each with the first arm. Its arms stand in the order of the scenario. Few arms are one family without a name.
    """
    arms = list(body.arms)
    if len(arms) <= MOST:
        return [("", arms)]
    rivals: dict[str, list[str]] = {}
    for pair in body.comparisons:
        rivals.setdefault(pair.arm, []).append(pair.against)
    found = [(first, [first, *some]) for first, others in rivals.items() for some in _parts(others, MOST - 1)]
    paired = {arm for _, members in found for arm in members}
    found += [("arms without a pair", some) for some in _parts([arm for arm in arms if arm not in paired], MOST)]
    return [(name, sorted(members, key=arms.index)) for name, members in found]


def _parts(things: Sequence[str], most: int) -> Iterator[list[str]]:
    """As few parts as there can be, of about the same size."""
    parts = -(-len(things) // most)
    return (list(things[part * len(things) // parts : (part + 1) * len(things) // parts]) for part in range(parts))


def numbered(name: str, index: int, several: Sequence[Family]) -> str:
    """The name of a figure of which there is one for each family."""
    return name if len(several) == 1 else f"{name}-{index}"


def said_once(caption: str, family: str, first: bool) -> str:
    """What stands under the figure of a family: what all of them show is said under the first."""
    if not family:
        return caption
    return f"{family}: {caption}" if first else f"{family}: the same."
