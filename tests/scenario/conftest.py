"""Small fake stages and probes, in the registry for these tests only."""

from typing import Annotated, Any, ClassVar, Literal

import pytest
from pydantic import Field

from devlearn import registry
from devlearn.probes.probe import Metric, Probe
from devlearn.stages.stage import Stage


class School(Stage):
    role = "supervise"
    stream_names: ClassVar = ("labels", "order")
    metrics = ("loss",)

    data: str = Field("mnist.train", description="the split")
    labels: Annotated[int, Field(ge=10)] | Literal["all"] = Field("all", description="how many")
    optimiser: Literal["adam", "sgd"] = Field("adam", description="which")
    learning_rate: float = Field(1e-3, gt=0, description="how fast")
    nesterov: bool = Field(False, description="whether")


class Play(Stage):
    role = "trial"
    stream_names: ClassVar = ("worlds",)
    units = ("env_steps", "updates", "flops")
    immutable_keys: ClassVar = ("env",)
    renamed: ClassVar = {"copies": "num_envs", "keys": "env_kwargs"}

    env: str = Field(description="a Gymnasium id")
    env_kwargs: dict[str, Any] = Field(default_factory=dict, description="arguments")
    num_envs: int = Field(8, ge=1, description="how many")


class Shuffle(Stage):
    role = "control"
    stream_names: ClassVar = ()
    units = ()


class Accuracy(Probe):
    metrics: ClassVar = {
        "accuracy": Metric("higher", 0.0, unit="share"),
        "cross_entropy": Metric("lower", None, unit="nats"),
    }

    data: str = Field("mnist.test", description="the split")

    def splits(self) -> tuple[str, ...]:
        return (self.data,)


class Objective(Probe):
    metrics: ClassVar = {"loss": Metric("lower", None)}

    stage: str = Field(description="a stage")


class Return(Probe):
    metrics: ClassVar = {"return": Metric("higher", None)}

    env: str = Field(description="a Gymnasium id")


FAKES = {
    "stages": {"fake.school": School, "fake.play": Play, "fake.shuffle": Shuffle},
    "probes": {"fake.accuracy": Accuracy, "fake.objective": Objective, "fake.return": Return},
}


@pytest.fixture(scope="module", autouse=True)
def fakes():
    with pytest.MonkeyPatch.context() as patch:
        for group, kinds in FAKES.items():
            for kind, cls in kinds.items():
                patch.setattr(cls, "kind", kind)
                patch.setitem(registry._tables[group], kind, cls)
        yield


VALID = """\
devlearn: 1
scenario: fake
about: A question
seeds: 4
block: 2
brain: {kind: mlp, width: [8, 8], activation: tanh}
stages:
  play:
    kind: fake.play
    env: Known-v0
    env_steps: 2000
    env_kwargs: {size: 3}
  mix: {kind: fake.shuffle}
  school:
    kind: fake.school
    data: mnist.train
    labels: 100
    learning_rate: 1e-2
    updates: 50
    until: {probe: held.accuracy, at_least: 0.9, min_updates: 5}
  review: {kind: fake.school, updates: 10}
arms:
  plain: [review]
  playful: [play, {use: review, as: again, set: {labels: 50}}]
  gated: {stages: [play, mix, school, review], total: {updates: 90}}
  matched: {stages: [review], match: {arm: playful, by: flops}}
probes:
  held: {kind: fake.accuracy, data: mnist.valid, every: 10}
  digits: {kind: fake.accuracy, data: mnist.test, every: 25, worst: 0.1}
  fun: {kind: fake.objective, stage: play}
compare:
  probe: digits.accuracy
  at: end
  better: higher
  smallest_effect: 0.01
  pairs: [[playful, plain], [matched, plain]]
  looks: [2, 4]
  levels: [0.5, 0.9]
  select: held
  fit: {over: labels, from: 20, to: 30}
pin: [init, labels]
tune: {over: {stages.review.learning_rate: [1e-2, 2e-2]}, seeds: [50, 51], probe: held}
vary: {stages.review.labels: [20, 30], brain.width: [[4], [4, 4]]}
"""


def check_env(env: str) -> None:
    if env != "Known-v0":
        raise LookupError(f"unknown env {env!r}; did you mean 'Known-v0'?")


@pytest.fixture(scope="session")
def valid() -> str:
    return VALID


@pytest.fixture(scope="session")
def unvaried() -> str:
    return VALID.partition("vary:")[0].replace("  fit: {over: labels, from: 20, to: 30}\n", "")


@pytest.fixture(scope="session")
def problems():
    """A function: text -> the lines of its ScenarioError."""
    from devlearn.scenario import ScenarioError, parse

    def lines(text: str, name: str = "file.yaml", overrides: tuple[str, ...] = ()) -> list[str]:
        with pytest.raises(ScenarioError) as caught:
            parse(text, name, overrides, check_env)
        assert str(caught.value).splitlines() == [str(problem) for problem in caught.value.problems]
        return [str(problem) for problem in caught.value.problems]

    return lines
