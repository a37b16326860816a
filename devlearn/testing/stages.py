"""The contract test of a stage: small cohorts live a few yields of it, in all the ways that must agree."""

import math
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from pydantic import ValidationError
from torch import Tensor, nn

from devlearn.learners.brains import Needs, brain_builder
from devlearn.learners.cohort import Cohort
from devlearn.registry import inherits
from devlearn.runs.engine import checkpoint
from devlearn.scenario.controls import misdeclared, no_role
from devlearn.scenario.keys import ROLES, UNITS
from devlearn.stages.context import State
from devlearn.stages.stage import Cost, Stage
from devlearn.tasks.data import source_named
from devlearn.tasks.envs.finding import Finding
from devlearn.testing.drawing import Watched
from devlearn.testing.laws import (
    SEEDS,
    described,
    generators_kept,
    guarded,
    opened,
    raised,
    randomness,
    same,
    unlike,
)
from devlearn.testing.lives_before import kept_before, newborn_givers

YIELDS = 4
BRAIN = {"kind": "mlp", "width": (32, 16)}
FACTOR = 2  # between declared and counted FLOPs: objectives may leave out what is small beside the brain's
TOLERANCE = 1e-2  # of a learner's largest weight change, between cohorts of different size: float32 and Adam round


@dataclass(frozen=True)
class Trace:
    """What came out of a short life: weights and buffers {name: (N, ...)}, what each yield said, the stage's state."""

    weights: dict[str, Tensor]
    yields: list[dict[str, Tensor]]
    state: State


def check_stage(
    kind: str | type[Stage], keys: Mapping[str, Any] | None = None, brain: Mapping[str, Any] = BRAIN
) -> list[Finding]:
    """Try a stage, by kind or class and with its YAML ``keys``, against every law, with a small ``brain``.

    A stage's own errors become findings. Keep batches small: some twenty updates of three learners are lived.
    """
    findings, stage = opened("stages", kind, keys or {}, _declared)
    return findings if stage is None else [*findings, *_Trial(stage, brain).findings()]


def _declared(cls: type[Stage]) -> list[Finding]:
    """What the class says of itself: its role, its controls, its keys."""
    controls = [Finding("controls", False, why)] if (why := misdeclared(cls)) else []
    return [_role(cls), *controls, described(cls)]


def _role(cls: type[Stage]) -> Finding:
    """Whether the class says what the phase is in a life."""
    if why := no_role(cls):
        return Finding("role", False, why)
    if inherits("stages", cls, "role"):
        mend = f"declare one of {', '.join(ROLES)}: role = 'innate' for a prior"
        return Finding("role", False, f"it declares none and counts as {cls.role}; {mend}")
    return Finding("role", True, f"{cls.role}: reports and warnings go by it")


def _needs(stage: Stage) -> Needs:
    """The stage's needs; one that asks for nothing acts on whatever there is, here a learner of digits."""
    own = stage.needs()
    digits = source_named("mnist")
    return own if own.senses else own | Needs(digits.senses, digits.heads)


