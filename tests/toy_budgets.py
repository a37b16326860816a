"""Toy budgets, at which every shipped scenario runs to its verdict in seconds: ``--set`` by scenario."""

from typing import Any

FEW_LABELS: dict[str, Any] = {
    "brain": {"kind": "conv", "channels": [2], "width": [8]},
    "stages.waves.updates": 2,
    "stages.look.updates": 2,
    "stages.look.batch": 8,
    "stages.play.env_steps": 512,
    "stages.school.unlabelled_batch": 8,
    "vary": [{"stages.school.labels": 10, "stages.school.updates": 2}],
}
K_MEANS = {"fit_images": 50, "restarts": 1}
STACKED = [{"id": "FrameStackObservation", "stack_size": 3}]
REPLAYED = {"stages.play.batch": 8, "brain.width": [16, 12], "block": 4}
IDLE = ("random-init", "random", "reflex-alone", "observer", "explorer", "obedient", "contrary")
TRIED = ("stages.act", "stages.watch", "stages.blind", "probes.acting", "probes.untold", "probes.watching")


def toy(*stages: str) -> dict[str, int]:
    """Two rollouts of each of some trial.ppo."""
    keys = {"env_steps": 64, "num_envs": 2, "rollout": 16, "minibatches": 2}
    return {f"stages.{stage}.{key}": value for stage in stages for key, value in keys.items()}


