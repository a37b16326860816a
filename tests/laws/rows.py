"""One row for each registered stage, with keys small enough for property tests: a new stage inherits all laws."""

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import torch

from devlearn.learners.brains import Needs, brain_builder
from devlearn.learners.cohort import Cohort, Mapper
from devlearn.probes.probe import Measurement, Probe, Probing
from devlearn.records.genome_file import GenomeFile
from devlearn.registry import get
from devlearn.stages.context import Context
from devlearn.stages.shared.labelled import LabelledBatches
from devlearn.stages.stage import Stage
from devlearn.tasks.demonstrations import record
from devlearn.tasks.envs import EnvSpec
from devlearn.testing.lives_before import kept_before, newborn_givers

TRIAL = {"env_steps": 10_000, "num_envs": 2, "rollout": 16, "epochs": 3}
MEMORY = {**TRIAL, "num_envs": 4, "rollout": 6, "minibatches": 2}
REPLAY = {"env_steps": 10_000, "num_envs": 2, "rollout": 4, "batch": 8, "capacity": 30}
SOFT = {**REPLAY, "env": "Pendulum-v1", "env_kwargs": {"max_episode_steps": 7}}
EVOLUTION = {"updates": 100, "batch": 16, "population": 8, "sigma": 0.1}
OWN = {"updates": 100, "labels": 20, "batch": 8, "unlabelled_batch": 6}
PREDICT = {"env": "devlearn/DigitReach-v0", "env_steps": 10_000, "num_envs": 4, "rollout": 3}
SHOWN = {"env": PREDICT["env"], "updates": 100, "num_envs": 4, "rollout": 3}
COPY = {"env": PREDICT["env"]}
WATCH = {**COPY, "controller": f"{__name__}:gaze", "env_steps": 10_000, "num_envs": 2, "rollout": 4, "minibatches": 3}
TAKE = {
    "of": {"arm": "expert", "stage": "play"},
    "env_steps": 10_000,
    "num_envs": 2,
    "rollout": 4,
    "minibatches": 3,
}
SEE: dict[str, Any] = {
    **COPY,
    "controller": f"{__name__}:gaze",
    "observed": 30,
    "play": 40,
    "num_envs": 2,
    "minibatches": 3,
    "batch": 16,
    "model_updates": 6,
    "model_hidden": 8,
}
STAGES: dict[str, tuple[str, dict[str, Any]]] = {
    "waves": ("innate.waves", {"updates": 100, "batch": 4}),
    "neighbours": ("innate.waves", {"updates": 100, "batch": 4, "predict": "neighbours", "project": 8, "hidden": 6}),
    "waves-phase": ("innate.waves", {"updates": 100, "batch": 4, "sham": "phase"}),
    "shuffle": ("innate.shuffle", {}),
    "shuffle-rows": ("innate.shuffle", {"within": "row"}),
    "moments": ("innate.moments", {}),
    "rescale": ("innate.rescale", {}),
    "spectrum": ("innate.spectrum", {}),
    "fresh-head": ("innate.fresh_head", {}),
    "scramble": ("innate.scramble", {}),
    "noise": ("innate.noise", {"updates": 100, "batch": 8}),
    "noise-backprop": ("innate.noise", {"updates": 100, "batch": 8, "rule": "backprop"}),
    "gabor": ("innate.gabor", {}),
    "mimetic": ("innate.mimetic", {"length": 1.5}),
    "supermask": ("innate.mask", {"updates": 100, "labels": 20, "batch": 8}),
    "mask-signed": ("innate.mask", {"updates": 100, "batch": 8, "signed": True, "constant": True, "density": 0.1}),
    "mask-shuffled": ("innate.mask", {"updates": 100, "batch": 8, "shuffled": True, "optimiser": "sgd", "lr": 1.0}),
    "look": ("pretrain.denoise", {"updates": 100, "batch": 8}),
    "look-sham": ("pretrain.denoise", {"updates": 100, "batch": 8, "sham": True, "data": "mnist.valid"}),
    "cluster": ("pretrain.cluster", {"updates": 100, "batch": 8, "sub_heads": 2, "clusters": 3, "overclusters": 4}),
    "contrast": ("pretrain.contrast", {"updates": 100, "batch": 8, "project": 6, "hidden": 5}),
    "masked": ("pretrain.mask", {"updates": 100, "batch": 8, "hidden": 5}),
    "masked-sham": ("pretrain.mask", {"updates": 100, "batch": 8, "share": 0.75, "sham": True}),
    "predict": ("pretrain.predict", {**PREDICT}),
    "predict-curious": ("pretrain.predict", {**PREDICT, "policy": "curious", "temperature": 0.01, "sham": True}),
    "predict-shown": ("pretrain.predict", {**SHOWN, "demonstrations": lambda: shown()}),
    "play-native": ("trial.ppo", {**TRIAL, "env": "devlearn/DigitReach-v0"}),
    "play-discrete": ("trial.ppo", {**TRIAL, "env": "CartPole-v1"}),
    "play-continuous": (
        "trial.ppo",
        {**TRIAL, "env": "Pendulum-v1", "normalise_observations": True},
    ),
    "play-random": (
        "trial.ppo",
        {"env": "Pendulum-v1", "env_steps": 10_000, "num_envs": 2, "rollout": 16, "random": True},
    ),
    "play-curious": (
        "trial.ppo",
        {
            **TRIAL,
            "env": "devlearn/KeyCorridor-v0",
            "env_kwargs": {"length": 5, "limit": 7},
            "intrinsic": {"kind": "icm", "hidden": 8, "features": 4, "sham": "order"},
        },
    ),
    "play-taught": (
        "trial.ppo",
        {
            **TRIAL,
            "env": "devlearn/KeyCorridor-v0",
            "env_kwargs": {"length": 7, "limit": 5},
            "lessons": [{"door": 5}, {"door": 6}, {"door": 7}],
            "teacher": {"kind": "progress", "window": 2},
        },
    ),
    "play-taught-numbers": (
        "trial.ppo",
        {
            **TRIAL,
            "env": "Pendulum-v1",
            "env_kwargs": {"max_episode_steps": 3},
            "lessons": {"g": {"low": 1.0, "high": 10.0}},
            "teacher": {"kind": "progress", "fit_every": 20},
        },
    ),
    "values": ("trial.dqn", {**REPLAY, "env": "CartPole-v1", "learning_starts": 0, "target_every": 7}),
    "values-double": (
        "trial.dqn",
        {
            **REPLAY,
            "env": "devlearn/DigitReach-v0",
            "gradient_steps": 2,
            "learning_starts": 9,
            "double": True,
            "n_step": 3,
            "tau": 0.3,
            "target_every": 1,
            "schedule": "linear",
            "max_grad_norm": 0.5,
        },
    ),
    "values-taught": (
        "trial.dqn",
        {
            **{**REPLAY, "env": "devlearn/KeyCorridor-v0", "env_kwargs": {"length": 7, "limit": 5}},
            "lessons": [{"door": 5}, {"door": 7}],
            "teacher": {"kind": "growing", "full": 0.1},
            "learning_starts": 9,
        },
    ),
    "values-random": ("trial.dqn", {"env": "CartPole-v1", "env_steps": 10_000, "random": True}),
    "soft": ("trial.sac", {**SOFT, "learning_starts": 9, "gradient_steps": 2, "tau": 0.3}),
    "soft-taught": (
        "trial.sac",
        {
            **SOFT,
            "learning_starts": 9,
            "lessons": [{"g": 1.0}, {"g": 10.0}],
            "teacher": {"kind": "mastery", "level": -1e4, "min_episodes": 1},
        },
    ),
    "soft-random": ("trial.sac", {**SOFT, "random": True}),
    "play-memory": (
        "trial.ppo",
        {**MEMORY, "env": "CartPole-v1", "env_kwargs": {"max_episode_steps": 9}},
    ),
    "play-memory-continuous": ("trial.ppo", {**MEMORY, "env": "Pendulum-v1", "normalise_observations": True}),
    "values-memory": (
        "trial.dqn",
        {
            **{**REPLAY, "env": "devlearn/TMaze-v0", "env_kwargs": {"length": 3}, "sequence_length": 4},
            "learning_starts": 12,
            "double": True,
            "target_every": 7,
        },
    ),
    "clone-file": ("imitate.clone", {**COPY, "updates": 100, "batch": 8, "demonstrations": lambda: shown()}),
    "clone": ("imitate.clone", {**WATCH, "sham": "actions"}),
    "clone-numbers": ("imitate.clone", {**WATCH, "env": "Pendulum-v1", "controller": f"{__name__}:swing"}),
    "clone-of": ("imitate.clone", {**COPY, **TAKE}),
    "clone-of-numbers": ("imitate.clone", {**TAKE, "env": "Pendulum-v1"}),
    "dagger-of": ("imitate.dagger", {**COPY, **TAKE}),
    "observe": ("imitate.observe", {**SEE, "rollout": 4, "env_steps": 10_000}),
    "observe-file": ("imitate.observe", {**SEE, "controller": None, "updates": 100, "demonstrations": lambda: shown()}),
    "observe-of": ("imitate.observe", {**SEE, "controller": None, "updates": 100, "of": TAKE["of"], "sham": "actions"}),
    "observe-numbers": (
        "imitate.observe",
        {**SEE, "env": "Pendulum-v1", "controller": f"{__name__}:swing", "rollout": 4, "env_steps": 10_000},
    ),
    "dagger": ("imitate.dagger", {**WATCH, "sham": "actions"}),
    "dagger-numbers": ("imitate.dagger", {**WATCH, "env": "Pendulum-v1", "controller": f"{__name__}:swing"}),
    "reflex-phases": ("innate.reflex", {"env": "Pendulum-v1", "sham": "phases", "gate": "learned", "deviation": 0.3}),
    "gait": (
        "innate.evolve_reflex",
        {"env": "Pendulum-v1", "updates": 50, "population": 4, "limit": 6, "deviation": 0.3},
    ),
    "gait-inherited": (
        "innate.evolve_reflex",
        {"env": "Pendulum-v1", "updates": 50, "population": 4, "limit": 6, "lineages": 2, "sham": "phases"},
    ),
    "play-replay": (
        "trial.ppo",
        {
            **{"env": "devlearn/KeyCorridor-v0", "env_steps": 1280, "num_envs": 2, "rollout": 16, "epochs": 1},
            "env_kwargs": {"limit": 6},
            "lessons": [{"door": 5}, {"door": 6}, {"door": 7}],
            "teacher": {"kind": "replay", "of": {"arm": "other", "stage": "play", "what": "order"}, "shuffled": True},
        },
    ),
    "play-yoked": (
        "trial.ppo",
        {
            **{**TRIAL, "epochs": 1, "env": "devlearn/ThreeStories-v0"},
            "env_kwargs": {"k": 1, "efference": False},
            "of": {"arm": "other", "stage": "play", "what": "stream"},
        },
    ),
    "reflex-noise": ("innate.reflex", {"env": "Pendulum-v1", "sham": "noise", "sham_steps": 8, "num_envs": 2}),
    "reflex-posture": (
        "innate.reflex",
        {"env": "Pendulum-v1", "sham": "posture", "sham_steps": 8, "num_envs": 2, "oscillator": {"angles": [1]}},
    ),
    "school": ("supervise", {"updates": 100, "labels": 20, "batch": 8}),
    "school-task": (
        "supervise",
        {"updates": 100, "batch": 8, "classes": [1, 0], "head": "own", "view": {"permute": 1}},
    ),
    "school-sgd": ("supervise", {"updates": 100, "optimiser": "sgd", "lr": 0.1, "momentum": 0.9, "weight_decay": 1e-3}),
    "school-views": ("supervise", {"updates": 100, "labels": 20, "batch": 8, "views": {}}),
    "school-pseudo": ("supervise", {**OWN, "unlabelled": "pseudo", "threshold": 0.0, "ramp": 4}),
    "school-consistent": ("supervise", {**OWN, "unlabelled": "consistency", "light": {"elastic": 0}, "threshold": 0.1}),
    "school-teacher": (
        "supervise",
        {**OWN, "unlabelled": "consistency", "threshold": 0.1, "align": True, "teacher": 0.9, "views": {}},
    ),
    "school-aligned": ("supervise", {"updates": 100, "labels": 20, "batch": 8, "rule": "feedback_alignment"}),
    "school-rows": ("supervise", {"updates": 100, "labels": 20, "batch": 4, "row_by_row": True}),
    "school-tasks": ("supervise", {"updates": 100, "batch": 4, "tasks": {"kind": "permuted", "every": 3}}),
    "guess": ("supervise.reinforce", {"updates": 100, "labels": 20, "batch": 8}),
    "guess-twice": ("supervise.reinforce", {"updates": 100, "batch": 8, "samples": 2, "baseline": "none"}),
    "asked": (
        "caregiver.guess",
        {"updates": 100, "labels": 20, "batch": 8, "says": "hint", "answers": 2, "noise": 0.2, "samples": 2},
    ),
    "explained": (
        "caregiver.guess",
        {
            **{"updates": 100, "labels": 20, "batch": 8, "rule": "reinforce", "weight": 2.0, "noise": 0.1},
            **{"says": ["judgement", "explanation"], "opens": [0.002], "sham": "consistent"},
        },
    ),
    "judged": (
        "caregiver.judge",
        {
            **{**COPY, "controller": f"{__name__}:gaze", "env_steps": 10_000, "num_envs": 2, "rollout": 4},
            **{"minibatches": 2, "rule": "likelihood", "noise": 0.2},
        },
    ),
    "judged-taken": (
        "caregiver.judge",
        {**TAKE, **COPY, "minibatches": 2, "rule": "tamer"},
    ),
    "sleep": ("consolidate.sleep", {"updates": 100, "batch": 6}),
    "sleep-noise": ("consolidate.sleep", {"updates": 100, "batch": 6, "sham": "noise"}),
    "named": ("caregiver.words", {"updates": 100, "labels": 20, "batch": 8, "noise": 0.1, "sham": "consistent"}),
    "evolve": ("supervise.evolution", {**EVOLUTION, "labels": 20}),
    "evolve-proxy": (
        "supervise.evolution",
        {**EVOLUTION, "fitness": "cross_entropy", "optimiser": "sgd", "momentum": 0.9, "weight_decay": 1e-3},
    ),
    "genome": ("innate.genome", {"updates": 100, "batch": 8, "compression": 8}),
    "evolve-birth": ("innate.evolve", {**EVOLUTION, "labels": 20}),
    "evolve-learner": ("innate.evolve", {**EVOLUTION, "batch": 6, "inner": 2}),
    "reptile": ("innate.reptile", {"updates": 100, "labels": 20, "inner": 5, "inner_batch": 3}),
    "reptile-renamed": ("innate.reptile", {"updates": 100, "optimiser": "sgd", "inner_lr": 0.1, "relabel": True}),
    "inherit": ("innate.inherit", {"files": lambda: genomes()}),
    "genome-gray": ("innate.genome", {"updates": 100, "batch": 8, "code": "gray", "optimiser": "sgd", "momentum": 0.9}),
}
BRAIN = {"kind": "mlp", "width": [12, 8], "activation": "tanh"}
CROSS_ENTROPY = LabelledBatches("mnist.train", "all", 1).objective
BRAINS = {
    "play-memory": {**BRAIN, "memory": "gru"},
    "play-memory-continuous": {**BRAIN, "memory": "gru", "critic": "own", "init": "orthogonal"},
    "values-memory": {**BRAIN, "memory": "episodic", "slots": 3},
    "school-rows": {**BRAIN, "memory": "gru"},
}


