"""The probe ``recall``: each lag is what ``return`` measures there, and the span is the last that is reached."""

from typing import Any

import pytest
import torch
from pydantic import ValidationError

from devlearn.learners.brains import brain_builder
from devlearn.learners.cohort import Cohort
from devlearn.probes.recall import Recall
from devlearn.probes.returns import Return
from devlearn.tasks.envs import EnvSpec, LessonRefused
from devlearn.tasks.envs.optimum import optimum
from devlearn.tasks.envs.spec import Wrapper
from devlearn.testing import assert_ok
from devlearn.testing.probes import check_probe
from tests.laws.rows import measure

MAZE = "devlearn/TMaze-v0"
KEYS: dict[str, Any] = {"env": MAZE, "env_kwargs": {"flip": 0.1}, "lags": (1, 3, 6), "episodes": 8}
BRAIN = {"kind": "mlp", "width": [8], "memory": "gru"}


def learners(probe: Recall, brain: dict[str, Any] = BRAIN) -> Cohort:
    return Cohort(brain_builder(brain, probe.needs()), (0, 1, 2))


def test_every_lag_is_measured_as_an_environment_of_its_own() -> None:
    probe = Recall(**KEYS)
    cohort = learners(probe)
    found = measure(probe, cohort).values
    assert list(found) == ["recall", "span", "recall_1", "recall_3", "recall_6"] == list(probe.metrics_here())
    for lag in probe.lags:
        alone = measure(Return(env=MAZE, env_kwargs={"flip": 0.1, "length": lag}, episodes=8), cohort).values
        assert torch.equal(found[f"recall_{lag}"], alone["return"])
    each = torch.stack([found[f"recall_{lag}"] for lag in probe.lags])
    torch.testing.assert_close(found["recall"], each.mean(0))


@pytest.mark.parametrize(
    ("reached", "span"), [((1, 1, 1), 6), ((1, 0, 1), 1), ((0, 1, 1), 0), ((1, 1, 0), 3), ((0.75, 0.5, 1), 1)]
)
def test_the_span_ends_before_the_first_lag_that_is_not_reached(
    reached: tuple[float, ...], span: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    probe = Recall(**KEYS)
    shares = [torch.tensor([share, torch.nan]) for share in reached]
    told = dict(zip(("return", "return_length_3", "return_length_6"), shares, strict=True))
    found = type("Found", (), {"values": told, "pictures": {}})()
    monkeypatch.setattr(Return, "measure", lambda *_: found)
    steps = probe.measure(None, None, False).values["span"]  # type: ignore[arg-type]
    assert steps[0] == span and steps[1].isnan()


def test_the_probe_keeps_the_laws() -> None:
    assert_ok(check_probe("recall", KEYS))
    assert_ok(check_probe("recall", {"env": "devlearn/RepeatBack-v0", "lag": "k", "lags": (1, 2), "episodes": 3}))


def test_what_the_best_agent_gets_is_on_record_where_the_environment_says_it() -> None:
    metrics = Recall(**KEYS).metrics_here()
    best = {lag: (1 + 0.8**lag) / 2 for lag in KEYS["lags"]}
    assert {lag: metrics[f"recall_{lag}"].optimum for lag in best} == pytest.approx(best)
    assert metrics["recall"].optimum == pytest.approx(sum(best.values()) / 3) and metrics["span"].optimum is None
    lessons = Return(env=MAZE, lessons=({"length": 2, "flip": 0.25},)).metrics_here()
    assert (lessons["return"].optimum, lessons["return_length_2_flip_0_25"].optimum) == (1.0, 0.625)
    assert Return(env="CartPole-v1").metrics_here()["return"].optimum is None


def test_an_optimum_is_that_of_what_only_shows_otherwise() -> None:
    stacked, cut = Wrapper("FrameStackObservation", {"stack_size": 2}), Wrapper("ClipReward", {"max_reward": 0.5})
    assert optimum(EnvSpec(MAZE, wrappers=(stacked,))) == 1.0
    assert optimum(EnvSpec(MAZE, wrappers=(stacked, cut))) is None
    assert optimum(EnvSpec(MAZE, {"max_episode_steps": 3})) is None  # not said of these arguments


def test_lags_that_make_no_sense_are_refused() -> None:
    with pytest.raises(ValidationError, match="lags must ascend"):
        Recall(**{**KEYS, "lags": (4, 4)})
    with pytest.raises(ValidationError, match="greater than or equal to 1"):
        Recall(**{**KEYS, "lags": (0, 4)})
    with pytest.raises(LessonRefused, match="takes no 'lenght'; did you mean 'length'"):
        Recall(**{**KEYS, "lag": "lenght"}).needs()
