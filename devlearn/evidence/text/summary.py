"""What came out, in one or two sentences: every verdict where they are few, else how many there are of each."""

from collections import Counter
from collections.abc import Sequence

from devlearn.evidence.analysis.compare import Comparison, entries
from devlearn.evidence.text.comparison import FEW, PHRASES, limits, listed, look_of, one_draw, sentences
from devlearn.evidence.text.points import axis, place, setting, settings
from devlearn.records.reader import Json

PAIRS = 4  # of a point that are told one by one over several points


def words(comparison: Comparison) -> list[str]:
    """The headline, a sentence for each pair of each point, and each limit of the claim once."""
    bodies = entries(comparison)
    told = [sentence for body in bodies for sentence in sentences(body)]
    return [headline(comparison), *told, *limits_of(comparison)]


def limits_of(comparison: Comparison) -> list[str]:
    """Each limit of the claim once."""
    return list(dict.fromkeys(limit for body in entries(comparison) for limit in limits(body)))


def headline(comparison: Comparison) -> str:
    """What came out, in one or two sentences."""
    bodies = entries(comparison)
    outcomes = [_outcome(body) for body in bodies]
    alike = len(bodies) > 1 and len(set(outcomes)) == 1
    key = axis([settings(body["point"]) for body in bodies]) if len(bodies) > 1 else None
    if sum(len(body["comparisons"]) for body in bodies[: 1 if alike else None]) > FEW:
        text = _over(bodies, key) if key and len(bodies[0]["comparisons"]) <= PAIRS else ""
        text = text or f"{_tally(bodies)}{_unbeaten(bodies)}"
    elif alike:
        text = f"At all {len(bodies)} points of {listed(list(settings(bodies[0]['point'])))}: {outcomes[0]}"
    else:
        text = " ".join(f"{place(body)}{outcome}" for body, outcome in zip(bodies, outcomes, strict=True))
    return f"{_narrowed(bodies)}{text}"


def _narrowed(bodies: Sequence[Json]) -> str:
    """What a headline has to begin with: exploratory and why, which look, for which one draw."""
    why = list(dict.fromkeys(reason for body in bodies for reason in body["exploratory_reasons"]))
    parts = [f"exploratory, {'; '.join(why)}"] if why else []
    parts += list(dict.fromkeys(look_of(body["look"]) for body in bodies if body["look"] and body["look"]["planned"]))
    parts += [one_draw(bodies[0]["pin"])] if bodies[0]["pin"] else []
    text = ", ".join(parts)
    return f"{text[0].upper()}{text[1:]}: " if text else ""


def _outcome(body: Json) -> str:
    if not body["comparisons"]:
        return f"{len(body['arms'])} arm{'s' * (len(body['arms']) > 1)}, no comparison declared."
    grouped: dict[str, dict[str, list[str]]] = {}
    for pair in body["comparisons"]:
        grouped.setdefault(pair["arm"], {}).setdefault(pair["suggests"], []).append(pair["against"])
    return " ".join(f"{arm} {_clauses(verdicts)}." for arm, verdicts in grouped.items())


def _clauses(verdicts: dict[str, list[str]]) -> str:
    clauses = [f"{PHRASES[word]} {listed(verdicts[word])}" for word in PHRASES if word in verdicts]
    return listed(clauses)


def _over(bodies: Sequence[Json], key: str) -> str:
    """Each pair once, with its verdicts over the values of ``key``."""
    values = [settings(body["point"])[key] for body in bodies]
    told = []
    for pairs in zip(*(body["comparisons"] for body in bodies), strict=True):
        found = [pair["suggests"] for pair in pairs]
        at = {word: [f"{value}" for value, own in zip(values, found, strict=True) if own == word] for word in PHRASES}
        clauses = [
            f"{word} at {'every' if len(own) == len(values) else listed(own)}" for word, own in at.items() if own
        ]
        told.append(f"{pairs[0]['arm']} against {pairs[0]['against']}: {', '.join(clauses)}")
    return f"Over {key} = {', '.join(map(str, values))}: {'; '.join(told)}."


def _tally(bodies: Sequence[Json]) -> str:
    """How many pairs came out how."""
    counts = Counter(pair["suggests"] for body in bodies for pair in body["comparisons"])
    words = [word for word in PHRASES if counts[word]]
    over = f" over {len(bodies)} points" * (len(bodies) > 1)
    if len(words) == 1:
        return f"The verdict is {words[0]} in all {counts.total()} pairs{over}."
    first, *rest = words
    parts = [
        f"{first} in {counts[first]} of {counts.total()} pairs{over}",
        *(f"{word} in {counts[word]}" for word in rest),
    ]
    return f"The verdict is {listed(parts)}."


def _unbeaten(bodies: Sequence[Json]) -> str:
    """Which arms that stand first in a pair won all of theirs, and where; nothing where all verdicts agree."""
    if len({pair["suggests"] for body in bodies for pair in body["comparisons"]}) == 1:
        return ""
    at = {arm: [_wins(arm, body) for body in bodies] for arm in dict.fromkeys(_firsts(bodies))}
    groups: dict[str, list[str]] = {}
    for arm, won in at.items():
        if any(won):
            groups.setdefault(_where(bodies, won), []).append(arm)
    clauses = [f"{_those(arms)}{where}" for where, arms in groups.items()]
    return f" {'; '.join(clauses)}." if clauses else " No arm beats every arm that it is paired with."


def _firsts(bodies: Sequence[Json]) -> list[str]:
    return [pair["arm"] for body in bodies for pair in body["comparisons"]]


def _wins(arm: str, body: Json) -> bool:
    """Whether ``arm`` beats all that it is paired with, on whichever side of a pair it stands."""
    own = [(pair["suggests"], "better") for pair in body["comparisons"] if pair["arm"] == arm]
    own += [(pair["suggests"], "worse") for pair in body["comparisons"] if pair["against"] == arm]
    return bool(own) and all(found == won for found, won in own)


def _where(bodies: Sequence[Json], won: Sequence[bool]) -> str:
    if all(won):
        return ""
    if sum(won) > 2:
        return f" at {sum(won)} of {len(won)} points"
    return f" at {listed([setting(body['point']) for body, wins in zip(bodies, won, strict=True) if wins])}"


def _those(arms: Sequence[str]) -> str:
    if len(arms) == 1:
        return f"{arms[0]} beats every arm that it is paired with"
    who = listed(arms) if len(arms) <= FEW else f"{len(arms)} arms"
    return f"{who} beat every arm that they are paired with"
