"""What makes a run one of several, and whether it was registered, in words."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

from devlearn.evidence.text.formats import listed, plural
from devlearn.records.job_state import consecutive
from devlearn.records.results import Comparison, Comparisons

LONGEST = 40  # letters of a value in a sentence
MOST = 6  # differences that are named one by one
FEW = 2  # where several runs are named

Difference = Mapping[str, Any]  # {key, here, there}
Runs = Sequence[Mapping[str, Any]]  # [{folder, differs}]


def whether_registered(found: Comparisons) -> str:
    """A sentence on whether the question was registered."""
    note = found.points[0].registered
    text = STANDING[note.code](**note.fields)
    return f"{text[0].upper()}{text[1:]}."


def day(date: str) -> str:
    """The day of a moment on record."""
    return date.partition("T")[0]


def of_seeds(seeds: Sequence[int]) -> str:
    """``3, 7``; ``8 to 15`` where three or more follow each other."""
    runs = consecutive(seeds)
    return ", ".join(f"{run[0]} to {run[-1]}" if len(run) > 2 else ", ".join(map(str, run)) for run in runs)


def chosen_seeds(points: Sequence[Comparison]) -> str:
    """`` Seeds chosen: 3, 7.``, the end of a headline; nothing where they are 0 to n - 1."""
    found = next((one for point in points for one in point.warnings if one.code == "seeds_chosen"), None)
    if found is None:
        return ""
    fields: Any = found.fields
    return f" Seeds chosen: {of_seeds(fields['seeds'])}{', as registered' * bool(fields['registered'])}."


def _value(key: str, value: Any) -> str:
    """A value of a question, shortened."""
    if value is None or value == []:
        return "nothing"
    if key.rpartition(".")[2] == "seeds" and isinstance(value, list):
        return of_seeds(value)
    if key.rpartition(".")[2] == "pairs" and isinstance(value, list):
        return listed([" against ".join(pair) for pair in value])
    if isinstance(value, list):
        return ", ".join(map(str, value))
    text = str(value)
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 3]}..."


def differing(differs: Sequence[Difference], there: str, here: str, most: int = MOST) -> str:
    """``compare.smallest_effect 0.02 there, 0.01 here; ...``."""
    parts = []
    for one in differs[:most]:
        key = one["key"]
        if isinstance(one["here"], Mapping) or isinstance(one["there"], Mapping):
            parts.append(f"{key} only {there if one['here'] is None else here}")
        else:
            parts.append(f"{key} {_value(key, one['there'])} {there}, {_value(key, one['here'])} {here}")
    more = len(differs) - len(parts)
    return ", ".join([*parts, *([f"and {plural(more, 'more difference')}"] if more else [])])


def _seeds_chosen(seeds: Sequence[int], registered: bool) -> str:
    if registered:
        return f"the seeds {of_seeds(seeds)} were chosen, and are the registered ones"
    n = len(seeds)
    return (
        f"seeds were chosen: {of_seeds(seeds)}, and not 0 to {n - 1}; whoever tries several sets of seeds can pick the "
        "one whose answer is liked (devlearn register names them beforehand)"
    )


def _question_set(laid: Sequence[Mapping[str, Any]]) -> str:
    each = [
        f"{one['key']} = {_value(one['key'], one['set'])} (the file: {_value(one['key'], one['file'])})" for one in laid
    ]
    return f"the question was set by an option, and is not the file's: {'; '.join(each)}"


def _lived_beside(what: str, runs: Runs) -> str:
    each = "; ".join(f"{run['folder']} ({differing(run['differs'], 'there', 'here', FEW)})" for run in runs)
    folders = plural(len(runs), "run folder")
    return f"{folders} beside this one lived {what}: {each}; p values here are corrected for none of these"


def _departs(date: str, departs: Sequence[Difference]) -> str:
    return (
        f"the run departs from its registration of {day(date)}: {differing(departs, 'registered', 'now')}; what was "
        "registered is another question"
    )


def _registered_beside(date: str, runs: Sequence[str]) -> str:
    return (
        f"when it was registered, on {day(date)} by the file's word, {', '.join(runs)} lay there already, of the same "
        "lives with other seeds, or of the same scenario or one like it: what these answer may have been seen"
    )


def _doubtful(date: str, doubts: Sequence[Sequence[str]]) -> str:
    each = listed([DOUBTS[code](detail) for code, detail in doubts])
    return f"its registration{f', dated {day(date)} by its own word,' * bool(date)} is in doubt: {each}"


DOUBTS: dict[str, Callable[[str], str]] = {
    "gone": lambda _: "registration.json, which would show what was asked, is gone",
    "unreadable": lambda why: f"it can't be read ({why})",
    "unnoted": lambda _: "no command has found registration.json in this folder yet, so it was put there afterwards",
    "replaced": lambda sha256: f"the file is another than manifest.json has on record (sha256 {sha256[:16]})",
    "changed": lambda _: "its question was changed after it was written, as its digest is another",
    "begun": lambda begun: f"the folder had been begun before, at {begun}",
    "trained": lambda jobs: f"{plural(int(jobs), 'job')} had been trained here when the file arrived",
    "answered": lambda arrived: f"an answer had been seen here when it arrived, at {arrived}",
}


def _registered_elsewhere(registrations: Sequence[Mapping[str, Any]]) -> str:
    each = "; ".join(
        f"{one['file']}, dated {day(one['date'])} ({differing(one['differs'], 'registered', 'here')})"
        for one in registrations
    )
    return f"near this run lies what was registered of this scenario or one like it, and is not asked here: {each}"


def _records_altered(altered: Mapping[str, Sequence[str]]) -> str:
    each = listed([f"{_files(paths)} {how}" for how, paths in altered.items()])
    return (
        f"the records are not what they were when their jobs were done: {each}; what is said here may not be what was "
        "measured (delete these jobs' folders and run again)"
    )


def _files(paths: Sequence[str]) -> str:
    return ", ".join([*paths[:MOST], *([f"and {len(paths) - MOST} more"] if len(paths) > MOST else [])])


def _forgotten(files: Sequence[str]) -> str:
    return (
        f"{listed(list(files))} had been deleted: by the states of its jobs an answer was given before, and what else "
        "the folder remembered is not known"
    )


def _programs_differ(changes: Sequence[str]) -> str:
    return f"its learners were not all trained by the same program: {'; '.join(changes)}"


def _hangs_on_worst(
    arm: str, against: str, word: str, worst: float, diverged: int, others: Sequence[Sequence[str]]
) -> str:
    each = listed([f"{word} if they {_how(name)}" for name, word in others])
    who = plural(diverged, "seed")
    return (
        f"{arm} against {against}: the word {word!r} hangs on what diverged learners ({who}) count with, {worst:g}; it "
        f"would be {each}"
    )


def _how(name: str) -> str:
    return "were left out" if name == "left out" else f"counted with {name}"


def _worst_above_chance(measure: str, worst: float, chance: float) -> str:
    return (
        f"a learner that diverges counts with {worst:g} of {measure}, which is better than guessing, {chance:.3g}: "
        "divergence is rewarded; declare a worst that is no better than chance"
    )


HISTORY: dict[str, Callable[..., str]] = {
    "departs": _departs,
    "registered_beside": _registered_beside,
    "doubtful": _doubtful,
    "registered_elsewhere": _registered_elsewhere,
    "plan_edited": lambda: (
        "resolved.json is not what a command wrote: it was edited, so the question, the seeds or the arms may not be "
        "those that were run (put a copy back, or run the scenario into another folder)"
    ),
    "records_altered": _records_altered,
    "forgotten": _forgotten,
    "seeds_chosen": _seeds_chosen,
    "question_set": _question_set,
    "asked_elsewhere": partial(_lived_beside, "the same stages under another question"),
    "run_otherwise": partial(_lived_beside, "a scenario of this name, or one like it, otherwise"),
    "programs_differ": _programs_differ,
    "hangs_on_worst": _hangs_on_worst,
    "worst_above_chance": _worst_above_chance,
}


def _dated(date: str, by: str, digest: str) -> str:
    return f"dated {day(date)} by its own word{f', by {by}' * bool(by)} (sha256 {digest[:16]})"


STANDING: dict[str, Callable[..., str]] = {
    "registered": lambda date, by, digest: (
        f"registered in a file {_dated(date, by, digest)}; nothing on record here was run before, and only a copy of "
        "the sha256 where others see its date proves it"
    ),
    "departs": lambda date, by, digest: f"registered in a file {_dated(date, by, digest)}, and run otherwise",
    "doubtful": lambda date, by, digest: (
        f"not known to be registered: what is on record speaks against the registration {_dated(date, by, digest)}"
    ),
    "another_registered": lambda date, by, digest: (
        f"not registered: what was registered in a file {_dated(date, by, digest)} is another question"
    ),
    "not_registered": lambda: (
        "not registered: nothing shows that the question was asked before its answer was seen (devlearn register)"
    ),
}
