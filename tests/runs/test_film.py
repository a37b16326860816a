"""Films of learners: what is read back is the episode that the probe measured, step by step."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import devlearn
from tests.commands import call

TINY = """devlearn: 1
scenario: tiny
about: A question
seeds: [4, 9]
brain: {kind: mlp, width: [8]}
stages: {walk: {kind: trial.ppo, env: devlearn/KeyCorridor-v0, env_steps: 64, num_envs: 2, rollout: 16}}
arms: {plain: [walk]}
probes:
  key: {kind: return, env: devlearn/KeyCorridor-v0, episodes: 1, worst: 0}
  few: {kind: return, env: devlearn/KeyCorridor-v0, episodes: 1, limit: 5, sampled: true, worst: 0}
compare: {probe: key, smallest_effect: 0.01}
"""


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> devlearn.Run:
    folder = tmp_path_factory.mktemp("film")
    (folder / "tiny.yaml").write_text(TINY)
    return devlearn.run(folder / "tiny.yaml", out=folder / "out", report=False, progress=False)


def steps(run: devlearn.Run, probe: str, seed: int) -> int:
    """How long the episode was that is on record, at the end of life."""
    wanted = {"seed": seed, "probe": probe, "metric": "length", "moment": "end"}
    (row,) = (row for row in run.rows("probes") if wanted.items() <= row.items())
    return int(row["value"])


def read_gif(path: Path) -> tuple[list[np.ndarray[Any, Any]], float, str]:
    """Frames, how long all of them stand (ms), and the comment."""
    from PIL import Image, ImageSequence

    with Image.open(path) as film:
        comment = film.info["comment"].decode()
        frames = [(np.asarray(one.convert("RGB")), one.info["duration"]) for one in ImageSequence.Iterator(film)]
    return [frame for frame, _ in frames], sum(duration for _, duration in frames), comment


def test_a_gif_shows_every_step_of_the_episode_that_was_measured(run: devlearn.Run) -> None:
    path = run.hand_over("plain", 9, "gif")
    frames, duration, comment = read_gif(path)
    assert path.name == "plain-seed9.gif" and json.loads(comment)["probe"] == "key"
    assert (
        json.loads(comment)["seed"] == "9" and duration == (steps(run, "key", 9) + 1) * 100
    )  # one that stands, longer
    assert frames[0].shape[0] >= 240 and frames[0].std() > 0
    again = run.hand_over("plain", 9, "gif", run.folder.parent / "again")
    assert again.read_bytes() == path.read_bytes()


def test_another_probe_films_its_own_episode(run: devlearn.Run) -> None:
    _, duration, _ = read_gif(run.hand_over("plain", 4, "gif", run.folder.parent / "few", probe="few"))
    assert duration == (steps(run, "few", 4) + 1) * 100 == 600


def test_an_mp4_shows_the_same_pictures(run: devlearn.Run) -> None:
    ffmpeg = pytest.importorskip("imageio_ffmpeg", reason="needs imageio_ffmpeg: pip install 'devlearn[video]'")
    folder = str(run.folder)
    done = call("export", folder, "--to", "mp4", "--arm", "plain", "--seed", "4", "--probe", "few")
    assert done.exit_code == 0, done.output
    reader = ffmpeg.read_frames(done.stdout.strip())
    about = next(reader)
    width, height = about["size"]
    frames = [np.frombuffer(frame, np.uint8).reshape(height, width, 3) for frame in reader]
    assert len(frames) == steps(run, "few", 4) + 1 and about["fps"] == 10
    shown, _, _ = read_gif(run.hand_over("plain", 4, "gif", run.folder.parent / "both", probe="few"))
    assert frames[0].shape == shown[0].shape
    assert np.abs(frames[0].astype(int) - shown[0].astype(int)).mean() < 8  # what compression loses
    assert np.abs(frames[-1].astype(int) - shown[-1].astype(int)).mean() < 8


def test_what_can_not_be_filmed_says_so(run: devlearn.Run, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = str(run.folder)
    gif = ("--to", "gif", "--arm", "plain")
    for arguments, message in {
        ("--to", "gif"): "name its --arm, one of plain",
        (*gif, "--probe", "kee"): "no probe 'kee' of the kind return; there are: key, few",
        ("--to", "csv", "--probe", "key"): "--probe chooses an episode, for mp4 and gif, not for csv",
    }.items():
        done = call("export", folder, *arguments)
        assert done.exit_code == 2 and message in done.output, (arguments, done.output)
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    done = call("export", folder, "--to", "mp4", "--arm", "plain")
    assert done.exit_code == 2 and "pip install 'devlearn[video]'" in done.output, done.output
