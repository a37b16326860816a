"""The contract test of a brain: one learner's network, looked at alone and as a cohort."""

import copy
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import torch
from gymnasium import spaces
from pydantic import ValidationError
from torch import Tensor, nn

from devlearn.learners import flops
from devlearn.learners.brains import Head, Needs, Sense
from devlearn.learners.brains.needs import memory_size
from devlearn.learners.cohort import Cohort, Mapper
from devlearn.learners.optimiser import Optimiser
from devlearn.learners.stacking import initialise
from devlearn.registry import NoPlugin, get, misplaced
from devlearn.tasks.envs.finding import Finding
from devlearn.testing.laws import SEEDS, generators_kept, guarded, raised, unlike, wrong_keys

IMAGE, VECTOR = "image_28x28", "vector"
NEEDS = Needs(
    {IMAGE: Sense(spaces.Box(0, 255, (28, 28), np.uint8)), VECTOR: Sense(spaces.Box(-1, 1, (5,), np.float32))},
    {"digits": Head(10), "actor": Head(3, gaussian=True), "critic": Head(1, critic=True)},
)
MORE = Needs(heads={"extra": Head(4)})
ROWS = 6
TOLERANCE = 1e-4


def check_brain(kind: str | type[nn.Module], keys: Mapping[str, Any] | None = None) -> list[Finding]:
    """Try a brain, by kind or class and with its YAML ``keys``, against every law.

    It is given two senses (an image and a vector) and three heads (labels, a Gaussian actor, a critic).
    """
    try:
        cls = get("brains", kind) if isinstance(kind, str) else kind
    except NoPlugin as error:
        return [Finding("kind", False, str(error))]
    if isinstance(cls, type) and (why := misplaced("brains", str(kind), cls)):
        return [Finding("kind", False, why)]
    return _Trial(cls, dict(keys or {})).findings()