EARLY = [
    {"use": "look", "set": {"updates": 4}},
    {"use": "play", "set": {"env_steps": 64}},
    {"use": "watch", "set": {"env_steps": 32}},
]
TOY: dict[str, dict[str, Any]] = {
    "first_steps": {
        "stages.waves.updates": 4,
        "stages.look.updates": 4,
        "stages.play.env_steps": 1024,
        "stages.school.updates": 8,
        "probes.held.every": 4,
        "brain.width": [16, 8],
        "block": 2,
    },
    "plain_mnist": {
        "vary": [
            {"brain": {"kind": "mlp", "width": [16]}, "stages.school.images": 512},
            {"brain": {"kind": "conv", "channels": [2], "width": [8]}, "stages.school.images": 512},
        ]
    },
    "proxy_and_metric": {
        "stages.school.updates": 4,
        "stages.guess.updates": 4,
        "stages.evolve.updates": 8,
        "stages.evolve.population": 8,
        "stages.evolve.batch": 32,
        "probes.digits.every": 2,
        "block": 4,
    },
    "old_age": {
        **{"stages.life.updates": 4, "stages.life.tasks.every": 2, "arms.adam-young": ["life"]},
        "arms.sgd-young": [{"use": "life", "set": {"optimiser": "sgd"}}],
        **{"probes.fresh.updates": 2, "probes.fresh.every": 2, "probes.health.every": 2, "probes.health.images": 20},
        **{"brain.width": [8, 8], "block": 4},
    },
    "scaling_labels": {"stages.school.updates": 2, "vary": {"stages.school.labels": [10, 100, 300, 3000]}, "block": 4},
    "scaling_width": {"stages.school.updates": 2, "vary": {"brain.width": [[4], [8], [16]]}, "block": 4},
    "layers": {
        "vary": [
            {"brain": {"kind": "mlp", "width": [16, 12]}, "stages.school.updates": 8},
            {"brain": {"kind": "conv", "channels": [2], "width": [8]}, "stages.school.updates": 8},
        ],
        "probes.depth.fit_images": 50,
        "block": 2,
    },
    "critical_period": {
        "stages.school.updates": 6,
        "stages.school.batch": 8,
        "probes": {
            "digits": {"kind": "accuracy", "every": 2},
            "held": {"kind": "accuracy", "data": "mnist.valid", "every": 2},
        },
        "arms.early": [{"use": "school", "set": {"change": [{"from": 0, "until": 2, "set": {"blur": 4}}]}}],
        "arms.late": [{"use": "school", "set": {"change": [{"from": 2, "until": 4, "set": {"blur": 4}}]}}],
        "arms.never-restarted": [{"use": "school", "set": {"updates": 2}}, {"use": "school", "set": {"updates": 4}}],
        "arms.early-restarted": [
            {"use": "school", "set": {"updates": 2, "blur": 4}},
            {"use": "school", "set": {"updates": 4}},
        ],
        "arms.late-start": [{"use": "school", "set": {"updates": 4}}],
        "brain.width": [16, 8],
        "block": 4,
    },
    "newborn_steps": {
        "stages.play.env_steps": 64,
        "stages.play.num_envs": 2,
        "stages.play.rollout": 16,
        "stages.play.minibatches": 2,
        "probes.walk": {
            "kind": "return",
            "env": "BipedalWalker-v3",
            "episodes": 1,
            "limit": 20,
            "worst": -300,
            "every": 8,
        },
        "arms.fading": ["reflex", {"use": "play", "set": {"change": [{"from": 8, "set": {"reflex": 0}}]}}],
        "brain.width": [8],
        "block": 4,
    },
    "newborn_swim": {
        "stages.stroke.env_steps": 32,
        "stages.stroke.population": 4,
        "stages.stroke.limit": 4,
        "stages.play.env_steps": 64,
        "stages.play.num_envs": 2,
        "stages.play.rollout": 16,
        "stages.play.minibatches": 2,
        "probes.swim": {"kind": "return", "env": "Swimmer-v5", "episodes": 1, "limit": 20, "worst": -50},
        "brain.width": [8],
        "block": 4,
    },
    **{
        name: {
            "stages.play.env_steps": 64,
            "stages.play.num_envs": 2,
            "stages.play.rollout": 16,
            "stages.play.minibatches": 2,
            "probes": {probe: {"kind": "return", "env": env, "episodes": 2, "sampled": True, "worst": 0}},
            "brain.width": [8],
            "block": 4,
        }
        for name, probe, env in (
            ("curious", "screen", "devlearn/NoisyTV-v0"),
            ("curious_corridor", "door", "devlearn/KeyCorridor-v0"),
        )
    },
    "mother_tongue": {
        **{
            f"stages.{stage}.{key}": size
            for stage in ("hear", "guess")
            for key, size in (("updates", 3), ("batch", 16))
        },
        **{f"probes.{probe}.{key}": size for probe in ("odd", "same") for key, size in (("every", 2), ("quick", 100))},
        "brain.width": [8],
        "block": 4,
    },
    "feedback_rungs": {
        **{
            f"stages.{stage}.{key}": size
            for stage in ("hear", "guess")
            for key, size in (("updates", 4), ("batch", 16))
        },
        "probes.digits.every": 2,
        "probes.digits.quick": 100,
        "brain.width": [8],
        "block": 4,
    },
    "lessons": {
        "stages.play.env_steps": 64,
        "stages.play.num_envs": 2,
        "stages.play.rollout": 16,
        "stages.play.minibatches": 2,
        "probes.door.episodes": 2,
        "probes.door.every": 8,
        "brain.width": [8],
        "block": 4,
    },
    "time_and_memory": {
        "stages.maze.env_steps": 64,
        "stages.maze.num_envs": 4,
        "stages.maze.rollout": 8,
        "probes.memory.episodes": 2,
        "probes.memory.every": 16,
        "brain.width": [4],
        "vary": [
            {"brain.memory": "none", **{f"{who}.wrappers": STACKED for who in ("stages.maze", "probes.memory")}},
            {"brain.memory": "gru"},
            {"brain.memory": "episodic", "brain.slots": 3},
        ],
        "block": 5,
    },
    "reward_only": {
        "stages.school.updates": 4,
        "stages.guess.updates": 4,
        "probes.digits.every": 2,
        "brain.width": [8],
    },
    "causes": {
        **toy("act", "watch", "told", "blind", "roam"),
        "stages.imitate.env_steps": 64,
        "stages.imitate.num_envs": 2,
        "probes.acting.episodes": 4,
        "probes.untold.episodes": 4,
        "probes.watching.episodes": 4,
        "probes.freely.episodes": 4,
        "probes.stories.episodes": 4,
        "brain.width": [8],
        "block": 4,
    },
    "causes_trials": {
        **toy("act", "watch", "blind"),
        "probes.acting.episodes": 4,
        "probes.untold.episodes": 4,
        "probes.watching.episodes": 4,
        "brain.width": [8],
        "block": 4,
        "vary": [{f"{path}.env_kwargs.k": k for path in TRIED} for k in (1, 2)],
    },
    "casino": {
        **toy("play"),
        "stages.imitate.env_steps": 64,
        "stages.imitate.num_envs": 2,
        "probes.wins.episodes": 4,
        "probes.untold.episodes": 4,
        "brain.width": [8],
        "block": 4,
    },
    "copying": {
        "stages.play.env_steps": 64,
        "stages.play.num_envs": 2,
        "stages.play.rollout": 16,
        "stages.play.minibatches": 2,
        **{f"stages.{name}.rollout": 8 for name in ("alone", "clone", "dagger")},
        **{f"stages.{name}.minibatches": 2 for name in ("alone", "clone", "dagger", "observe")},
        "stages.observe.model_updates": 4,
        "probes": {"pole": {"kind": "return", "env": "CartPole-v1", "episodes": 2, "limit": 30, "worst": 0}},
        "vary": [
            {
                **{f"stages.{name}.env_steps": steps for name in ("alone", "clone", "dagger")},
                **{f"stages.observe.{key}": steps // 2 for key in ("observed", "play")},
                "stages.observe.updates": steps // 8,
            }
            for steps in (32, 64)
        ],
        "brain.width": [8],
        "block": 6,
    },
    "innate/genome": {
        "stages.genome.updates": 3,
        "stages.genome.batch": 16,
        "brain.width": [12],
        "vary": {"stages.genome.compression": [8, 16]},
        "block": 4,
    },
    "innate/evolve": {
        "stages.darwin.updates": 4,
        "stages.darwin.population": 8,
        "stages.baldwin.updates": 3,
        "stages.baldwin.population": 4,
        "stages.baldwin.inner": 2,
        "stages.school.updates": 4,
        "probes.digits.every": 2,
        "brain.width": [8],
        "block": 4,
    },
    "innate/reptile": {
        "stages.reptile.updates": 8,
        "stages.reptile.inner": 2,
        "stages.school.updates": 4,
        "probes.digits.every": 2,
        "brain.width": [12],
        "block": 4,
    },
    "hot_start": {
        "stages.genome.updates": 3,
        "stages.genome.batch": 16,
        "stages.genome.compression": 8,
        "stages.school.updates": 8,
        "stages.school.batch": 16,
        "probes.digits.every": 4,
        "brain.width": [12],
    },
    "few_labels": {**FEW_LABELS, "block": 4},
    "few_labels_hundred": {**FEW_LABELS, "block": 4},
    "few_labels_priors": {
        **{
            f"stages.{name}.updates": 2
            for name in ("waves", "noise", "denoise", "contrast", "cluster", "predict", "mask", "school")
        },
        **{f"stages.{name}.batch": 8 for name in ("waves", "noise", "denoise", "contrast", "cluster", "mask")},
        "stages.school.unlabelled_batch": 8,
        "vary": {"stages.school.labels": [10]},
        "block": 4,
    },
    "innate/waves": {
        "stages.waves.updates": 2,
        "stages.waves.batch": 8,
        "stages.neighbours.updates": 2,
        "stages.neighbours.batch": 8,
        "stages.school.updates": 4,
        "stages.school.batch": 16,
        "probes.digits.every": 2,
        "probes.held.every": 2,
        "brain.width": [16, 8],
        "block": 4,
    },
    "childhood": {
        "stages.look.batch": 8,
        **toy("play"),
        "stages.watch.num_envs": 2,
        "stages.watch.rollout": 8,
        "stages.watch.minibatches": 2,
        "arms.life": [{"use": "waves", "set": {"updates": 2}}, *EARLY, {"use": "school", "set": {"updates": 4}}],
        "arms.backwards": [{"use": "school", "set": {"updates": 4}}, *EARLY[::-1]],
        "arms.interleaved": [*EARLY, {"use": "school", "set": {"updates": 2, "labels": 50}}] * 2,
        "arms.only-look": EARLY[:1],
        "arms.only-play": EARLY[1:2],
        "arms.only-watch": EARLY[2:],
        "arms.random-init": [{"use": "school", "set": {"updates": 4}}],
        "probes.near.episodes": 2,
        "probes.far.episodes": 2,
        "brain.width": [16, 8],
    },
    "split_mnist": {
        "stages": {f"task{number}": {"updates": 2} for number in range(1, 6)},
        "vary": {"stream.setting": ["class"]},
        "brain.width": [16, 16],
        "block": 4,
    },
    "permuted_mnist": {"stream.into": 2, "stream.stage.updates": 4, "brain.width": [16, 16], "block": 4},
    "permuted_mnist_pass": {"stream.into": 2, "stream.stage.updates": 4, "brain.width": [16, 16], "block": 4},
    "rotated_mnist": {"stream.into": 2, "stream.stage.updates": 4, "brain.width": [16, 16], "block": 4},
    "looking": {
        **{f"stages.{name}.images": 64 for name in ("denoise", "mask", "contrast", "cluster")},
        **{f"stages.{name}.batch": 16 for name in ("denoise", "mask", "contrast", "cluster")},
        "stages.predict.env_steps": 128,
        "stages.predict.num_envs": 8,
        "probes.linear.fit_images": 50,
        "probes.neighbours.fit_images": 50,
        "brain.width": [16, 8],
        "block": 4,
    },
    "clustering": {
        "stages.cluster.updates": 2,
        "stages.cluster.batch": 32,
        "arms.iic-sham": [{"use": "cluster", "set": {"sham": True}}],
        **{f"probes.{name}.{key}": value for name in ("pixels", "features") for key, value in K_MEANS.items()},
        "brain.width": [16, 8],
        "block": 4,
    },
    "clustering_codes": {
        "stages.rebuild.updates": 2,
        "stages.rebuild.batch": 32,
        **{f"probes.{name}.{key}": value for name in ("pixels", "codes") for key, value in K_MEANS.items()},
        "brain.width": [16, 4],
        "block": 4,
    },
    "newborn_eyes": {
        **{f"stages.{name}.updates": 2 for name in ("waves", "noise", "genome", "mask", "evolve", "reptile", "school")},
        **{f"stages.{name}.labels": 20 for name in ("genome", "mask", "evolve", "reptile")},
        "stages.waves.batch": 4,
        "stages.noise.batch": 8,
        "stages.evolve.population": 4,
        "stages.genome.compression": 4,
        "stages.school.labels": 10,
        "stages.school.batch": 10,
        "brain.width": [12],
        "probes": {
            "digits": {"kind": "accuracy", "every": 1, "quick": 200},
            "held": {"kind": "accuracy", "data": "mnist.valid", "every": 1, "quick": 200},
        },
        "block": 4,
    },
    "cartpole": {"stages.play.env_steps": 1024, "probes.balance.every": 16},
    "cartpole_dqn": {
        **REPLAYED,
        "stages.play.env_steps": 300,
        "stages.play.learning_starts": 100,
        "arms.random": [{"use": "play", "set": {"random": True, "env_steps": 20}}],
        "probes.balance.every": 8,
    },
    "acrobot": {
        **{key.replace("play", "dqn"): value for key, value in REPLAYED.items()},
        "stages.ppo.env_steps": 512,
        "stages.dqn.env_steps": 300,
        "stages.dqn.learning_starts": 100,
        "arms.random": [{"use": "dqn", "set": {"random": True, "env_steps": 20}}],
        "probes.swing.episodes": 2,
    },
    "pendulum": {
        **REPLAYED,
        "stages.play.env_steps": 130,
        "arms.random": [{"use": "play", "set": {"random": True, "env_steps": 20}}],
        "probes.swing.every": 8,
        "probes.swing.episodes": 2,
    },
    "innate/gabor": {
        "stages.school.updates": 4,
        "probes.digits.every": 2,
        "vary": {"stages.school.labels": [10, 20]},
        "brain.width": [32],
        "block": 4,
    },
    "innate/mimetic": {
        "stages.school.updates": 4,
        "probes.digits.every": 2,
        "vary": {"stages.school.labels": [10, 20]},
        "brain.width": [32],
        "block": 4,
    },
    **{
        f"innate/{prior}_tuned": {
            "stages.school.updates": 4,
            "probes.digits.every": 2,
            "vary": {"stages.school.labels": [10]},
            "tune.over": {"stages.school.lr": [1e-3, 3e-3]},
            "tune.seeds": [200, 201],
            "brain.width": [32],
            "block": 4,
        }
        for prior in ("gabor", "mimetic")
    },
    "innate/noise": {
        "stages.noise.updates": 4,
        "stages.school.updates": 4,
        "probes.digits.every": 2,
        "probes.align.every": 2,
        "brain.width": [16, 8],
        "block": 4,
    },
    "innate/mask": {"stages.mask.updates": 4, "stages.school.updates": 4, "brain.width": [20, 10], "block": 4},
}
