"""N learners trained as one program.

Users write a module for ONE learner; mapping it over a cohort is done here and nowhere else. Each parameter exists
once, with a leading N axis. Summing the learners' losses and one backward pass gives each learner its own gradient, so
an element-wise optimiser on the stacked parameters is exactly N optimisers.

Three mappers give one result:

- ``stacked``: the module's operations act on trailing axes (it says ``stacks = True``): it is called once, with
  parameters that carry a leading N axis;
- ``vmap``: ``torch.func.vmap`` over parameters, for any module it accepts;
- ``loop``: member by member, for what vmap refuses, and for convolutions on the CPU where each learner is shown much.

Updates of convolutions on the CPU take vmap or a loop by their size (``devlearn.learners.convolutions``). Where it is
asked for, the update of a stacked cohort is one compiled program (``devlearn.learners.compiled``).
"""

from __future__ import annotations

import copy
import fnmatch
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from devlearn.lazy import torch
from devlearn.learners import flops
from devlearn.learners.brains.needs import memory_size
from devlearn.learners.compiled import CompiledLosses
from devlearn.learners.convolutions import Convolutions
from devlearn.learners.guard import Guard
from devlearn.learners.modules import refuse, refuse_differing
from devlearn.learners.objectives import Objective
from devlearn.learners.optimiser import Optimiser
from devlearn.learners.stacking import aliases, column, copy_into, fill, initialise, row_of, stack, twin, why_looped

if TYPE_CHECKING:
    from torch import Tensor, nn

Batch: TypeAlias = "Mapping[str, Tensor]"
Mapper = Literal["stacked", "vmap", "loop"]


