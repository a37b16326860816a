"""What people see while a run goes on."""

import io
import math

from rich.console import Console

from devlearn.records.job_state import JobInfo, View, span
from devlearn.runs.progress.bars import Bars, Lines, overall, rows
from devlearn.runs.progress.eta import EtaEstimator, duration


def job(branch: str, arms: tuple[str, ...], stages: tuple[str, ...], first: int = 0) -> JobInfo:
    return JobInfo(
        f"jobs/{branch}/seeds-{first}", branch, arms, tuple(range(first, first + 8)), None, stages, len(stages)
    )


SHARED = ("developmental", "shuffled")
VIEWS = [
    View(job("school", ("random-init",), ("school",)), "done", 1, 1.0, 1.0),
    View(job("school", ("random-init",), ("school",), 8), "failed", 0, 0.5, 0.5),
    View(job("look", SHARED, ("waves", "look")), "running", 1, 0.5, 0.75, 100, {"loss": 0.25}),
    View(job("look", SHARED, ("waves", "look"), 8), "running", 1, 0.0, 0.5, 1, {"loss": 0.75}, 2),
    View(job("play", SHARED, ("play",)), "waiting"),
    View(job("play", SHARED, ("play",), 8), "not run"),
]


def test_a_row_for_each_stage_of_each_branch_over_its_blocks() -> None:
    found = rows(VIEWS)
    assert [(row.arms, row.stage, row.share, row.status) for row in found] == [
        ("random-init", "school", 0.75, "failed"),
        ("developmental +1", "waves", 1.0, "done"),
        ("developmental +1", "look", 0.25, "running"),
        ("developmental +1", "play", 0.0, "not run"),
    ]
    assert found[2].metrics == {"loss": 0.5} and found[2].diverged == 2
    just_begun = View(job("look", SHARED, ("waves", "look"), 16), "running", 1, 0.0, 0.5)
    assert rows([*VIEWS, just_begun])[2].metrics == {"loss": 0.5}
    assert overall(VIEWS) == (1 + 0.5 + 2 * 0.75 + 2 * 0.5) / 8


def test_bars_fit_a_terminal_of_80_columns() -> None:
    console = Console(file=io.StringIO(), force_terminal=True, width=80, height=24, color_system=None)
    with Bars("first-steps", console) as bars:
        bars(VIEWS)
    text = console.file.getvalue()  # type: ignore[attr-defined]
    lines = [line.rstrip() for line in text.split("\n")]
    assert any(
        "developmental +1" in line and "look" in line and "25%" in line and "2 diverged" in line for line in lines
    )
    assert any("everything" in line and "50%" in line for line in lines)
    assert "stages: 1 done" in lines  # who has no bar is counted
    assert not any("waves" in line for line in lines)


def test_where_rows_do_not_fit_the_running_ones_are_shown() -> None:
    many = [View(job(f"b{i}", (f"arm{i}",), ("school",)), "done", 1, 1.0, 1.0) for i in range(30)]
    console = Console(file=io.StringIO(), force_terminal=True, width=80, height=8, color_system=None)
    with Bars("x", console) as bars:
        bars([*many, View(job("z", ("last",), ("school",)), "running", 0, 0.1, 0.1)])
    text = console.file.getvalue()  # type: ignore[attr-defined]
    assert "last" in text and "stages: 30 done" in text


def test_lines_are_said_when_something_changes_and_not_too_often() -> None:
    said: list[str] = []
    running = job("look", SHARED, ("waves", "look"))
    before = View(job("school", ("random-init",), ("school",)), "done", 1, 1.0, 1.0)
    with Lines("first-steps", said.append, pause=math.inf) as lines:
        for index, share in ((0, 0.1), (0, 0.2), (1, 0.1), (1, 0.2)):
            lines([before, View(running, "running", index, share, share / 2, 10, {"loss": 0.5})])
        lines([before, View(running, "done", 2, 1.0, 1.0)])
        lines([before, View(running, "done", 2, 1.0, 1.0)])
    assert said[:2] == ["first-steps", "1 of 2 jobs were done before"]
    assert [line.partition("] ")[2] for line in said[2:]] == [
        "developmental and 1 more, seeds 0-7: waves 10%, loss 0.5",
        "developmental and 1 more, seeds 0-7: look 10%, loss 0.5",
        "developmental and 1 more, seeds 0-7: done",
    ]


def test_remaining_time_comes_from_the_pace_seen() -> None:
    clock = iter([0.0, 10.0, 20.0]).__next__
    rates = EtaEstimator(clock)
    assert rates.seconds_left("a", 0.5) is None
    assert math.isclose(rates.seconds_left("a", 0.6) or 0, 40)
    assert math.isclose(rates.seconds_left("a", 0.75) or 0, 20)
    assert [duration(s) for s in (None, 5, 65, 3700)] == ["", "0:05", "1:05", "1:01:40"]
    assert span((0, 1, 2)) == "0-2" and span((3, 7)) == "3,7" and span((4,)) == "4"
    assert span((5, 0, 1, 2, 9)) == "5,0-2,9"
