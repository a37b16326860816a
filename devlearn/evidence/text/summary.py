"""What came out, in a few sentences: who failed, then every verdict where they are few, else how many of each."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

from devlearn.evidence.text.comparison import (
    FEW,
    NEVER,
    PHRASES,
    TRUSTED,
    failed,
    limits,
    look_of,
    never,
    no_result,
    one_draw,
    phrase,
    sentences,
    smaller_possible,
    unless,
    unreachable,
    unseen,
    wholly_failed,
)
from devlearn.evidence.text.formats import listed, plural, samples, size
from devlearn.evidence.text.history import chosen_seeds
from devlearn.evidence.text.points import axis, brief, place, setting, settings
from devlearn.evidence.text.reasons import render_note
from devlearn.records.results import Comparison, Comparisons, PairResult

GONE = ("diverged", "diverged")  # the code of the warning, and the word
PAIRS = 4  # of a point that are reported one by one over several points
POINTS = 2  # that are reported one by one; of more the report's tables tell each

Points = Sequence[Comparison]


def render_text(found: Comparisons) -> list[str]:
    """The headline, a sentence for each pair of each point, and each limit of the claim once."""
    each = [sentence for point in found.points for sentence in sentences(point)]
    return [headline(found), *each, *limits_of(found)]


def limits_of(found: Comparisons) -> list[str]:
    """Each limit of the claim once."""
    return list(dict.fromkeys(limit for point in found.points for limit in limits(point)))


def headline(found: Comparisons) -> str:
    """What came out, in a few sentences: failures before differences."""
    points = found.points
    return f"{_narrowed(points)}{failures(points)}{_differences(points)}{_unpaired(points)}{chosen_seeds(points)}"


def _differences(points: Points) -> str:
    """The verdicts, or that so few seeds can't settle any."""
    if unsettled := _unsettled(points):
        return unsettled
    outcomes = [_outcome(point) for point in points]
    alike = len(points) > 1 and len(set(outcomes)) == 1
    key = axis([settings(point.point) for point in points]) if len(points) > 1 else None
    told = points[: 1 if alike else None]
    if sum(len(point.comparisons) for point in told) > FEW or (len(told) > POINTS and told[0].comparisons):
        text = _over(points, key) if key and len(points[0].comparisons) <= PAIRS else ""
        text = f"{text or f'{_tally(points)}{_unbeaten(points)}'}{_qualified(points)}"
    elif alike:
        text = f"At all {len(points)} points of {listed(list(settings(points[0].point)))}: {outcomes[0]}"
    else:
        text = " ".join(f"{place(point.point)}{outcome}" for point, outcome in zip(points, outcomes, strict=True))
    return text


def _unsettled(points: Points) -> str:
    """``Undecided: 6 seeds can't settle 6 comparisons.``, where all that was compared is open for that reason."""
    short = [warning for point in points for warning in point.warnings if warning.code == "out_of_reach"]
    words = {pair.suggests for point in points for pair in point.comparisons if pair.suggests != "incomplete"}
    if words != {"undecided"} or len(short) < len(points):
        return ""
    fields: Any = short[0].fields
    many, family = samples(fields["n"], fields["seeds"]), fields["family"]
    what = plural(family, "comparison") if family > 1 else "it, whatever the difference"
    over = f" at {fields['looks']} looks" * (fields["looks"] > 1)
    return f"Undecided: {many} can't settle {what}{over}.{_missing(points)}"


def _missing(points: Points) -> str:
    """`` Not comparable yet: A against B. Not comparable: A against C.``, the latter though all jobs are done."""
    pairs = [pair for point in points for pair in point.comparisons]
    missing = [pair for pair in pairs if pair.suggests == "incomplete"]
    yet, lost = ([pair for pair in missing if never(pair) == over] for over in (False, True))
    why = list(dict.fromkeys(f" ({text})" for text in map(no_result, points) if text))
    text = f" Not comparable yet: {_which(yet, len(pairs))}." if yet else ""
    return f"{text} Not comparable: {_which(lost, len(pairs))}{why[0] if len(why) == 1 else ''}." if lost else text


def failures(points: Points) -> str:
    """``All 6 learners of wild diverged. ``: who ended with an error, then who diverged; nothing where nobody did."""
    return "".join(_failed(points, code, word) for code, word in (("failed", "ended with an error"), GONE))


