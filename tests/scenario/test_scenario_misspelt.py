"""Every key of a scenario, misspelt once, gives a message at its place that names the key that was meant."""

from difflib import SequenceMatcher
from functools import cache

from hypothesis import assume, given, settings
from hypothesis import strategies as st

from devlearn.scenario.problems import Problems
from devlearn.scenario.yaml_nodes import List, Map, compose

NAMES = ("stages", "arms", "probes", "vary", "env_kwargs", "over")  # their keys are names, paths, or somebody else's


@cache
def keys(text: str) -> tuple[tuple[str, int, int, tuple[str, ...]], ...]:
    """(key, line, column, the keys beside it) for every key of the grammar."""
    found = []

    def walk(node, inside):
        if isinstance(node, Map):
            for key, entry in node.entries.items():
                if inside not in NAMES:
                    found.append((key, entry.mark.line, entry.mark.column, tuple(node.entries)))
                walk(entry.node, key if inside not in NAMES else "")
        for item in node.items if isinstance(node, List) else ():
            walk(item, "")

    walk(compose(text, "file.yaml", Problems()), "")
    return tuple(found)


def misspell(key: str, kind: str, at: int, letter: str) -> str:
    at %= len(key)
    return {
        "drop": key[:at] + key[at + 1 :],
        "double": key[: at + 1] + key[at:],
        "swap": key[:at] + key[at + 1 : at + 2] + key[at] + key[at + 2 :],
        "replace": key[:at] + letter + key[at + 1 :],
        "insert": key[:at] + letter + key[at:],
    }[kind]


def test_all_kinds_of_key_are_tried(valid):
    names = {key for key, *_ in keys(valid)}
    assert {
        "devlearn",
        "seeds",
        "kind",
        "width",
        "learning_rate",
        "at_least",
        "use",
        "set",
        "by",
        "every",
        "pairs",
        "looks",
        "levels",
        "select",
        "from",
        "pin",
        "over",
    } <= names
    assert not names & {"play", "matched", "digits", "size"}


@settings(max_examples=300, deadline=None, derandomize=True)
@given(
    which=st.integers(0, 200),
    kind=st.sampled_from(["drop", "double", "swap", "replace", "insert"]),
    at=st.integers(0, 20),
    letter=st.sampled_from("abcdefghijklmnopqrstuvwxyz_"),
)
def test_a_misspelt_key_is_named(valid, problems, which, kind, at, letter):
    every = keys(valid)
    key, line, column, beside = every[which % len(every)]
    wrong = misspell(key, kind, at, letter)
    assume(wrong and wrong != key and wrong not in beside)
    rows = valid.splitlines()
    row = rows[line - 1]
    rows[line - 1] = row[: column - 1] + wrong + row[column - 1 + len(key) :]
    here = [text for text in problems("\n".join(rows)) if text.startswith(f"file.yaml:{line}:{column}: ")]
    assert len(here) == 1 and f"unknown key {wrong!r}" in here[0]
    _, _, hint = here[0].partition("; ")
    closer = [
        name for name in hint.split("'") if hint.startswith("did") and likeness(wrong, name) >= likeness(wrong, key)
    ]
    assert key in hint or (closer and closer != [key]), here[0]


def likeness(one: str, other: str) -> float:
    return SequenceMatcher(None, other, one).ratio()