def gaze(observation: np.ndarray[Any, Any], rng: np.random.Generator) -> int:
    """Towards the brighter half of the picture, up or down; sometimes anywhere."""
    return int(rng.integers(5)) if rng.random() < 0.3 else 1 + int(observation[:14].sum() < observation[14:].sum())


def swing(observation: np.ndarray[Any, Any], rng: np.random.Generator) -> np.ndarray[Any, Any]:
    """Along with the pendulum's turning."""
    return np.sign(observation[2:]) * np.float32(rng.random())


def keys_of(row: str) -> dict[str, Any]:
    return {key: value() if callable(value) else value for key, value in STAGES[row][1].items()}


ACT_RANDOMLY = frozenset(row for row, (_, keys) in STAGES.items() if keys.get("random"))  # and learn nothing


def make(row: str) -> Stage:
    stage: Stage = get("stages", STAGES[row][0])(**keys_of(row))
    return stage


@cache
def genomes() -> tuple[str, ...]:
    """Two genome files, of the rows' brain."""
    folder = Path(tempfile.mkdtemp())
    ledger = {unit: 0 for unit in ("labels", "label_bits", "images", "env_steps", "flops")}
    made = []
    for seed in (100, 101):
        tensors = cohort_for("school", [seed]).state()
        genome = GenomeFile(
            {name: t[0].numpy() for name, t in tensors.items()},
            {"brain": BRAIN, "lineage": f"{seed}", "ledger": ledger},
        )
        made.append(str(genome.write(folder / f"row-seed{seed}.genome.npz")))
    return tuple(made)


