"""Progress on stderr: bars on a terminal, plain lines elsewhere."""

import math
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from rich.console import Console, Group
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from devlearn.records.job_state import JobInfo, View, span
from devlearn.runs.progress.eta import EtaEstimator, duration

TOLD = ("running", "failed", "not run")  # stages that have a line of their own; the others are counted
STYLES = {"running": "", "failed": "red", "not run": "red"}


@dataclass(frozen=True)
class Row:
    """One stage of one branch, over all its blocks of seeds."""

    arms: str
    stage: str
    share: float
    status: str
    metrics: Mapping[str, float]
    diverged: int
    env_processes: int

    @property
    def name(self) -> str:
        return f"{self.arms}\x1f{self.stage}"


def arms_label(arms: Sequence[str]) -> str:
    """``developmental`` or, for a branch that several arms live, ``developmental +2``."""
    return arms[0] if len(arms) == 1 else f"{arms[0]} +{len(arms) - 1}"


def rows(views: Sequence[View]) -> list[Row]:
    """A row for every stage of every branch, in the order of the plan."""
    branches: dict[str, list[View]] = {}
    for view in views:
        branches.setdefault(view.job.branch, []).append(view)
    return [_row(blocks, index) for blocks in branches.values() for index in range(len(blocks[0].job.stages))]


def _row(blocks: list[View], index: int) -> Row:
    job = blocks[0].job
    share = sum(view.share(index) for view in blocks) / len(blocks)
    here = [view for view in blocks if view.status == "running" and view.index == index]
    names = dict.fromkeys(name for view in here for name in view.metrics)
    metrics = {name: _mean([view.metrics[name] for view in here if name in view.metrics]) for name in names}
    diverged, processes = sum(view.diverged for view in here), max((view.env_processes for view in here), default=1)
    status = _status(blocks, index, share)
    return Row(arms_label(job.arms), job.stages[index], share, status, metrics, diverged, processes)


def _mean(values: Sequence[float]) -> float:
    known = [value for value in values if not math.isnan(value)]
    return sum(known) / len(known) if known else math.nan


def _status(blocks: list[View], index: int, share: float) -> str:
    if share == 1:
        return "done"
    stopped = [view.status for view in blocks if view.status in ("failed", "not run") and view.share(index) < 1]
    if stopped:
        return stopped[0]
    return "running" if any(view.status == "running" and view.index == index for view in blocks) else "waiting"


def overall(views: Sequence[View]) -> float:
    """The share of all work that is done, each job weighed by its estimated seconds."""
    total = sum(view.job.seconds for view in views)
    return sum(view.overall * view.job.seconds for view in views) / total if total else 1.0


def metric_text(metrics: Mapping[str, float], diverged: int, env_processes: int = 1) -> str:
    """How many learners diverged, where some did, the first metric, and the processes of environments, if several."""
    first = next(iter(metrics.items()), None)
    words = [f"{first[0]} {first[1]:.3g}"] if first and not math.isnan(first[1]) else []
    words += [f"environments in {env_processes} processes"] if env_processes > 1 else []
    return ", ".join([f"{diverged} diverged", *words] if diverged else words)


