"""How far back: the optimum beside what was reached, and a plot for all who were asked the same."""

import re
from pathlib import Path

import numpy as np

from devlearn.report import figures
from devlearn.report.svg import drawing
from tests.commands import said

ANSWERS = [(0.9, 0.85, 0.95), (0.7, 0.6, 0.8)]
SCENARIO = """
devlearn: 1
scenario: corridors
seeds: 2
brain: {kind: mlp, width: [4], memory: gru}
stages: {maze: {kind: trial.ppo, env: devlearn/TMaze-v0, env_kwargs: {flip: 0}, env_steps: 64, num_envs: 4, rollout: 8}}
arms: {maze: [maze]}
probes: {memory: {kind: recall, lags: [1, 3], env_kwargs: {flip: 0.1}, episodes: 2}}
compare: {probe: memory}
vary:
  - {brain.memory: none, stages.maze.env_kwargs.flip: 0.1}
  - {brain.memory: gru, stages.maze.env_kwargs.flip: 0.1}
  - {brain.memory: gru, stages.maze.env_kwargs.flip: 0.2, probes.memory.env_kwargs.flip: 0.2}
"""


def test_the_optimum_is_drawn_and_told() -> None:
    with drawing():
        shown = figures.recall({"gru": ANSWERS, "gone": [None, None]}, [2, 4], [0.95, 0.8], "back", "memory")
    assert shown is not None
    (axes,) = shown.figure.axes
    dashed = axes.lines[0]
    assert dashed.get_linestyle() != "-" and list(dashed.get_ydata()) == [0.95, 0.8]
    assert "gru 90.00 % at 2 and 70.00 % at 4; the best possible 95.00 % at 2" in shown.alt and "gone" not in shown.alt
    with drawing():
        bare = figures.recall({"gru": ANSWERS}, [2, 4], None, "back", "memory")
    assert bare is not None and "best" not in bare.alt and "Dashed" not in bare.caption
    assert figures.recall({"gone": [None, None]}, [2, 4], None, "back", "memory") is None


def test_long_names_are_whole_and_bands_end_where_shares_do() -> None:
    long = "FrameStackObservation 8, noise 0.05, a memory"
    with drawing():
        shown = figures.recall({"gru": [(1.0, 0.9, 1.1)] * 2, long: [(0.1, -0.1, 0.3)] * 2}, [2, 4], None, "b", "m")
    assert shown is not None
    assert [text.get_text() for text in shown.figure.texts] == [long, "gru"]
    (axes,) = shown.figure.axes
    heights = np.concatenate([path.vertices[:, 1] for band in axes.collections for path in band.get_paths()])
    assert heights.min() == 0 and heights.max() == 1


def test_points_with_one_optimum_stand_in_one_plot(tmp_path: Path) -> None:
    path, run = tmp_path / "corridors.yaml", tmp_path / "run"
    path.write_text(SCENARIO)
    said("run", path, "--out", run)
    drawn = sorted(file.name for file in (run / "figures").glob("memory-recall-*.svg"))
    assert drawn == ["memory-recall-0.svg", "memory-recall-1.svg"]
    page = (run / "report.html").read_text(encoding="utf-8")
    told = re.findall(r"Right answers over lags: none [^;]*; gru [^;]*; the best possible ([^\"]*)\.", page)
    assert told == ["90.00 % at 1 and 75.60 % at 3"]  # of the two points with flip .1
    assert "the best possible 80.00 % at 1 and 60.80 % at 3" in page
    assert "Dashed: the best that any agent can get, 82.80 %." in page  # in the curve of the mean over lags