def _failed(points: Points, code: str, word: str) -> str:
    found: dict[str, list[tuple[int, int]]] = {}
    for point in points:
        for warning in point.warnings:
            if warning.code == code:
                known: Any = warning.fields
                found.setdefault(known["arm"], []).append((known[code], known["seeds"]))
    if not found:
        return ""
    if len(found) > PAIRS:
        gone, of = (sum(one[side] for counts in found.values() for one in counts) for side in (0, 1))
        return f"{gone} of {of} learners of {len(found)} arms {word}. "
    text = listed([_share_of(arm, counts, len(points), word) for arm, counts in found.items()])
    return f"{text[0].upper()}{text[1:]}. "


def _share_of(arm: str, counts: Sequence[tuple[int, int]], points: int, word: str) -> str:
    """``all 6 learners of wild diverged at 2 of 3 points``."""
    gone, of = (sum(one[side] for one in counts) for side in (0, 1))
    where = (
        "" if points == 1 else " at every point" if len(counts) == points else f" at {len(counts)} of {points} points"
    )
    if gone == of and len(set(counts)) == 1:
        who = f"all {counts[0][1]} learners" if counts[0][1] > 1 else "the learner"
        return f"{who} of {arm} {word}{where}"
    return f"{gone} of {of} learners of {arm} {word}{where}"


def _narrowed(points: Points) -> str:
    """What a headline has to begin with: exploratory and why, which look, for which one draw."""
    why = list(dict.fromkeys(render_note(reason) for point in points for reason in point.exploratory_reasons))
    parts = [f"exploratory, {'; '.join(why)}"] if why else []
    parts += list(dict.fromkeys(look_of(point.look) for point in points if point.look and point.look.planned))
    parts += [one_draw(points[0].pin)] if points[0].pin else []
    text = ", ".join(parts)
    return f"{text[0].upper()}{text[1:]}: " if text else ""


def _outcome(found: Comparison) -> str:
    if not found.comparisons:
        return f"{plural(len(found.arms), 'arm')}, no comparison declared."
    grouped: dict[str, dict[str, list[str]]] = {}
    for pair in found.comparisons:
        grouped.setdefault(pair.arm, {}).setdefault(phrase(pair), []).append(pair.against)
    each = {
        arm: [f"{said} {listed(others[said])}" for said in (*PHRASES.values(), NEVER) if said in others]
        for arm, others in grouped.items()
    }
    text = " ".join(f"{arm} {listed(clauses)}." for arm, clauses in each.items())
    return f"{text}{_qualified([found])}"


def _qualified(points: Points) -> str:
    """What belongs to the words: which are fragile, which effects may be small, and how many may fail unseen."""
    pairs = [(pair, point) for point in points for pair in point.comparisons]
    parts = []
    if hollow := [pair for pair, _ in pairs if wholly_failed(pair)]:
        one = "All learners of one side failed and count with the worst value"
        parts.append(f"{one}: {_which(hollow, len(pairs))}.")
    if weak := [pair for pair, point in pairs if pair.fragile and not unreachable(pair, point)]:
        parts.append(f"Fragile: {_which(weak, len(pairs))}.")
    if small := [pair for pair, point in pairs if smaller_possible(pair, point)]:
        words = listed(list(dict.fromkeys(pair.suggests for pair in small)))
        least = size(points[0].smallest_effect, points[0].unit)
        which = _which(small, len(pairs))
        parts.append(f"{words.capitalize()}, but perhaps by less than the smallest effect, {least}: {which}.")
    if text := unseen([pair for pair, _ in pairs]):
        held = [pair for pair, _ in pairs if pair.unless is None and pair.suggests in TRUSTED]
        loose = [pair for pair, _ in pairs if unless(pair) is not None]
        if len(held) <= len(loose) and not any(failed(pair) for pair, _ in pairs):
            which = f"All of this{f' but {_which(held, len(pairs))}' if held else ''} holds"
        else:
            which = f"{_which(loose, len(pairs))} hold{'s' * (len(loose) == 1)}"
        parts.append(f"{which} unless some fail: {text}.")
    return "".join(f" {part}" for part in parts)


def _unpaired(points: Points) -> str:
    """`` Unpaired, as the seed of X does not decide what it shows: A against B.``; nothing where none is for that."""
    pairs = [pair for point in points for pair in point.comparisons]
    hanging = [pair for pair in pairs if pair.undetermined]
    if not hanging:
        return ""
    envs = list(dict.fromkeys(env for pair in hanging for env in pair.undetermined))
    return f" Unpaired, as the seed of {listed(envs)} does not decide what it shows: {_which(hanging, len(pairs))}."