class Bars:
    """A bar for each stage that runs, a line for each that failed, the others counted; redrawn in place.

    Use as a context manager and call with the views.
    """

    def __init__(self, title: str, console: Console) -> None:
        self.title, self.console, self.rates, self.begun = title, console, EtaEstimator(), time.monotonic()
        self.live = Live(console=console, auto_refresh=False, transient=False)

    def __enter__(self) -> Self:
        self.live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.live.stop()

    def __call__(self, views: Sequence[View]) -> None:
        self.live.update(self._page(views), refresh=True)

    def _page(self, views: Sequence[View]) -> Group:
        every = rows(views)
        told = [row for row in every if row.status in TOLD]
        room = max(self.console.height - 5, 1)
        shown = told if len(told) <= room else self._most_telling(told, room)
        width = min(
            self.console.width - 4, 116
        )  # room for the ^C that a terminal echoes; an extra line would break redrawing
        table = Table.grid(padding=(0, 1))
        table.width = width
        for ratio, justify in ((4, "left"), (2, "left"), (3, "left")):
            table.add_column(ratio=ratio, justify=justify, no_wrap=True, overflow="ellipsis")  # type: ignore[arg-type]
        table.add_column(width=6, justify="right", no_wrap=True)
        table.add_column(width=7, justify="right", no_wrap=True)
        table.add_column(ratio=3, no_wrap=True, overflow="ellipsis")
        for row in shown:
            self._draw(table, row)
        self._draw_all(table, overall(views))
        passed = Text(f"{self.title}  {duration(time.monotonic() - self.begun)}", style="bold")
        if len(shown) == len(every):
            return Group(passed, table)
        hidden = Text(self._hidden(every, shown), style="dim", no_wrap=True, overflow="ellipsis")
        return Group(passed, table, hidden)

    def _most_telling(self, every: list[Row], room: int) -> list[Row]:
        """Where not all rows fit: what runs, then what failed."""
        order = {status: place for place, status in enumerate(TOLD)}
        chosen = sorted(range(len(every)), key=lambda i: (order[every[i].status], i))[:room]
        return [every[i] for i in sorted(chosen)]

    def _hidden(self, every: list[Row], shown: list[Row]) -> str:
        rest = [row.status for row in every if row not in shown]
        also = {row.status for row in shown}
        counted = (f"{rest.count(status)} {'more ' * (status in also)}{status}" for status in dict.fromkeys(rest))
        return f"stages: {', '.join(counted)}"

    def _draw(self, table: Table, row: Row) -> None:
        left = duration(self.rates.seconds_left(row.name, row.share)) if row.status == "running" else ""
        running = row.status == "running"
        mark = f"{row.share:.0%}" if running else row.status
        bar = ProgressBar(total=1, completed=row.share, complete_style="cyan") if running else ""
        words = metric_text(row.metrics, row.diverged, row.env_processes)
        table.add_row(Text(row.arms), row.stage, bar, mark, left, words, style=STYLES[row.status])

    def _draw_all(self, table: Table, share: float) -> None:
        left = duration(self.rates.seconds_left("", share)) if share < 1 else ""
        bar = ProgressBar(total=1, completed=share, complete_style="cyan", finished_style="green")
        table.add_row(Text("everything"), "", bar, f"{share:.0%}", left, "left" if left else "", style="bold")


class Lines:
    """A line for each job when it changes stage or ends, and at most one per ``pause`` seconds between."""

    def __init__(self, title: str, write: Callable[[str], None], pause: float = 10.0) -> None:
        self.title, self.write, self.pause, self.begun = title, write, pause, time.monotonic()
        self.said: dict[str, tuple[object, float]] = {}

    def __enter__(self) -> Self:
        self.write(self.title)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        return None

    def __call__(self, views: Sequence[View]) -> None:
        now = time.monotonic()
        if not self.said:
            self._say_what_was_done(views)
        for view in views:
            if view.status != "waiting":
                self._say(view, now, overall(views))

    def _say_what_was_done(self, views: Sequence[View]) -> None:
        """In one line, at the first look."""
        done = [view for view in views if view.status == "done"]
        self.said = {view.job.folder: ((view.status, view.index), 0.0) for view in done}
        if done:
            self.write(f"{len(done)} of {len(views)} jobs were done before")

    def _say(self, view: View, now: float, share: float) -> None:
        key = (view.status, view.index)
        last, when = self.said.get(view.job.folder, (None, -math.inf))
        if key == last and (view.status != "running" or now - when < self.pause):
            return
        self.said[view.job.folder] = (key, now)
        self.write(f"[{duration(now - self.begun)}, {share:.0%}] {_sentence(view)}")


def _sentence(view: View) -> str:
    job: JobInfo = view.job
    others = len(job.arms) - 1
    who = f"{job.arms[0]}{f' and {others} more' if others else ''}, seeds {span(job.seeds)}"
    if view.status != "running":
        return f"{who}: {view.status}"
    stage = job.stages[min(view.index, len(job.stages) - 1)]
    words = metric_text(view.metrics, view.diverged, view.env_processes)
    return f"{who}: {stage} {view.fraction:.0%}{f', {words}' if words else ''}"


def watcher(title: str) -> Bars | Lines:
    """Bars where stderr is a terminal, else lines."""
    console = Console(stderr=True)
    if console.is_terminal:
        return Bars(title, console)
    return Lines(title, lambda line: print(line, file=sys.stderr, flush=True))
