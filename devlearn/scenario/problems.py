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


class ScenarioError(Exception):
    """All mistakes of a scenario at once; ``str()`` is one per line."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(str(problem) for problem in self.problems))

    @classmethod
    def at(cls, mark: Mark, message: str) -> "ScenarioError":
        """An error of one problem."""
        return cls([Problem(mark.file, mark.line, mark.column, message)])


@dataclass
class Problems:
    """Collects mistakes, each once."""

    found: dict[Problem, None] = field(default_factory=dict)

    def add(self, mark: Mark, message: str) -> None:
        self.found[Problem(mark.file, mark.line, mark.column, message)] = None

    def sorted(self) -> tuple[Problem, ...]:
        """In reading order, files in the order of their first mistake."""
        files = list(dict.fromkeys(problem.file for problem in self.found))
        return tuple(sorted(self.found, key=lambda problem: (files.index(problem.file), problem.line, problem.column)))

    def check(self) -> None:
        """Raises ScenarioError if there is any mistake."""
        if self.found:
            raise ScenarioError(self.sorted())


def hint(name: str, known: Iterable[str]) -> str:
    """The end of a message about an unknown name: the nearest valid one, or all of them."""
    names = tuple(known)
    likely = nearest(name, names)
    if likely:
        return f"; did you mean {likely!r}?"
    return f"; there are: {', '.join(names)}" if names else "; there are none"