def all_unless(points: Points) -> bool:
    """Whether every verdict of a pair in which nobody failed holds unless some do, so that saying it once is enough."""
    decided = [pair for point in points for pair in point.comparisons if pair.suggests in TRUSTED]
    words = [unless(pair) is not None for pair in decided if not failed(pair)]
    return bool(words) and all(words)


def _which(pairs: Sequence[PairResult], of: int) -> str:
    if len(pairs) == of:
        return "all pairs" if of > 1 else "this pair"
    if len(pairs) > PAIRS:
        return f"{len(pairs)} of {of} pairs"
    return listed([f"{pair.arm} against {pair.against}" for pair in pairs])


def _over(points: Points, key: str) -> str:
    """Each pair once, with its verdicts over the values of ``key``."""
    values = [settings(point.point)[key] for point in points]
    each = []
    for pairs in zip(*(point.comparisons for point in points), strict=True):
        words = ["not comparable" if never(pair) else pair.suggests for pair in pairs]
        known = [word for word in (*PHRASES, "not comparable") if word in words]
        at = {word: [place for place, own in enumerate(words) if own == word] for word in known}
        clauses = [f"{word} {_among(values, own)}" for word, own in at.items()]
        each.append(f"{pairs[0].arm} against {pairs[0].against}: {', '.join(clauses)}")
    named = [brief(value) for value in values]
    over = f"{key} = {listed(named)}"
    if len(values) > POINTS:
        over = f"{len(values)} values of {key}, {named[0]} to {named[-1]}"
    return f"Over {over}: {'; '.join(each)}."


def _among(values: Sequence[Any], own: Sequence[int]) -> str:
    """``at every``, ``at 10 and 100``, ``from 10 to 1000``, ``at 3 of 5``: some places of the values of a key."""
    if len(own) == len(values):
        return "at every"
    if len(own) <= POINTS:
        return f"at {listed([brief(values[place]) for place in own])}"
    run = [values[place] for place in own]
    numbers = all(isinstance(value, int | float) for value in run)
    if numbers and own[-1] - own[0] == len(own) - 1 and run in (sorted(run), sorted(run, reverse=True)):
        return f"from {brief(run[0])} to {brief(run[-1])}"
    return f"at {len(own)} of {len(values)}"


def _tally(points: Points) -> str:
    """How many pairs came out how."""
    counts = Counter[str](pair.suggests for point in points for pair in point.comparisons)
    first, *rest = (word for word in PHRASES if counts[word])
    over = f" over {len(points)} points" * (len(points) > 1)
    if not rest:
        return f"The verdict is {first} in all {counts.total()} pairs{over}."
    parts = [
        f"{first} in {counts[first]} of {counts.total()} pairs{over}",
        *(f"{word} in {counts[word]}" for word in rest),
    ]
    return f"The verdict is {listed(parts)}."


def _unbeaten(points: Points) -> str:
    """Which arms that stand first in a pair won all of theirs, and where; nothing where all verdicts agree."""
    pairs = [pair for point in points for pair in point.comparisons]
    if len({pair.suggests for pair in pairs}) == 1:
        return ""
    groups: dict[str, list[str]] = {}
    for arm in dict.fromkeys(pair.arm for pair in pairs):
        won = [_wins(arm, point) for point in points]
        if any(won):
            groups.setdefault(_where(points, won), []).append(arm)
    clauses = [f"{_those(arms)}{where}" for where, arms in groups.items()]
    return f" {'; '.join(clauses)}." if clauses else " No arm beats every arm that it is paired with."


def _wins(arm: str, found: Comparison) -> bool:
    """Whether ``arm`` beats all that it is paired with, on whichever side of a pair it stands."""
    own = [(pair.suggests, "better") for pair in found.comparisons if pair.arm == arm]
    own += [(pair.suggests, "worse") for pair in found.comparisons if pair.against == arm]
    return bool(own) and all(word == won for word, won in own)


def _where(points: Points, won: Sequence[bool]) -> str:
    if all(won):
        return ""
    if sum(won) > 2:
        return f" at {sum(won)} of {len(won)} points"
    return f" at {listed([setting(point.point) for point, wins in zip(points, won, strict=True) if wins])}"


def _those(arms: Sequence[str]) -> str:
    if len(arms) == 1:
        return f"{arms[0]} beats every arm that it is paired with"
    who = listed(arms) if len(arms) <= FEW else f"{len(arms)} arms"
    return f"{who} beat every arm that they are paired with"
