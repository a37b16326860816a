"""How results stand on a page: tables, lists of words, a p beside its word."""

from devlearn.evidence.text.published import chance
from devlearn.records.published import StudyPair
from devlearn.runs.family import UNKNOWN

Rows = list[list[str]]


def table(heads: list[str], body: Rows) -> str:
    """A table as Markdown has it."""
    lines = [heads, ["---"] * len(heads), *body]
    return "\n".join(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in line)} |" for line in lines)


def joined(words: list[str]) -> str:
    """``a, b and c``."""
    return " and ".join(filter(None, [", ".join(words[:-1]), words[-1]]))


def p_of(pair: StudyPair, p: float | None, missing: str = UNKNOWN) -> str:
    """A p of a pair as a cell: of equivalence it says so, and ``missing`` where it is not on record."""
    if pair.verdict != "equivalent":
        return chance(p)
    return missing if p is None else f"{chance(p)} (equivalence)"


def p_adjusted(pair: StudyPair) -> str:
    """The p that the word comes from, adjusted. Equivalent is a word for .05 at most, where nothing else is known."""
    return p_of(pair, pair.p_of_word()[1], "at most .05 (equivalence)")
