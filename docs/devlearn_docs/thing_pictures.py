"""Pictures of what can be seen: environments, data sets, waves, and what a stage makes of the first layer."""

from typing import Any

import numpy as np

from devlearn_docs.drawing import Array, tiled
from devlearn_docs.examples import FROM_FILES, of_stage, planned

FRAMES, EVERY = 6, 2  # moments of an episode that are shown, and the steps between two of them
WIDTH = 720  # pixels of a picture, about
UNITS = 12  # of the first layer that are shown
MOST_FLOPS = 2e10  # that a stage may take for a picture
SEED = 0


def environment(name: str) -> Array | None:
    """The beginning of an episode under random actions, every second step; None for what can't be drawn."""
    from devlearn_envs import NATIVE

    cls: Any = NATIVE[name]
    if not cls.drawable():
        return None
    batch = cls(1)
    batch.reset(np.array([SEED], np.int64), np.array([True]))
    batch.action_space.seed(SEED)
    frames = [batch.draw(0)]
    while len(frames) < FRAMES:
        if not all(_goes_on(batch) for _ in range(EVERY)):
            frames.append(batch.draw(0))
            break
        frames.append(batch.draw(0))
    batch.close()
    columns = FRAMES if frames[0].shape[1] < 120 else 2
    return tiled(frames, columns, max(1, WIDTH // (columns * frames[0].shape[1])))


def _goes_on(batch: Any) -> bool:
    """One random action; whether the episode goes on."""
    _, terminated, truncated = batch.step(np.asarray(batch.action_space.sample())[None])
    return not (terminated[0] or truncated[0])


def data_set(name: str) -> Array | None:
    """Two images of each of the first ten classes; None for a data set that is not on this machine."""
    from devlearn.tasks.data import source_named

    source = source_named(name)
    if source.missing():
        return None
    images, labels = source.read("test")
    classes = range(min(10, source.classes))
    shown = [images[np.flatnonzero(labels == one)[k]] for k in range(2) for one in classes]
    return tiled([np.asarray(image) for image in shown], len(classes), 2 if images.shape[1] < 40 else 1)


def stage(kind: str) -> tuple[Array, str] | None:
    """A picture for a stage's page and what it shows; None where there is nothing to see, or it takes long."""
    if kind == "innate.waves":
        return _waves(), "Every fourth frame of two movies of waves that it is shown."
    if kind in FROM_FILES or not (found := _fields(kind)):
        return None
    born, after = found
    budget = planned(kind).stage.budget()  # type: ignore[union-attr]
    when = "acted" if budget is None else f"taken {budget[1]:,} {budget[0].replace('_', ' ')}"
    words = (
        f"Fields of {UNITS} units of the first layer at initialisation (above), and once the stage has {when} (below)."
    )
    return tiled([*born, *after], UNITS, 2), f"{words} One learner, seed {SEED}, the budget of the scenario below."


def _waves() -> Array:
    from devlearn.streams import streams
    from devlearn.tasks.data.waves import movies

    shown = movies(streams([SEED], "picture"), 2)[0].numpy()  # (FRAMES, 2, H, W)
    return tiled([shown[t, movie] for movie in range(2) for t in range(0, 24, 4)], 6, 3)


def _fields(kind: str) -> tuple[list[Array], list[Array]] | None:
    """The first layer's fields of one learner before and after a stage that sees MNIST; None where they stay."""
    import torch

    from devlearn.learners.brains import brain_builder
    from devlearn.learners.cohort import Cohort
    from devlearn.runs.plan.needs import needs_of
    from devlearn.stages.context import Context

    own = planned(kind)
    assert own is not None
    scenario = of_stage(kind).scenario()
    _, needs = needs_of(scenario)
    if own.ledger.flops > MOST_FLOPS or "image_28x28" not in needs.senses or own.keys.get("env"):
        return None
    if own.stage.recalls:  # what a stage before it has kept
        return None
    cohort = Cohort(brain_builder(dict(scenario.brain), needs), [SEED])
    name = next((one for one in cohort.parameters() if one.endswith("senses.image_28x28.layer.weight")), None)
    if name is None:
        return None
    before = cohort.parameters()[name][0].detach().clone()
    context = Context((SEED,), own.name, 0, torch.device("cpu"), own.yields)
    state = own.stage.begin(cohort, context)
    segment = own.stage.segment(cohort, state, context)
    for _, _ in zip(range(own.yields if own.stage.units else 1), segment, strict=False):
        pass
    segment.close()  # type: ignore[attr-defined]
    after = cohort.parameters()[name][0].detach()
    return None if torch.equal(before, after) else (_grey(before), _grey(after))


def _grey(fields: Any) -> list[Array]:
    """Fields (U, 784) as pictures: grey is 0, white and black the field's largest weight."""
    some = fields[:UNITS].float().numpy().reshape(UNITS, 28, 28)
    most = np.abs(some).max((1, 2), keepdims=True)
    return list((127.5 + 127.5 * some / np.where(most == 0, 1, most)).astype(np.uint8))