@cache
def shown() -> str:
    """Demonstrations of five episodes, in which the first epoch of the row ends after six minibatches."""
    env = EnvSpec.of(PREDICT["env"])
    return str(record(env, "random", 5, 0).write(Path(tempfile.mkdtemp()) / "shown.npz"))


def needs_of(stage: Stage) -> Needs:
    """The stage's needs, and a digits head for stages that need nothing."""
    own = stage.needs()
    return own if own.senses else make("school").needs()


def cohort_for(
    row: str,
    seeds: Sequence[int],
    mapper: Mapper | None = None,
    dtype: torch.dtype = torch.float64,
    born: Sequence[int] | None = None,
    device: str = "cpu",
    compiled: bool = False,
) -> Cohort:
    """Learners for a row's stage, with the row's brain."""
    brain = brain_builder(BRAINS.get(row, BRAIN), needs_of(make(row)))
    return Cohort(brain, seeds, device, mapper=mapper, dtype=dtype, born=born, compiled=compiled)


def context_for(seeds: Sequence[int], planned: int = 50) -> Context:
    return Context(tuple(seeds), "row", 0, torch.device("cpu"), planned)


def measure(probe: Probe, cohort: Cohort, full: bool = False, stages: Mapping[str, Stage] | None = None) -> Measurement:
    """What a probe measures of learners; ``stages`` are the scenario's, by name."""
    context = Context(cohort.seeds, "probe", 0, torch.device("cpu"), planned=0, measuring=True)
    with torch.no_grad():
        return probe.measure(cohort, Probing(context, stages or {}), full)


def live(stage: Stage, cohort: Cohort, yields: int, planned: int = 50) -> tuple[dict[str, Any], list[Any]]:
    """Live a few yields; the state and the metrics of each yield."""
    state = stage.begin(cohort, given_context(stage, cohort, planned))
    return state, go_on(stage, cohort, state, yields, planned)


def given_context(stage: Stage, cohort: Cohort, planned: int = 50) -> Context:
    """With what the stage takes from other arms."""
    born, seeds = cohort.newborn, cohort.seeds
    given, kept = newborn_givers(stage, born, seeds), kept_before(stage, born, seeds)
    return replace(context_for(seeds, planned), artifacts=given, kept=kept)


def go_on(stage: Stage, cohort: Cohort, state: dict[str, Any], yields: int, planned: int = 50) -> list[Any]:
    segment = stage.segment(cohort, state, given_context(stage, cohort, planned))
    metrics = [found for _, found in zip(range(yields if stage.units else 1), segment, strict=False)]
    segment.close()  # type: ignore[attr-defined]
    return metrics
