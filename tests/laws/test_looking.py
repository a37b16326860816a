"""Looking: each stage learns what it asks, over all seeds and on what it never saw; what is hidden is hidden."""

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from devlearn.evidence.statistics.sign_flip import sign_flip
from devlearn.learners.brains import brain_builder
from devlearn.learners.cohort import Cohort
from devlearn.registry import get
from devlearn.stages.shared.unlabelled import HELD_OUT
from devlearn.stages.stage import Stage
from devlearn.streams import streams
from devlearn.tasks.data import load_altered
from devlearn.tasks.data.sham import scattered
from devlearn.tasks.envs.transitions import collect_transitions
from devlearn.tasks.envs.vector_env import EnvStep
from tests.laws.rows import context_for, live

LEARNERS = tuple(range(8))
BRAIN = {"kind": "mlp", "width": [64, 32]}
REACH = {"env": "devlearn/DigitReach-v0", "num_envs": 16, "rollout": 4}
CPU = torch.device("cpu")


def stage_of(kind: str, **keys: Any) -> Stage:
    stage: Stage = get("stages", kind)(**keys)
    return stage


def grown(stage: Stage, updates: int) -> tuple[Cohort, np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """Learners after some updates, and their held-out losses at birth and then."""
    cohort, context = Cohort(brain_builder(BRAIN, stage.needs()), LEARNERS), context_for(LEARNERS)

    def judged() -> np.ndarray[Any, Any]:
        with torch.no_grad():
            found: np.ndarray[Any, Any] = stage.evaluate(cohort, context)["loss"].double().numpy()
        return found

    born = judged()
    live(stage, cohort, updates)
    return cohort, born, judged()


@pytest.mark.parametrize(
    ("kind", "keys", "updates", "smallest"),
    [
        ("innate.waves", {"batch": 16, "lr": 3e-3}, 40, 0.05),
        ("innate.waves", {"batch": 32, "lr": 3e-3, "predict": "neighbours"}, 40, 0.2),
        ("pretrain.denoise", {"batch": 64, "lr": 3e-3}, 40, 0.3),
        ("pretrain.cluster", {"batch": 32, "overclusters": 0, "lr": 4e-3}, 100, 0.2),  # of ln 10 = 2.3 nats
        ("pretrain.contrast", {"batch": 64, "lr": 3e-3}, 40, 0.2),
        ("pretrain.mask", {"batch": 64, "lr": 3e-3}, 40, 0.3),  # of ln 2 = 0.69 nats a pixel
        ("pretrain.predict", {**REACH, "lr": 3e-3}, 40, 0.3),
        ("pretrain.predict", {**REACH, "lr": 3e-3, "policy": "curious"}, 40, 0.15),
    ],
)
def test_what_is_practised_is_learned_for_what_was_never_seen(
    kind: str, keys: dict[str, Any], updates: int, smallest: float
) -> None:
    _, born, after = grown(stage_of(kind, updates=updates, **keys), updates)
    assert (born - after).mean() >= smallest
    assert sign_flip(born - after) <= 0.01


def test_a_sham_teaches_less_about_pictures() -> None:
    """Judged on real held-out images, learners that saw real ones are better than those that saw none's structure."""
    keys: dict[str, Any] = {"updates": 60, "batch": 64, "lr": 3e-3}
    real = stage_of("pretrain.mask", **keys)
    (_, _, seen), (blind, _, _) = grown(real, 60), grown(stage_of("pretrain.mask", **keys, sham=True), 60)
    with torch.no_grad():
        unseen = real.evaluate(blind, context_for(LEARNERS))["loss"].double().numpy()
    assert (unseen - seen).mean() >= 0.01
    assert sign_flip(unseen - seen) <= 0.01


def test_a_sham_is_judged_on_held_out_shams() -> None:
    for sham in (False, True):
        stage: Any = stage_of("pretrain.denoise", updates=1, sham=sham)
        expected = load_altered("mnist.valid", CPU, sham=sham).spread(HELD_OUT).images
        assert torch.equal(stage.pictures.held_out(context_for((0,))), expected)


def test_hidden_patches_are_whole_blank_and_as_many_as_asked() -> None:
    stage: Any = stage_of("pretrain.mask", updates=1, batch=32, patch=7, share=0.5)
    batch = next(stage.minibatches(context_for((0, 1)), 0))
    small = batch["hidden"].unflatten(-1, (4, 7)).unflatten(-3, (4, 7))  # (N, B, 4, 7, 4, 7)
    assert torch.equal(small.amin((-1, -3)), small.amax((-1, -3)))
    assert (batch["hidden"].flatten(-2).sum(-1) == 8 * 49).all()
    assert not batch["images"][batch["hidden"]].any()
    assert torch.equal(batch["images"][~batch["hidden"]], batch["targets"][~batch["hidden"]])
    assert len({tuple(own.flatten().tolist()) for own in small.amax((-1, -3)).flatten(0, 1)}) > 50


def test_two_views_differ_and_a_pair_shows_one_image() -> None:
    stage: Any = stage_of("pretrain.contrast", updates=1, batch=16, views={"rotate": 3, "shift": 0.5, "elastic": 0.2})
    batch = next(stage.two_views.minibatches(context_for((0, 1)), 0))
    one, other = (torch.nn.functional.normalize(batch[name].flatten(2), dim=-1) for name in ("images", "others"))
    likeness = one @ other.mT  # (N, B, B)
    own = likeness.diagonal(dim1=1, dim2=2)
    assert (own < 0.999).all()
    assert own.mean() - likeness.mean() > 0.2
    assert (likeness.argmax(-1) == torch.arange(16)).float().mean() > 0.9


class Counting:
    """A world that says how far it has come: episodes of three steps, the observation is 10 * episode + step."""

    def __init__(self) -> None:
        self.time = np.zeros((2, 1), np.int64)

    @property
    def observation(self) -> np.ndarray[Any, Any]:
        return (10 * (self.time // 3) + self.time % 3)[..., None]

    def step(self, actions: np.ndarray[Any, Any]) -> EnvStep:
        final = self.observation + 1
        self.time += 1
        nobody = np.zeros(final.shape[:2], bool)
        return EnvStep(self.observation, nobody.astype(np.float32), nobody, nobody, final)


def test_what_an_episode_ended_in_is_foreseen_and_not_the_next_episodes_beginning() -> None:
    def act(observation: Tensor, t: int) -> Tensor:
        return observation[..., 0] * 2 + t

    batch = collect_transitions(Counting(), act, 4, CPU)  # type: ignore[arg-type]
    assert batch["images"][0, :, 0].tolist() == [0, 1, 2, 10]
    assert batch["targets"][0, :, 0].tolist() == [1, 2, 3, 11]
    assert batch["actions"][1].tolist() == [0, 3, 6, 23]


def test_the_action_matters_to_what_is_foreseen() -> None:
    """Told another action than the one that was done, a grown learner foresees worse: it knows what it does."""
    stage: Any = stage_of("pretrain.predict", env_steps=64 * 150, **REACH, lr=3e-3)
    cohort, _, _ = grown(stage, 150)
    context = context_for(LEARNERS)
    world = context.world(stage.env, 16)
    batch = stage._lived(cohort, world, context, 0, "random", 8)
    world.close()
    objective = stage._seen()[2]
    with torch.no_grad():
        done, _ = cohort.losses(objective, batch)
        other, _ = cohort.losses(objective, {**batch, "actions": (batch["actions"] + 1) % 5})
    assert (other > done).all()


def test_a_sham_rollout_is_scattered_before_and_after() -> None:
    """The same steps of the same world: every pixel has its values, in another order."""
    rollouts = []
    for sham in (False, True):
        stage: Any = stage_of("pretrain.predict", env_steps=64, **REACH, sham=sham)
        cohort, context = Cohort(brain_builder(BRAIN, stage.needs()), (0, 1)), context_for((0, 1))
        world = context.world(stage.env, 16)
        rollouts.append(stage._lived(cohort, world, context, 0, "random", 8))
        world.close()
    real, mixed = rollouts
    assert torch.equal(real["actions"], mixed["actions"])
    for name in ("images", "targets"):
        assert torch.equal(real[name].sort(1).values, mixed[name].sort(1).values)
        assert not torch.equal(real[name], mixed[name])


@pytest.mark.parametrize(("temperature", "share"), [(0.01, 0.95), (100.0, 0.25)])
def test_curiosity_does_what_it_can_foresee_least(temperature: float, share: float) -> None:
    """A head that is sure of all actions but 3: at a low temperature 3 is done, at a high one any."""
    stage: Any = stage_of("pretrain.predict", env_steps=64, **REACH, policy="curious", temperature=temperature)
    cohort = Cohort(brain_builder(BRAIN, stage.needs()), (0, 1))
    for name, weights in cohort.parameters().items():
        if name.startswith("heads."):
            weights.zero_()
            if name.endswith("bias"):
                weights.view(2, 5, -1)[:, [0, 1, 2, 4]] = 0.4 if temperature > 1 else 20.0
    context = context_for((0, 1))
    world = context.world(stage.env, 16)
    batch = stage._lived(cohort, world, context, 0, "curious", 50)
    world.close()
    done = (batch["actions"] == 3).double().mean(1)
    assert (done > share).all() if temperature < 1 else (done < share + 0.15).all()


def test_scattered_images_keep_every_pixels_values_and_nothing_else() -> None:
    images = torch.arange(2 * 50 * 6).view(2, 50, 2, 3).byte()
    mixed = scattered(images, streams((0, 1), "sham"))
    assert torch.equal(mixed.sort(1).values, images.sort(1).values)
    assert (mixed != images).float().mean() > 0.9
    assert not torch.equal(mixed[:, :, 0, 0].argsort(1), mixed[:, :, 0, 1].argsort(1))


@pytest.mark.parametrize("env", ["CartPole-v1", "Pendulum-v1"])
def test_a_world_without_pictures_is_refused(env: str) -> None:
    says = rf"pretrain.predict foresees one picture .* of several actions, and {env} shows a vector of"
    with pytest.raises(ValueError, match=says):
        stage_of("pretrain.predict", env=env, env_steps=10).needs()
