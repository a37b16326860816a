"""For every stage and probe the smallest scenario that uses it, and what one learner of it is planned to consume."""

from dataclasses import dataclass, fields
from functools import cache
from typing import Any

from devlearn import registry
from devlearn.runs.plan import plan
from devlearn.runs.plan.model import PlannedStage
from devlearn.scenario import Scenario, parse
from devlearn_docs.words import Json, code, flow, table

CASINO: Json = {"env": "devlearn/GreedyCasino-v0", "controller": "bot"}
PENDULUM: Json = {"env": "Pendulum-v1"}
STAGE_KEYS: dict[str, Json] = {  # what has no default, beside the budget
    "caregiver.judge": CASINO,
    "imitate.clone": CASINO,
    "imitate.dagger": CASINO,
    "imitate.observe": {**CASINO, "updates": 200},
    "innate.evolve_reflex": {**PENDULUM, "updates": 20},
    "innate.reflex": PENDULUM,
    "innate.inherit": {"files": ["ancestor.genome.npz"]},
    "pretrain.predict": {"env": "devlearn/DigitReach-v0"},
    "trial.dqn": {"env": "devlearn/CartPole-v1"},
    "trial.ppo": {"env": "devlearn/CartPole-v1"},
    "trial.sac": PENDULUM,
}
SUPERVISED = ("supervise", "supervise.evolution", "supervise.reinforce", "caregiver.guess", "caregiver.words")
BEFORE: dict[str, Json] = {  # a stage that has to come first
    "consolidate.sleep": {"kind": "supervise", "updates": 200, "protect": {"kind": "replay", "size": 200}},
}
FROM_FILES = ("innate.inherit",)  # what files say it costs
BUDGETS = {"updates": 200, "env_steps": 10240}
SCHOOL: Json = {"kind": "supervise", "data": "mnist.train", "labels": 100, "updates": 150}
PLAY: Json = {"kind": "trial.ppo", "env": "devlearn/CartPole-v1", "env_steps": 10240}
PROBES: dict[str, Json] = {  # a probe's keys beside its kind
    "objective": {"stage": "look"},
    "return": {"env": "devlearn/CartPole-v1", "worst": 0},
}
UNITS = {
    "labels": "labels",
    "images": "images",
    "env_steps": "environment steps",
    "updates": "updates",
    "feedback_events": "events of feedback",
    "kept_images": "images kept",
}


@dataclass(frozen=True)
class Example:
    """A scenario's file, and the name of what it is an example of."""

    text: str
    name: str

    def scenario(self) -> Scenario:
        return parse(self.text, f"{self.name}.yaml")


@cache
def of_stage(kind: str) -> Example:
    """One arm with the stage, and one without it where there is something to compare."""
    cls = registry.get("stages", kind)
    name = kind.rpartition(".")[2]
    given = STAGE_KEYS.get(kind, {})
    budget = {unit: BUDGETS[unit] for unit in cls.units[:1] if not given.keys() & BUDGETS.keys()}
    own = {"kind": kind, **budget, **given}
    if kind in SUPERVISED:
        return Example(_file(name, {name: {**own, "labels": 100}}, {"random-init": [name]}, {"digits": DIGITS}), name)
    if "env" in own and cls.role != "pretrain":
        probes = {"skill": {"kind": "return", "env": own["env"], "worst": _worst(own["env"])}}
        return Example(_file(name, {name: own}, {name.replace("_", "-"): [name]}, probes), name)
    before = {"first": BEFORE[kind]} if kind in BEFORE else {}
    stages = {**before, name: own, "school": SCHOOL}
    arm = name.replace("_", "-")
    arms = {"random-init": ["school"], arm: [*before, name, "school"]}
    return Example(_file(name, stages, arms, {"digits": DIGITS}, [arm, "random-init"]), name)


@cache
def of_probe(kind: str) -> Example:
    """One arm that is measured."""
    probes = {"measure": {"kind": kind, **PROBES.get(kind, {})}}
    stages: dict[str, Json] = {"school": SCHOOL}
    if kind == "return":
        stages = {"play": PLAY}
    elif kind == "objective":
        stages = {"look": {"kind": "pretrain.denoise", "updates": 200}, **stages}
    return Example(_file(kind, stages, {"random-init": list(stages)}, probes), kind)


DIGITS: Json = {"kind": "accuracy", "data": "mnist.test", "every": 50}


def _worst(env: str) -> int:
    return -2000 if env == PENDULUM["env"] else 0


def _file(
    name: str,
    stages: dict[str, Json],
    arms: dict[str, list[str]],
    probes: dict[str, Json],
    pair: list[str] | None = None,
) -> str:
    """The lines of a scenario file; with a pair it compares."""
    lines = ["devlearn: 1", f"scenario: {name.replace('_', '-')}", "seeds: 16", "brain: {kind: mlp, width: [128, 64]}"]
    for section, entries in (("stages", stages), ("arms", arms), ("probes", probes)):
        lines += [f"{section}:", *(f"  {key}: {flow(value)}" for key, value in entries.items())]
    probe = next(iter(probes))
    lines += [f"compare: {flow({'probe': probe, 'smallest_effect': 0.01, 'pairs': [pair]})}"] if pair else []
    return "\n".join(lines) + "\n"


@cache
def planned(kind: str) -> PlannedStage | None:
    """The stage in the plan of its example; None where files say what it costs."""
    if kind in FROM_FILES:
        return None
    example = of_stage(kind)
    stages = [stage for arm in plan(example.scenario()).points[0].arms for stage in arm.stages]
    return next(stage for stage in stages if stage.kind == kind and stage.name == example.name)


def cost(kind: str) -> str:
    """What one learner of the example consumes in the stage."""
    stage = planned(kind)
    if stage is None:
        return "What the making of its files took, which each file says."
    spent: dict[str, Any] = {one.name: getattr(stage.ledger, one.name) for one in fields(stage.ledger)}
    used = [[UNITS[unit], f"{spent[unit]:,.0f}"] for unit in UNITS if spent.get(unit)]
    used += [["FLOPs", flops(spent["flops"])]] if spent["flops"] else []
    if not used:
        return "Nothing on the ledger: it acts once."
    return table(("one learner consumes", "in this stage"), used)


def flops(count: float) -> str:
    """``5.8 GFLOP``."""
    size, name = next(((size, name) for size, name in ((1e12, "T"), (1e9, "G"), (1e6, "M")) if count >= size), (1, ""))
    return f"{count / size:,.3g} {name}FLOP"


def shown(example: Example) -> str:
    """The file and the command that runs it."""
    file = f"{example.name}.yaml"
    return f"{code(file)}:\n\n```yaml\n{example.text}```\n\n```bash\ndevlearn run {file}\n```"
