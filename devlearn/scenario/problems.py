"""What is wrong with a scenario file, and where."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from devlearn.registry import nearest


@dataclass(frozen=True)
class Mark:
    """A place in a file, counted from 1. Line 0 stands for the file as a whole."""

    file: str
    line: int = 0
    column: int = 0


@dataclass(frozen=True)
class Problem:
    """One mistake: ``file.yaml:12:5: unknown key 'learning_rte'; did you mean 'learning_rate'?``."""

    file: str
    line: int
    column: int
    message: str

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}:{self.column}" if self.line else self.file
        return f"{place}: {self.message}"


MOST_PROBLEMS = 100  # that are told of one file


class ScenarioError(Exception):
    """All mistakes of a scenario at once; ``str()`` is one per line."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(problems)
        shown = [str(problem) for problem in self.problems[:MOST_PROBLEMS]]
        if len(self.problems) > len(shown):
            last = self.problems[-1]
            place = f"{last.file}:{last.line}:{last.column}"
            shown.append(f"{place}: and so on to here: {len(self.problems) - len(shown):,} more mistakes")
        super().__init__("\n".join(shown))

    @classmethod
    def at(cls, mark: Mark, message: str) -> "ScenarioError":
        """An error of one problem."""
        return cls([Problem(mark.file, mark.line, mark.column, message)])


@dataclass
class Problems:
    """Collects mistakes, and notes on what is no mistake and should be mended all the same; each once."""

    mistakes: dict[Problem, None] = field(default_factory=dict)
    notes: dict[Problem, None] = field(default_factory=dict)

    def add(self, mark: Mark, message: str) -> None:
        self.mistakes[Problem(mark.file, mark.line, mark.column, message)] = None

    def note(self, mark: Mark, message: str) -> None:
        self.notes[Problem(mark.file, mark.line, mark.column, message)] = None

    def at(self, mark: Mark) -> bool:
        """Whether a mistake is known at a place."""
        return any((said.file, said.line, said.column) == (mark.file, mark.line, mark.column) for said in self.mistakes)

    def include(self, other: "Problems") -> None:
        """All that another one holds."""
        self.mistakes.update(other.mistakes)
        self.notes.update(other.notes)

    def check(self) -> None:
        """Raises ScenarioError if there is any mistake."""
        if self.mistakes:
            raise ScenarioError(in_reading_order(self.mistakes))


def in_reading_order(problems: Iterable[Problem]) -> tuple[Problem, ...]:
    """Sorted by place, files in the order in which they come first."""
    listed = tuple(problems)
    files = list(dict.fromkeys(problem.file for problem in listed))
    return tuple(sorted(listed, key=lambda problem: (files.index(problem.file), problem.line, problem.column)))


MOST_NAMES, LONGEST_NAME = 40, 200  # in a message; of a name that is worth comparing with others


def hint(name: str, known: Iterable[str]) -> str:
    """The end of a message about an unknown name: the nearest valid one, or all of them."""
    names = tuple(known)
    likely = nearest(name, names) if len(name) <= LONGEST_NAME else None
    if likely:
        return f"; did you mean {likely!r}?"
    more = f" and {len(names) - MOST_NAMES} more" if len(names) > MOST_NAMES else ""
    return f"; there are: {', '.join(names[:MOST_NAMES])}{more}" if names else "; there are none"