class Cohort:
    """N learners of one architecture.

    Args:
        build: makes one learner's untrained network (called N times).
        seeds: one seed a learner.
        device: where the tensors live.
        mapper: forces a mapper; by default it is chosen, and ``mapping`` says which and why.
        dtype: of weights and computations.
        born: seeds of the first weights in place of the learners' own.
        compiled: compile what updates minimise, where the network and the objective are stacked, the objective does not
            say ``compiles = False``, and no guard stands between; it rounds otherwise.

    Attributes:
        model: the module, with parameters and buffers that carry a leading N axis.
        buffers: by qualified name, (N, *shape).
        updates: gradient steps taken.
        guard: what is asked at every update, a protection's; None as a rule.
    """

    def __init__(
        self,
        build: Callable[[], nn.Module],
        seeds: Sequence[int],
        device: str | torch.device = "cpu",
        mapper: Mapper | None = None,
        dtype: torch.dtype | None = None,
        born: Sequence[int] | None = None,
        compiled: bool = False,
    ) -> None:
        self.seeds = tuple(seeds)
        self._build = build
        self.device = torch.device(device)
        self.updates = 0
        self.guard: Guard | None = None
        members = [initialise(build, seed).to(self.device, dtype or torch.float32) for seed in born or self.seeds]
        refuse(members[0])
        refuse_differing(members)
        parameters, buffers = torch.func.stack_module_state(members)
        self.weights = {name: torch.nn.Parameter(tensor.detach().clone()) for name, tensor in parameters.items()}
        self.buffers: dict[str, Tensor] = {name: tensor.clone() for name, tensor in buffers.items()}
        self._frozen: set[str] = set()
        self._reached: set[str] = set()  # parameters that the last backward pass gave a gradient
        self._template = members[0]
        self._aliases = aliases(self._template)
        self.model = self._model_over(None)
        self._choose(mapper)
        self._compiled = CompiledLosses(self.device) if compiled and self.mapper == "stacked" else None

    # ---- construction -------------------------------------------------------------------------------------------

    @property
    def n(self) -> int:
        return len(self.seeds)

    @property
    def dtype(self) -> torch.dtype:
        return next(iter(self.weights.values())).dtype

    @property
    def memory_size(self) -> int:
        """How many numbers a learner remembers of one sequence; 0 without memory."""
        return memory_size(self._template)

    def _model_over(self, row: int | None) -> nn.Module:
        """The module over the stacked parameters and buffers, or over one learner's rows of them."""
        model = twin(self._template)
        reached = self._reached  # no hook may hold the cohort: it would be a circle through torch, which is never freed
        tensors = {name: buffer if row is None else buffer[row] for name, buffer in self.buffers.items()}
        for name, stacked in self.weights.items():
            tensors[name] = parameter = stacked if row is None else torch.nn.Parameter(stacked.detach()[row])
            if not row:  # the stacked model, or the first member of a loop
                parameter.register_post_accumulate_grad_hook(lambda _, name=name: reached.add(name))
        fill(model, tensors)
        return model

    def _choose(self, mapper: Mapper | None) -> None:
        why = why_looped(self._template, self.device)
        if mapper is None and getattr(self._template, "stacks", False):
            mapper, why = "stacked", None
        self.mapper: Mapper = mapper or ("loop" if why else "vmap")
        self._members = [self._model_over(row) for row in range(self.n)] if self.mapper == "loop" else []
        self._convolutions = Convolutions(self._template, self.n) if why and mapper is None else None
        self._certain = mapper is not None or self.mapper == "loop"
        self.mapping = f"looped: {why}" if self.mapper == "loop" and why else f"mapped ({self.mapper})"

    # ---- mapping ------------------------------------------------------------------------------------------------

    def _mapper_of(self, objective: Objective, batch: Any) -> Mapper:
        """How an update is mapped: as all calls are, but for convolutions on the CPU."""
        own = self._convolutions
        if own is not None and own.maps(objective, batch, lambda: self._mapped(objective, batch)):
            return "vmap"
        return self.mapper

    def _mapped(self, function: Callable[[Callable[..., Any], Any], Any], inputs: Any) -> Any:
        """All learners by vmap. Raises RuntimeError for what it refuses."""
        return torch.vmap(lambda p, b, x: function(_Called(self.model, (p, b), self._aliases), x))(
            dict(self.model.named_parameters()), self.buffers, inputs
        )

    def _call(
        self,
        function: Callable[[Callable[..., Any], Any], Any],
        inputs: Any,
        stacks: bool,
        mapper: Mapper | None = None,
    ) -> Any:
        """``function(model of one learner, inputs of one learner)`` for all learners; outputs gain a leading N."""
        mapper = mapper or self.mapper
        if mapper == "stacked" and stacks:
            return function(self.model, inputs)
        if mapper == "loop":
            results = [function(member, row_of(inputs, i)) for i, member in enumerate(self._members)]
            return stack(results)
        try:
            result = self._mapped(function, inputs)
        except RuntimeError as error:
            if self._certain:
                raise
            return self._refused(function, inputs, stacks, error)
        self._certain = True
        return result

    def _refused(self, function: Any, inputs: Any, stacks: bool, error: RuntimeError) -> Any:
        """vmap refused the module at its first call: run it in a loop from now on, and say why."""
        self.mapper, self._certain = "loop", True
        self._members = [self._model_over(row) for row in range(self.n)]
        self.mapping = f"looped: vmap refuses it ({str(error).strip().splitlines()[0]})"
        return self._call(function, inputs, stacks)

    def __call__(self, observation: Tensor | Mapping[str, Tensor], *args: Any) -> Any:
        """Forward pass of every learner: (N, B, *observation) -> (N, B, head size). ``args``: sense and head.

        A module that is no brain may take a batch, entries (N, ...), and arguments of its own.
        """
        return self._call(lambda model, x: model(x, *args), observation, stacks=True)

    def features(self, observation: Tensor, sense: str) -> tuple[Tensor, ...]:
        """What every layer of every learner makes of (N, B, *observation): (N, B, D) as seen, then each hidden layer.

        Raises TypeError for a brain without ``features(observation, sense)``.
        """
        if not hasattr(self._template, "features"):
            raise TypeError(f"{type(self._template).__name__} has no features(observation, sense) to read layers from")

        def read(model: Any, x: Tensor) -> tuple[Tensor, ...]:
            return tuple(model.features(x, sense))

        result: tuple[Tensor, ...] = self._call(read, observation, stacks=True)
        return result

    def forward_sequence(
        self, observations: Tensor, hidden: Tensor, starts: Tensor, sense: str, head: Any
    ) -> tuple[Any, Tensor]:
        """Every learner with memory steps through sequences: outputs (N, B * T, head size) and hidden afterwards.

        ``observations`` (N, B, T, *observation), ``hidden`` (N, B, memory_size), ``starts`` (N, B, T) bool.
        """
        inputs = {"x": observations, "hidden": hidden, "starts": starts}
        result: tuple[Any, Tensor] = self._call(
            lambda model, given: model(given["x"], sense, head, given["hidden"], given["starts"]), inputs, stacks=True
        )
        return result

    def losses(self, objective: Objective, batch: Any) -> tuple[Tensor, dict[str, Tensor]]:
        """Each learner's loss (N,) and the objective's metrics {name: (N,)}. Batch entries are (N, ...)."""
        loss, metrics = self._call(objective, batch, stacks=getattr(objective, "stacks", False))
        return loss, dict(metrics)

    def update(
        self, objective: Objective, batch: Any, optimiser: Optimiser, clip: float | None = None
    ) -> dict[str, Tensor]:
        """One gradient step of every learner; the objective's metrics and ``loss``, each (N,), without gradients.

        ``clip`` bounds each learner's own gradient norm (as ``clip_grad_norm_`` does for one network).
        """
        if self.guard is not None:
            objective, batch = self.guard.extended(objective, batch)
        metrics = self._backward(objective, batch)
        self._step(optimiser, clip)
        return metrics

    def gradients(self, objective: Objective, batch: Any) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
        """Each learner's gradient by qualified name, (N, *shape), and the metrics that ``update`` gives. No step.

        Parameters that the objective does not reach are left out; frozen ones are there.
        """
        metrics = self._backward(objective, batch)
        found = {name: weight.grad for name, weight in self.weights.items() if weight.grad is not None}
        for weight in self.weights.values():
            weight.grad = None
        return found, metrics

    def _backward(self, objective: Objective, batch: Any) -> dict[str, Tensor]:
        """Write each learner's gradient into ``weights``; the objective's metrics and ``loss``, each (N,)."""
        if not self._certain:  # the first call decides between vmap and loop
            self.losses(objective, batch)
        mapper = self._mapper_of(objective, batch)
        self._reached.clear()
        for weight in self.weights.values():
            weight.grad = None
        if mapper == "loop":
            loss, metrics = self._backward_in_turn(objective, batch)
        else:
            loss, metrics = self._losses_by(mapper, objective, batch)
            loss.sum().backward()
        return {"loss": loss.detach(), **{name: value.detach() for name, value in metrics.items()}}

    def _losses_by(self, mapper: Mapper, objective: Objective, batch: Any) -> tuple[Tensor, dict[str, Tensor]]:
        """What ``losses`` gives, for an update: by a compiled program where that was asked for.

        A guard may put another objective in place at every update: under one nothing is compiled.
        """
        stacks = getattr(objective, "stacks", False)
        if self._compiled is not None and self.guard is None and stacks and getattr(objective, "compiles", True):
            return self._compiled(objective, self.model, batch)
        loss, metrics = self._call(objective, batch, stacks, mapper)
        return loss, dict(metrics)

    def apply_gradients(self, gradients: Mapping[str, Tensor], optimiser: Optimiser, clip: float | None = None) -> None:
        """One step of every learner down gradients found without autograd, by qualified name: (N, *shape).

        Parameters that are not named are left alone.
        """
        for name, weight in self.weights.items():
            weight.grad = gradients.get(name)
        self._step(optimiser, clip)

    def _step(self, optimiser: Optimiser, clip: float | None) -> None:
        for name in self._frozen:
            self.weights[name].grad = None
        if self.guard is not None:
            self.guard.corrected(self.weights)
        if clip is not None:
            self._clip(clip)
        optimiser.step()
        if self.guard is not None:
            self.guard.stepped(self.weights)
        self.updates += 1

    def _backward_in_turn(self, objective: Objective, batch: Any) -> tuple[Tensor, dict[str, Tensor]]:
        """Member by member, each gradient written to its row of the stacked one."""
        results = []
        gradients = {name: torch.zeros_like(weight) for name, weight in self.weights.items()}
        for i, member in enumerate(self._members):
            for name, parameter in member.named_parameters():
                parameter.grad = gradients[name][i]
            loss, metrics = objective(member, row_of(batch, i))
            loss.backward()
            results.append((loss.detach(), {name: value.detach() for name, value in metrics.items()}))
        for name in self._reached:
            self.weights[name].grad = gradients[name]
        stacked: tuple[Tensor, dict[str, Tensor]] = stack(results)
        return stacked

    def _clip(self, largest: float) -> None:
        gradients = [weight.grad for weight in self.weights.values() if weight.grad is not None]
        norms = torch.stack([torch.linalg.vector_norm(gradient.flatten(1), dim=1) for gradient in gradients])
        scale = (largest / (torch.linalg.vector_norm(norms, dim=0) + 1e-6)).clamp(max=1.0)  # (N,)
        for gradient in gradients:
            gradient.mul_(column(scale, gradient))

    # ---- copies of one learner ----------------------------------------------------------------------------------

    def evaluate_copies(
        self, learner: int, copies: Mapping[str, Tensor], objective: Objective, batch: Mapping[str, Tensor]
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """The loss (P,) and metrics {name: (P,)} of P networks like one learner, by forward passes alone.

        ``copies`` are their weights by qualified name, (P, *shape); what is not named is the learner's own. All see
        the same ``batch``, (B, ...) each. Vmap runs them as one program, a loop where the cohort's mapper is one.
        """
        state = {**self.parameters(), **self.buffers}
        own = {name: tensor[learner] for name, tensor in state.items() if name not in copies}

        def one(weights: Mapping[str, Tensor]) -> tuple[Tensor, dict[str, Tensor]]:
            loss, metrics = objective(_Called(self._template, (weights, own), self._aliases), batch)
            return loss, dict(metrics)

        with torch.no_grad():
            if not self._certain:  # the first call decides between vmap and loop
                self.losses(objective, {name: value.expand(self.n, *value.shape) for name, value in batch.items()})
            if self.mapper == "loop":
                count = len(next(iter(copies.values())))
                judged: tuple[Tensor, dict[str, Tensor]] = stack([one(row_of(copies, p)) for p in range(count)])
            else:
                judged = torch.vmap(one)(dict(copies))
        return judged

    def reached(self, objective: Objective, shapes: flops.Shapes) -> tuple[str, ...]:
        """The parameters, not frozen, that an objective depends on; its minibatches have ``shapes`` for ONE learner."""
        return tuple(name for name in flops.reached(self._template, objective, shapes) if name not in self._frozen)

    # ---- state --------------------------------------------------------------------------------------------------

    def freeze(self, pattern: str | None) -> None:
        """Hold the parameters whose qualified name matches a shell pattern (``body.*``); None frees all."""
        if pattern is None:
            self._frozen = set()
            return
        matched = {name for name in self.weights if fnmatch.fnmatchcase(name, pattern)}
        if not matched:
            raise ValueError(f"no parameter matches {pattern!r}; there are: {', '.join(self.weights)}")
        self._frozen = self._frozen | matched

    def parameters(self) -> dict[str, Tensor]:
        """Every parameter of every learner, by qualified name: (N, *shape), shared and without gradients."""
        return {name: weight.detach() for name, weight in self.weights.items()}

    @property
    def flat(self) -> Tensor:
        """A copy of all weights as a matrix (N, P)."""
        return torch.cat([weight.flatten(1) for weight in self.parameters().values()], 1)

    def state(self) -> dict[str, Tensor]:
        """Copies of all parameters and buffers, by qualified name: (N, *shape)."""
        return {name: tensor.detach().clone() for name, tensor in {**self.parameters(), **self.buffers}.items()}

    def load(self, state: Mapping[str, Tensor]) -> None:
        """Take over a ``state`` in place. Raises ValueError where names or shapes differ."""
        own = {**self.parameters(), **self.buffers}
        if unlike := set(own) ^ set(state):
            raise ValueError(f"a state of another brain: {', '.join(sorted(unlike))}")
        for name, tensor in own.items():
            if tensor.shape != state[name].shape:
                raise ValueError(f"{name} has shape {tuple(state[name].shape)}, expected {tuple(tensor.shape)}")
            tensor.copy_(state[name])

    def clone(self) -> Cohort:
        """An independent cohort with equal weights and buffers."""
        other = self.newborn(self.seeds)
        other.load(self.state())
        other._frozen = set(self._frozen)
        return other

    def newborn(self, seeds: Sequence[int]) -> Cohort:
        """Other learners of the same architecture, as they are born under ``seeds``."""
        mapper = self.mapper if self._certain and self._convolutions is None else None
        compiled = self._compiled is not None
        return Cohort(self._build, seeds, self.device, mapper, self.dtype, compiled=compiled)

    def member(self, index: int) -> nn.Module:
        """One learner as an ordinary module with weights of its own."""
        model = copy.deepcopy(self._template)
        copy_into(model, {name: tensor[index] for name, tensor in {**self.parameters(), **self.buffers}.items()})
        return model

    def members(self) -> Iterator[nn.Module]:
        """All learners in turn, in one module that takes on the next one's weights: a copy of each costs much more."""
        model, tensors = copy.deepcopy(self._template), {**self.parameters(), **self.buffers}
        for index in range(self.n):
            copy_into(model, {name: tensor[index] for name, tensor in tensors.items()})
            yield model

    def finite(self) -> Tensor:
        """Which learners have finite weights: (N,) bool."""
        sums = [weight.flatten(1).sum(1) for weight in self.parameters().values()]
        return torch.isfinite(torch.stack(sums).sum(0))

    def take(self, rows: Tensor) -> dict[str, Tensor]:
        """Copies of some learners' parameters and buffers, for ``put``."""
        return {name: tensor[rows].clone() for name, tensor in {**self.parameters(), **self.buffers}.items()}

    def put(self, rows: Tensor, kept: Mapping[str, Tensor]) -> None:
        """Write back what ``take`` copied."""
        for name, tensor in {**self.parameters(), **self.buffers}.items():
            tensor[rows] = kept[name]


class _Called:
    """One learner's view of the model inside vmap: calls it with that learner's parameters and buffers.

    Torch ties weights by itself, and leaves others behind where one module stands in two places; so it is told of all.
    """

    def __init__(
        self, model: nn.Module, state: tuple[Mapping[str, Tensor], Mapping[str, Tensor]], aliases: Mapping[str, str]
    ) -> None:
        own = {**state[0], **state[1]}
        self.model, self.state = model, {**own, **{name: own[first] for name, first in aliases.items()}}

    def __call__(self, *args: Any) -> Any:
        return torch.func.functional_call(self.model, self.state, args, tie_weights=False)

    def features(self, *args: Any) -> Any:
        from devlearn.learners.brains.features import Features

        inner = {f"brain.{name}": tensor for name, tensor in self.state.items()}
        return torch.func.functional_call(Features(self.model), inner, args, tie_weights=False)
