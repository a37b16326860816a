"""Wrappers by name: found, checked at their line, applied in their order, and part of what an environment is."""

import shutil
from pathlib import Path

import numpy as np
import pytest
import scratch_envs
from gymnasium.wrappers import TimeLimit

from devlearn.runs import pipeline, provenance
from devlearn.runs.plan import job_specs
from devlearn.scenario import ScenarioError
from devlearn.tasks.envs import BadWrapper, EnvSpec, VectorEnv, WrapperRefused, check_wrapper, spaces
from devlearn.tasks.envs.registration import make

STACK = {"id": "gymnasium.wrappers:FrameStackObservation", "stack_size": 4}
HALVED = {"id": "scratch_envs:Halved", "by": 2}
SCENARIO = """
devlearn: 1
scenario: wrapped
seeds: 2
brain: {kind: mlp, width: [8]}
stages:
  play:
    kind: trial.ppo
    env: CartPole-v1
    env_kwargs: {max_episode_steps: 7}
    env_steps: 64
    num_envs: 2
    rollout: 16
    minibatches: 2
    wrappers:
      - WRAPPER
arms: {played: [play]}
probes:
  skill: {kind: return, env: CartPole-v1, wrappers: [FlattenObservation], episodes: 2, worst: 0}
"""


def test_wrappers_are_applied_in_their_order_around_the_time_limit() -> None:
    spec = EnvSpec.of("CartPole-v1", {"max_episode_steps": 7}, [STACK, "FlattenObservation"])
    one = make(spec)
    assert one.observation_space.shape == (16,) and spaces(spec)[0].shape == (16,)
    assert isinstance(one.env.env, TimeLimit)
    world = VectorEnv(spec, (0, 1), 2, ("t",))
    steps = [world.step(np.full((2, 2), t % 2)) for t in range(7)]
    assert world.observation.shape == (2, 2, 16)
    assert steps[6].truncated.all() and not any(step.truncated.any() for step in steps[:6])
    with pytest.raises(BadWrapper, match="FrameStackObservation needs stack_size"):
        make(EnvSpec.of("CartPole-v1", {}, ["FrameStackObservation"]))


def test_a_wrapped_world_is_resumed_exactly() -> None:
    spec = EnvSpec.of("Acrobot-v1", {}, [STACK, HALVED])
    world, other = VectorEnv(spec, (3, 5), 2, ("t",)), None
    actions = np.random.default_rng(0).integers(3, size=(12, 2, 2))
    for action in actions[:6]:
        world.step(action)
    other = VectorEnv(spec, (3, 5), 2, ("t",), world.state())
    for action in actions[6:]:
        assert np.array_equal(world.step(action).observation, other.step(action).observation)


def test_our_own_environments_are_wrapped_copy_by_copy() -> None:
    plain, wrapped = EnvSpec("devlearn/CartPole-v1"), EnvSpec.of("devlearn/CartPole-v1", {}, [HALVED])
    one, other = (VectorEnv(spec, (0, 1), 2, ("t",)) for spec in (plain, wrapped))
    np.testing.assert_allclose(other.observation, one.observation / 4, rtol=1e-6)


@pytest.mark.parametrize(
    ("item", "key", "message"),
    [
        ("FrameStakObservation", "id", "unknown wrapper 'FrameStakObservation'; did you mean 'FrameStackObservation'?"),
        ("Nothing", "id", "one that is not Gymnasium's own is written 'package.module:Class'"),
        ("no_such:Thing", "id", "No module named 'no_such'"),
        ("scratch_envs:Halve", "id", "did you mean 'Halved'?"),
        ("scratch_envs:Fine", "id", "it is a class, but no gymnasium.Wrapper"),
        ("scratch_envs:FAR", "id", "it is a int"),
        ({**STACK, "stak_size": 4}, "stak_size", "takes no 'stak_size'; did you mean 'stack_size'?"),
        ({"id": "scratch_envs:Halved", "colour": 1}, "colour", "Halved takes no 'colour'; it takes: by"),
        ("FrameStackObservation", None, "needs stack_size; write {id: 'FrameStackObservation', stack_size: ..}"),
    ],
)
def test_a_wrapper_that_can_not_be_is_answered_with_the_mend(item: object, key: str | None, message: str) -> None:
    with pytest.raises(BadWrapper) as caught:
        check_wrapper(item)  # type: ignore[arg-type]
    assert caught.value.key == key and message in str(caught.value)


def test_a_wrapper_that_refuses_its_environment_is_named() -> None:
    with pytest.raises(
        WrapperRefused, match=r"Refuses refuses CartPole-v1: TypeError: .* pictures \(.*scratch_envs"
    ) as e:
        make(EnvSpec.of("CartPole-v1", {}, [STACK, "scratch_envs:Refuses"]))
    assert e.value.place == 1


def write(folder: Path, wrapper: str) -> Path:
    shutil.copy(scratch_envs.__file__, folder / "own_wrappers.py")
    path = folder / "wrapped.yaml"
    path.write_text(SCENARIO.replace("WRAPPER", wrapper), encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("wrapper", "column", "message"),
    [
        ("FlatenObservation", 9, "did you mean 'FlattenObservation'?"),
        ("{id: FlatenObservation}", 14, "did you mean 'FlattenObservation'?"),
        ("{id: FrameStackObservation, stack: 2}", 37, "takes no 'stack'; did you mean 'stack_size'?"),
        ("{stack_size: 2}", 9, "a wrapper is a name, or a map {id: NAME"),
        ("3", 9, "item 1 of wrappers must be text or a map, got 3"),
        ("scratch_envs:Refuses", 9, "play: Refuses refuses CartPole-v1: TypeError: this wrapper is for pictures"),
    ],
)
def test_a_scenario_s_wrapper_is_checked_at_its_place(wrapper: str, column: int, message: str, tmp_path: Path) -> None:
    with pytest.raises(ScenarioError) as caught:
        pipeline.plan(pipeline.load(write(tmp_path, wrapper)))
    (problem,) = caught.value.problems
    assert (problem.line, problem.column) == (16, column) and message in problem.message


def test_wrappers_are_part_of_a_life_and_their_source_of_its_program(tmp_path: Path) -> None:
    digests, programs = [], []
    for wrapper in ("FlattenObservation", "{id: own_wrappers:Halved, by: 2}"):
        plan = pipeline.plan(pipeline.load(write(tmp_path, wrapper))).own
        (spec,) = job_specs(plan).values()
        digests.append(spec["digest"])
        programs += provenance.programs_of({"job": spec}).values()
    assert len(set(digests)) == 2
    assert programs[0].sources == {} and list(programs[1].sources or ()) == ["own_wrappers"]


def test_how_long_a_call_may_take_is_no_part_of_a_life(tmp_path: Path) -> None:
    path, found = write(tmp_path, "FlattenObservation"), []
    for more in ("", "    step_timeout: 5\n"):
        path.write_text(path.read_text().replace("arms:", f"{more}arms:"), encoding="utf-8")
        (spec,) = job_specs(pipeline.plan(pipeline.load(path)).own).values()
        found.append(spec)
    assert found[0]["digest"] == found[1]["digest"]
    assert "step_timeout" not in found[0]["stages"][0]["keys"] and found[1]["stages"][0]["keys"]["step_timeout"] == 5


def test_a_list_is_a_tuple_where_a_wrapper_asks_for_one() -> None:
    """YAML has no tuples."""
    item = {"id": "ReshapeObservation", "shape": [2, 2]}
    assert make(EnvSpec.of("CartPole-v1", {}, [item])).observation_space.shape == (2, 2)