class _Trial:
    """One kind of brain, built and used in all the ways that must agree."""

    def __init__(self, cls: Any, keys: dict[str, Any]) -> None:
        self.cls, self.keys = cls, keys
        pixels = torch.randint(0, 256, (ROWS, 28, 28), generator=torch.Generator().manual_seed(1), dtype=torch.uint8)
        vectors = torch.rand(ROWS, 5, generator=torch.Generator().manual_seed(2)) * 2 - 1
        self.inputs = {IMAGE: pixels, VECTOR: vectors}

    def builder(self, needs: Needs = NEEDS) -> Callable[[], nn.Module]:
        """As the engine builds it, but for a class that is in no registry too."""
        if isinstance(self.cls, type) and issubclass(self.cls, nn.Module):
            return lambda: self.cls(needs, **self.keys)
        return lambda: self.cls(**self.keys).build(needs)

    def findings(self) -> list[Finding]:
        try:
            self.brain = initialise(self.builder(), SEEDS[0])
        except Exception as error:
            if isinstance(error, ValidationError):
                return [Finding("keys", False, wrong_keys(self.cls, self.keys, error))]
            return [Finding("builds", False, f"Class(needs, **keys) {raised(error)}")]
        size = sum(parameter.numel() for parameter in self.brain.parameters())
        laws: dict[str, Callable[[], Finding]] = {
            "shapes": self.shapes,
            "no randomness": self.no_randomness,
            "no memory": self.no_memory,
            "rows": self.rows,
            "seeds": self.seeds,
            "extension": self.extension,
            "cohort": self.cohort,
            "gradients": self.gradients,
            "counting": self.counting,
        }
        if memory_size(self.brain):
            laws["memory"] = self.memory
        if callable(getattr(self.brain, "features", None)):
            laws["features"] = self.features
        return [Finding("builds", True, f"{size:,} parameters"), *(guarded(name, law) for name, law in laws.items())]

    def shapes(self) -> Finding:
        for sense, x in self.inputs.items():
            outputs = self.brain(x, sense, tuple(NEEDS.heads))
            if not isinstance(outputs, tuple) or len(outputs) != len(NEEDS.heads):
                return Finding("shapes", False, "a tuple of heads must give a tuple of outputs, in that order")
            for (name, head), output in zip(NEEDS.heads.items(), outputs, strict=True):
                expected = (ROWS, head.size * (2 if head.gaussian else 1))
                alone = self.brain(x, sense, name)
                if output.shape != expected or alone.shape != expected:
                    what = f"sense {sense}, head {name}: {tuple(alone.shape)}, expected {expected}"
                    gaussian = "; a gaussian head gives means, then log standard deviations" if head.gaussian else ""
                    return Finding("shapes", False, what + gaussian)
        return Finding("shapes", True, "every sense leads to every head, alone and in a tuple")

    def no_randomness(self) -> Finding:
        with generators_kept() as touched:
            for sense, x in self.inputs.items():
                self.brain(x, sense, "digits")
            used = touched()
        if used:
            mend = "random numbers enter as arguments, never inside forward (no nn.Dropout)"
            return Finding("no randomness", False, f"forward draws from the global generator of {used[0]}; {mend}")
        return Finding("no randomness", True, "forward draws no random numbers")

    def no_memory(self) -> Finding:
        before = {name: value.clone() for name, value in self.brain.state_dict().items()}
        for sense, x in self.inputs.items():
            self.brain(x, sense, "digits")
        changed = unlike(before, self.brain.state_dict())
        if changed:
            return Finding("no memory", False, f"forward changes {changed[0]}; it may read buffers, not write them")
        return Finding("no memory", True, "forward changes no buffer")

    def rows(self) -> Finding:
        for sense, x in self.inputs.items():
            gap = _gap(self.brain(x, sense, "digits")[:1], self.brain(x[:1], sense, "digits"))
            if gap > TOLERANCE:
                what = f"sense {sense}: the output for one observation depends on the others in its batch"
                return Finding("rows", False, f"{what}; normalise over features (nn.LayerNorm), not over the batch")
        return Finding("rows", True, "every observation has its own output")

    def memory(self) -> Finding:
        """A sequence gives what its steps give one by one, and a start forgets what was before."""
        hidden, never = torch.full((2, memory_size(self.brain)), 0.5), torch.zeros(2, ROWS // 2, dtype=torch.bool)
        second = never.index_fill(1, torch.tensor(1), True)
        for sense, x in self.inputs.items():
            x, state, steps = x.unflatten(0, never.shape), hidden, []
            for t in range(never.shape[1]):
                out, state = self.brain(x[:, t : t + 1], sense, "digits", state, never[:, :1])
                steps.append(out)
            whole, last = self.brain(x, sense, "digits", hidden, never)
            if max(_gap(whole, torch.stack(steps, 1).flatten(0, 1)), _gap(last, state)) > TOLERANCE:
                what = "a sequence gives other outputs or another last state than its steps one by one"
                return Finding("memory", False, f"sense {sense}: {what}; rows are B-major, (B * T, head size)")
            cut, _ = self.brain(x, sense, "digits", hidden, second)
            if _gap(cut.unflatten(0, never.shape)[:, 1], self.brain(x[:, 1], sense, "digits")) > TOLERANCE:
                what = "a step at which an episode starts is no step from an empty memory"
                return Finding("memory", False, f"sense {sense}: {what}; clear hidden where 'starts' is set")
        return Finding("memory", True, f"{memory_size(self.brain)} numbers, unrolled as stepped, emptied at starts")

    def features(self) -> Finding:
        """What it shows of its layers: rows of numbers, what it sees first, and alike for a cohort."""
        own, loop = Cohort(self.builder(), SEEDS), Cohort(self.builder(), SEEDS, mapper="loop")
        for sense, x in self.inputs.items():
            layers = list(self.brain.features(x, sense))  # type: ignore[operator]
            shapes = [tuple(layer.shape) for layer in layers]
            if any(len(shape) != 2 or shape[0] != ROWS for shape in shapes) or shapes[0][1] != x[0].numel():
                rows = f"the first is what is seen, ({ROWS}, {x[0].numel()}), the others ({ROWS}, D')"
                return Finding("features", False, f"sense {sense}: {', '.join(map(str, shapes))}; {rows}")
            stacked = x.expand(len(SEEDS), *x.shape)
            with torch.no_grad():
                pairs = zip(own.features(stacked, sense), loop.features(stacked, sense), strict=True)
                if max(_gap(one, other) for one, other in pairs) > TOLERANCE:
                    return Finding("features", False, f"sense {sense}: {own.mapping}, and differs from one at a time")
        return Finding("features", True, f"{len(shapes) - 1} layers behind what is seen")

    def seeds(self) -> Finding:
        again, other = (initialise(self.builder(), seed).state_dict() for seed in SEEDS[:2])
        changed = unlike(self.brain.state_dict(), again)
        if changed:
            return Finding("seeds", False, f"{changed[0]} differs between two brains of one seed")
        if not unlike(again, other):
            return Finding("seeds", False, "two seeds give the same weights; initialise with torch.nn.init")
        return Finding("seeds", True, "the weights are a function of the seed")

    def extension(self) -> Finding:
        """Another head leaves the rest bit-equal, so that arms of two scenarios stay comparable."""
        more = initialise(self.builder(NEEDS | MORE), SEEDS[0]).state_dict()
        changed = unlike(self.brain.state_dict(), more)
        if changed:
            mend = "give the module that owns it a reset_parameters method; it is called under a seed of its own"
            return Finding("extension", False, f"one more head changes {changed[0]} at birth; {mend}")
        return Finding("extension", True, "one more head leaves the other weights bit-equal")

    def cohort(self) -> Finding:
        own, loop = Cohort(self.builder(), SEEDS), Cohort(self.builder(), SEEDS, mapper="loop")
        for sense, x in self.inputs.items():
            stacked = x.expand(len(SEEDS), *x.shape)
            with torch.no_grad():
                gap = _gap(own(stacked, sense, "digits"), loop(stacked, sense, "digits"))
            if gap > TOLERANCE:
                return Finding("cohort", False, f"{own.mapping}, and differs by {gap:.2g} from one learner at a time")
        return Finding("cohort", True, f"{own.mapping}, equal to one learner at a time")

    def gradients(self) -> Finding:
        """One step of plain gradient descent: what changes is the gradient."""
        batch = {"x": self.inputs[IMAGE].expand(len(SEEDS), ROWS, 28, 28)}
        own, loop = self._gradients(None, batch), self._gradients("loop", batch)
        size = max(float(gradient.abs().max()) for gradient in loop.values())
        if size == 0:
            return Finding("gradients", False, "no weight has a gradient; does forward detach its result?")
        for name, gradient in loop.items():
            if (gap := _gap(own[name], gradient)) > TOLERANCE * max(size, 1):
                return Finding("gradients", False, f"{name}: differs by {gap:.2g} from one learner at a time")
        return Finding("gradients", True, "each learner's own, equal to one learner at a time")

    def _gradients(self, mapper: Mapper | None, batch: Mapping[str, Tensor]) -> dict[str, Tensor]:
        cohort = Cohort(self.builder(), SEEDS, mapper=mapper)
        before = cohort.state()
        cohort.update(_energy, batch, Optimiser(cohort, {}, "sgd", lr=1.0))
        return {name: before[name] - weights for name, weights in cohort.parameters().items()}

    def counting(self) -> Finding:
        with torch.device("meta"):
            brain = self.builder()()
        shapes = {"x": ((ROWS, 28, 28), torch.uint8)}
        count = flops.update(copy.deepcopy(brain), _energy, shapes)
        if not count:
            return Finding("counting", False, "no FLOPs could be counted: forward has no matrix product")
        return Finding("counting", True, f"{count // ROWS:,} FLOPs a learned image, counted on the meta device")


def _energy(brain: Any, batch: Mapping[str, Tensor]) -> tuple[Tensor, dict[str, Tensor]]:
    """A loss that every weight behind ``digits`` has a part in."""
    return brain(batch["x"], IMAGE, "digits").square().mean((-2, -1)), {}


def _gap(a: Tensor, b: Tensor) -> float:
    return float((a - b).detach().abs().max())
