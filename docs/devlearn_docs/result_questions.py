"""All questions that were asked of one test set, as one family, for the pages."""

from collections import Counter
from collections.abc import Sequence

from devlearn.evidence.text.published import value, word
from devlearn.runs.family import OUT_OF_REACH, UNKNOWN, Question, family
from devlearn_docs.result_table import joined, p_adjusted, p_of, table


def questions(split: str) -> str:
    """All questions that studies ask of a split, as one family, and what of their words it leaves."""
    found = family(split)
    asked = found.questions
    late = ", ".join(f"{name} ({n})" for name, n in found.waiting.items())
    waiting = f"Declared and not recorded yet at this version, so counted as p = 1: {late}."
    if not asked:
        return waiting if late else f"No study asks anything of {split}."
    heads = ["study", "where", "arm", "against", "difference", "p", "in its study", "over all", "verdict", "holds"]
    size = len(asked) + sum(found.waiting.values())
    studies_ = len({one.study for one in asked})
    parts = [f"{len(asked)} answers of {studies_} studies, in a family of {size} questions. {_left(asked)}"]
    return "\n\n".join([*parts, *([waiting] if late else []), table(heads, list(map(_question, asked)))])


def _left(asked: Sequence[Question]) -> str:
    """How many claims hold over the whole family, and in which studies the others are."""
    claims = [one for one in asked if one.holds]
    said = (
        f"Of {len(claims)} claims (better, worse, equivalent, identical) {_held(claims, 'yes')} hold over all questions"
    )
    rest = {"no": "do not", OUT_OF_REACH: "are out of reach", UNKNOWN: "wait for a p of equivalence on record"}
    others = [
        f"{_held(claims, word)} {text} ({_by_study(claims, word)})"
        for word, text in rest.items()
        if _held(claims, word)
    ]
    return f"{joined([said, *others])}."


def _held(claims: Sequence[Question], word: str) -> int:
    return sum(one.holds == word for one in claims)


def _by_study(claims: Sequence[Question], word: str) -> str:
    found = Counter(one.study for one in claims if one.holds == word)
    return ", ".join(f"{name} {count}" for name, count in found.items())


def _question(one: Question) -> list[str]:
    pair, plain = one.pair, [one.study, one.where, one.pair.arm, one.pair.against]
    difference = "" if pair.difference is None else value(pair.difference, pair.interval, one.point.unit, sign=True)
    same = pair.verdict == "equivalent"
    over_all = one.p if not same else one.same if pair.p_equivalence is not None else None
    ps = [p_of(pair, pair.p_of_word()[0]), p_adjusted(pair), p_of(pair, over_all)]
    return [*plain, difference, *ps, word(pair, one.point), one.holds]