class _Trial:
    """One stage, lived in many ways."""

    def __init__(self, stage: Stage, brain: Mapping[str, Any]) -> None:
        self.stage, self.brain = stage, brain
        self.once = not stage.units
        self.drawn: set[str] = set()

    def findings(self) -> list[Finding]:
        with generators_kept() as touched:
            try:
                self.builder = brain_builder(self.brain, _needs(self.stage))
                self.newborn = self.cohort().state()
                self.lived = self.live()
            except Exception as error:
                return [Finding("lives", False, raised(error))]
            used = touched()
        laws: dict[str, Callable[[], Finding]] = {
            "metrics": self.metrics,
            "cost": self.cost,
            "streams": self.streams,
            "zero updates": self.zero_updates,
            "deterministic": self.deterministic,
            "cohort size": self.cohort_size,
            "diverged neighbour": self.diverged_neighbour,
            "planned budget": self.planned_budget,
            "held-out objective": self.held_out,
        }
        if not self.once:
            laws["resume"] = self.resume
        first = [
            Finding("lives", True, f"{len(self.lived.yields)} yields of {len(SEEDS)} learners"),
            randomness(used, "context.streams(...)"),
        ]
        return [*first, *(guarded(name, law) for name, law in laws.items())]

    # ---- ways of living -----------------------------------------------------------------------------------------

    def cohort(self, seeds: Sequence[int] = SEEDS) -> Cohort:
        return Cohort(self.builder, seeds)

    def context(self, seeds: Sequence[int], planned: int = 2 * YIELDS) -> Watched:
        given, device = newborn_givers(self.stage, self.cohort, seeds), torch.device("cpu")
        kept = kept_before(self.stage, self.cohort, seeds)
        return Watched(tuple(seeds), "trial", 0, device, planned, artifacts=given, kept=kept, drawn=self.drawn)

    def live(
        self,
        seeds: Sequence[int] = SEEDS,
        pieces: Sequence[int] = (YIELDS,),
        cohort: Cohort | None = None,
        planned: int = 2 * YIELDS,
    ) -> Trace:
        """Live ``pieces`` of yields, each in a new process's place: everything goes through a file in between."""
        cohort = cohort or self.cohort(seeds)
        context = self.context(seeds, planned)
        state = self.stage.begin(cohort, context)
        yields: list[dict[str, Tensor]] = []
        for number, count in enumerate(pieces):
            if number:
                cohort, state = self._through_a_file(cohort, state)
            yields += self._segment(cohort, state, context, 1 if self.once else count)
        return Trace(cohort.state(), yields, state)

    def _segment(self, cohort: Cohort, state: State, context: Watched, count: int) -> list[dict[str, Tensor]]:
        generator = self.stage.segment(cohort, state, context)
        found = []
        try:
            for metrics in generator:
                found.append({name: value.detach().clone() for name, value in metrics.items()})
                if len(found) == count:
                    break
        finally:
            generator.close()  # type: ignore[attr-defined]
        if len(found) < count:
            raise RuntimeError(f"the segment ended by itself after {len(found)} yields; only the engine ends a stage")
        return found

    def _through_a_file(self, cohort: Cohort, state: State) -> tuple[Cohort, State]:
        content = _saved_and_loaded({"brain": cohort.state(), "state": state})
        fresh = self.cohort(cohort.seeds)
        fresh.load(content["brain"])
        return fresh, content["state"]

    # ---- laws ---------------------------------------------------------------------------------------------------

    def metrics(self) -> Finding:
        declared = set(self.stage.columns())
        for said in self.lived.yields:
            if missing := declared - set(said):
                return Finding("metrics", False, f"it declares {', '.join(sorted(missing))} and yields none")
            if extra := set(said) - declared:
                return Finding("metrics", False, f"it yields {', '.join(sorted(extra))}; name that in 'metrics'")
            for name, value in said.items():
                if value.shape != (len(SEEDS),):
                    return Finding(
                        "metrics", False, f"{name} has shape {tuple(value.shape)}; yield one number a learner"
                    )
        return Finding("metrics", True, f"({len(SEEDS)},) each: {', '.join(self.stage.columns()) or 'none declared'}")

    def _takes(self, unit: str) -> bool:
        """Whether the stage, with its other keys, can be given a budget in a unit."""
        keys = self.stage.model_dump(mode="json", by_alias=True, exclude=set[str](UNITS))
        try:
            type(self.stage).model_validate({**keys, unit: 1})
        except ValidationError:
            return False
        return True

    def cost(self) -> Finding:
        """The declared cost of a yield is what a yield does: FLOPs to a factor, as far as torch computes them."""
        with torch.device("meta"):
            brain: nn.Module = self.builder()
        cost, cohort = self.stage.cost(brain), self.cohort()
        context = self.context(SEEDS)
        state = self.stage.begin(cohort, context)
        if cost.first is not None:
            self._segment(cohort, state, context, 1)
            if cohort.updates or cost.first.updates:
                return Finding("cost", False, "the visit's first yield costs otherwise, and has to take no updates")
        self._segment(cohort, state, context, 1)
        if cohort.updates != cost.updates:
            return Finding("cost", False, f"a yield took {cohort.updates} updates, 'cost' declares {cost.updates}")
        units = [unit for unit in self.stage.units if not getattr(cost, unit) and self._takes(unit)]
        if units:
            return Finding("cost", False, f"a budget in {units[0]} would never end: 'cost' declares none per yield")
        if self.stage.uses_labels() and not cost.labels and (self.stage.units or getattr(self.stage, "labels", None)):
            mend = "declare how many, Cost(..., labels=.., label_bits=..), or let 'uses_labels' return False"
            return Finding("cost", False, f"it reads labels and 'cost' declares none; {mend}")
        if self.stage.units and (spent := self._flops(cost)) and not spent / FACTOR <= cost.flops <= spent * FACTOR:
            mend = "count them with flops.update and flops.forward"
            return Finding("cost", False, f"a yield took {spent:,} FLOPs, 'cost' declares {cost.flops:,}; {mend}")
        if self.stage.units and (shown := self._images()) is not None and shown != cost.images:
            mend = "count every image that a network sees, each view and each copy of a population by itself"
            return Finding("cost", False, f"a yield showed {shown:,} images, 'cost' declares {cost.images:,}; {mend}")
        told = f"{cost.updates} updates, {cost.env_steps} env_steps, {cost.images:,} images, {cost.flops:,} FLOPs"
        return Finding("cost", True, f"a yield: {told}")

    def _flops(self, cost: Cost) -> int:
        """What torch computes in a yield of one learner: products and convolutions, on average.

        Nothing where learners share lineages: one learner's yield is then that of all the ancestors.
        """
        if self.stage.lineage(SEEDS[0]) is not None:
            return 0
        from torch.utils.flop_counter import FlopCounterMode

        cohort, context = Cohort(self.builder, SEEDS[:1], mapper="loop"), self.context(SEEDS[:1])
        state = self.stage.begin(cohort, context)
        if cost.first is not None:
            self._segment(cohort, state, context, 1)
        with FlopCounterMode(display=False) as counter:
            self._segment(cohort, state, context, YIELDS)
        return int(counter.get_total_flops()) // YIELDS

    def _images(self) -> int | None:
        """How many images the network of one learner is shown in a yield, on average.

        None where it has no eye for images, where what it sees are steps of an environment, which are counted as such,
        and, as for FLOPs, where learners share lineages.
        """
        played, senses = "env_steps" in self.stage.units, _needs(self.stage).senses
        axes = {name: len(sense.space.shape) for name, sense in senses.items() if sense.space.dtype == "uint8"}
        looks = any(count >= 2 for count in axes.values())
        if played or not looks or self.stage.lineage(SEEDS[0]) is not None:
            return None
        shown: list[int] = []

        def watched() -> nn.Module:
            model: nn.Module = self.builder()
            model.register_forward_hook(see)
            return model

        def see(model: nn.Module, inputs: tuple[Any, ...], _: Any) -> None:
            blank = any(not any(weight.stride()) for weight in model.parameters() if weight.numel() > 1)
            if inputs[1] in axes and not blank:  # a copy for counting FLOPs sees nothing
                shown.append(math.prod(inputs[0].shape[: inputs[0].dim() - axes[inputs[1]]]))

        cohort, context = Cohort(watched, SEEDS[:1], mapper="loop"), self.context(SEEDS[:1])
        state = self.stage.begin(cohort, context)
        shown.clear()
        self._segment(cohort, state, context, YIELDS)
        return sum(shown) // YIELDS

    def streams(self) -> Finding:
        if missing := self.drawn - set(self.stage.stream_names):
            mend = "name it in 'stream_names', so that 'pin' can name it too"
            return Finding("streams", False, f"it draws from the stream {sorted(missing)[0]!r}; {mend}")
        return Finding("streams", True, f"from {', '.join(sorted(self.drawn)) or 'no stream'}")

    def zero_updates(self) -> Finding:
        cohort = self.cohort()
        self.stage.begin(cohort, self.context(SEEDS))
        changed = unlike(self.newborn, cohort.state())
        if changed:
            return Finding("zero updates", False, f"'begin' changed {changed[0]}; weights change in 'segment' only")
        return Finding("zero updates", True, "'begin' leaves the weights alone")

    def deterministic(self) -> Finding:
        again = self.live()
        changed = _differences(self.lived, again)
        if changed:
            why = f"living it twice gives two {changed[0]}; draw all randomness from context.streams(...)"
            return Finding("deterministic", False, why)
        return Finding("deterministic", True, "living it twice gives the same bits")

    def resume(self) -> Finding:
        for pieces in ((2, 2), (1, 3)):
            again = self.live(pieces=pieces)
            changed = _differences(self.lived, again)
            if changed:
                what = f"stopped after {pieces[0]} yields and resumed from its state, it has other {changed[0]}"
                mend = "keep everything that lasts in 'state', complete before every yield"
                return Finding("resume", False, f"{what}; {mend}")
        return Finding("resume", True, "stopped, saved, loaded and continued, it gives the same bits")

    def cohort_size(self) -> Finding:
        alone = self.live(SEEDS[1:2])
        for name, weights in self.lived.weights.items():
            before, among, single = self.newborn[name][1], weights[1], alone.weights[name][0]
            change = float((among - before).abs().max()) if before.numel() else 0.0
            gap = float((among - single).abs().max()) if before.numel() else 0.0
            if not gap <= TOLERANCE * change + 1e-6:
                what = f"{name} of a learner differs by {gap:.2g} between a cohort of 3 and a cohort of 1"
                mend = "nothing may couple learners: no mean over N, no global norm, streams by seed"
                return Finding("cohort size", False, f"{what}; {mend}")
        return Finding("cohort size", True, "a learner lives the same life alone and among others")

    def diverged_neighbour(self) -> Finding:
        cohort = self.cohort()
        for weights in cohort.parameters().values():
            weights[0] = torch.nan
        among = self.live(cohort=cohort)
        changed = [name for name, value in self.lived.weights.items() if not same(value[1:], among.weights[name][1:])]
        if changed:
            return Finding("diverged neighbour", False, f"a NaN in one learner changes {changed[0]} of the others")
        return Finding("diverged neighbour", True, "a learner that diverged leaves the others bit-equal")

    def planned_budget(self) -> Finding:
        """Who says that it does not follow the planned budget is lived alike under any."""
        if self.stage.follows_budget():
            return Finding("planned budget", True, "it follows it; no gate may make that unknown beforehand")
        changed = _differences(self.lived, self.live(planned=20 * YIELDS))
        if changed:
            why = f"with more yields planned it has other {changed[0]}"
            return Finding("planned budget", False, f"{why}; write a 'follows_budget' that returns True")
        return Finding("planned budget", True, "it does the same whatever is planned")

    def held_out(self) -> Finding:
        cohort = self.cohort()
        try:
            with torch.no_grad():
                found = self.stage.evaluate(cohort, self.context(SEEDS))
        except NotImplementedError:
            return Finding("held-out objective", True, "none; the probe 'objective' can't measure this stage")
        wrong = [name for name, value in found.items() if value.shape != (len(SEEDS),)]
        if wrong or unlike(self.newborn, cohort.state()):
            why = f"{wrong[0]} is not (N,)" if wrong else "it changes the learners"
            return Finding("held-out objective", False, f"'evaluate': {why}")
        return Finding("held-out objective", True, f"'evaluate' measures {', '.join(found)}")


def _saved_and_loaded(content: dict[str, Any]) -> dict[str, Any]:
    """Through a file, as a checkpoint goes (its loader accepts tensors and plain values only)."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "state.pt"
        checkpoint.save(path, content)
        return checkpoint.load(path)


def _differences(a: Trace, b: Trace) -> list[str]:
    """What differs between two lives: names of weights, then of metrics."""
    found = unlike(a.weights, b.weights)
    for one, other in zip(a.yields, b.yields, strict=True):
        found += unlike(one, other)
    return found
