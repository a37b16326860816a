"""N learners trained as one program.

Users write a module for ONE learner; mapping it over a cohort is done here and nowhere else. All weights of all
learners live in one matrix ``flat`` (N, P), the parameters of the model are views into it, and so are their
gradients. An element-wise optimiser on the matrix is then exactly N optimisers in one call, and clipping, finiteness
and holding are operations on rows.

Three mappers give one result:

- ``stacked``: the module's operations act on trailing axes (it says ``stacks = True``): it is called once, with
  parameters that carry a leading N axis;
- ``vmap``: ``torch.func.vmap`` over parameters, for any module it accepts;
- ``loop``: member by member, for convolutions on the CPU (faster there) and for what vmap refuses.
"""

import copy
import fnmatch
import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.func import functional_call, stack_module_state

from devlearn.streams import torch_seed

Batch = Mapping[str, Tensor]
Objective = Callable[[Callable[..., Any], Any], tuple[Tensor, Mapping[str, Tensor]]]
Mapper = Literal["stacked", "vmap", "loop"]

# Gradients are views into one (N, P) matrix by design; autograd would rather see them contiguous, and says so once.
warnings.filterwarnings("ignore", message="grad and param do not obey the gradient layout contract")


def initialise(build: Callable[[], nn.Module], seed: int) -> nn.Module:
    """One learner's network, a function of the seed alone.

    Each submodule with ``reset_parameters`` is initialised under (seed, "init", its qualified name), so that another
    sense or head leaves the rest bit-equal. Torch's initialisers draw from the global generator, hence ``fork_rng``.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(torch_seed(seed, "init"))
        module = build()
        for name, part in module.named_modules():
            if callable(reset := getattr(part, "reset_parameters", None)):
                torch.manual_seed(torch_seed(seed, "init", name))
                reset()
    return module


def _place(model: nn.Module, name: str, tensor: Tensor, parameter: bool) -> None:
    """Put a tensor where the parameter or buffer ``name`` is, whatever its shape."""
    path, _, leaf = name.rpartition(".")
    owner = model.get_submodule(path)
    if parameter:
        owner._parameters[leaf] = tensor  # type: ignore[assignment]
    else:
        owner._buffers[leaf] = tensor


def _loops(model: nn.Module, device: torch.device) -> str | None:
    """Why a module is run member by member, or None."""
    for name, part in model.named_modules():
        if isinstance(part, nn.RNNBase):
            return f"{name} is nn.{type(part).__name__}, which vmap refuses"
        if isinstance(part, nn.modules.conv._ConvNd) and device.type == "cpu":
            return f"{name} is a convolution, faster member by member on the CPU"
        if isinstance(part, nn.modules.batchnorm._BatchNorm):
            raise ValueError(
                f"{name} is nn.{type(part).__name__}: its statistics depend on the batch and change inside forward; "
                "use nn.LayerNorm or nn.GroupNorm"
            )
    return None


class Cohort:
    """N learners of one architecture.

    Args:
        build: makes one learner's untrained network (called N times).
        seeds: one seed a learner.
        device: where the tensors live.
        mapper: forces a mapper; by default it is chosen, and ``mapping`` says which and why.
        dtype: of weights and computations.

    Attributes:
        flat: the weights, (N, P); ``layout`` gives each parameter's columns and shape.
        updates: gradient steps taken since construction.
    """

    def __init__(
        self,
        build: Callable[[], nn.Module],
        seeds: Sequence[int],
        device: str | torch.device = "cpu",
        mapper: Mapper | None = None,
        dtype: torch.dtype = torch.float32,
    ) -> None:
        self.seeds = tuple(seeds)
        self.device = torch.device(device)
        self.updates = 0
        members = [initialise(build, seed).to(self.device, dtype) for seed in self.seeds]
        parameters, buffers = stack_module_state(members)
        self.layout: dict[str, tuple[int, int, torch.Size]] = {}
        offset = 0
        for name, tensor in parameters.items():
            size = tensor[0].numel()
            self.layout[name] = (offset, offset + size, tensor.shape[1:])
            offset += size
        self.flat = torch.cat([tensor.detach().flatten(1) for tensor in parameters.values()], 1)  # (N, P)
        self.grad = torch.zeros_like(self.flat)
        self.buffers: dict[str, Tensor] = {name: tensor.clone() for name, tensor in buffers.items()}
        self._frozen: Tensor | None = None
        self._reached: set[str] = set()  # parameters that the last backward pass gave a gradient
        self._template = members[0]
        self.model = self._stacked_model()
        self._choose(mapper)

    # ---- construction -------------------------------------------------------------------------------------------

    @property
    def n(self) -> int:
        return len(self.seeds)

    def _views(self, matrix: Tensor, row: int | None = None) -> dict[str, Tensor]:
        """Each parameter's view into a (N, P) matrix: (N, *shape), or one row's (*shape)."""
        rows = matrix if row is None else matrix[row]
        return {
            name: rows[..., a:b].unflatten(-1, shape) if shape else rows[..., a]
            for name, (a, b, shape) in self.layout.items()
        }

    def _model_over(self, row: int | None) -> nn.Module:
        """The module with parameters (and their gradients) that are views into ``flat``."""
        model = copy.deepcopy(self._template)
        gradients = self._views(self.grad, row)
        for name, view in self._views(self.flat, row).items():
            parameter = nn.Parameter(view)
            parameter.grad = gradients[name]
            if not row:  # the stacked model, or the first member of a loop
                parameter.register_post_accumulate_grad_hook(lambda _, name=name: self._reached.add(name))
            _place(model, name, parameter, parameter=True)
        for name, buffer in self.buffers.items():
            _place(model, name, buffer if row is None else buffer[row], parameter=False)
        return model

    def _stacked_model(self) -> nn.Module:
        return self._model_over(None)

    def _choose(self, mapper: Mapper | None) -> None:
        why = _loops(self._template, self.device)
        if mapper is None and getattr(self._template, "stacks", False):
            mapper, why = "stacked", None
        self.mapper: Mapper = mapper or ("loop" if why else "vmap")
        self._members = [self._model_over(row) for row in range(self.n)] if self.mapper == "loop" else []
        self._certain = mapper is not None or self.mapper == "loop"
        self.mapping = f"looped: {why}" if self.mapper == "loop" and why else f"mapped ({self.mapper})"

    # ---- mapping ------------------------------------------------------------------------------------------------

    def _call(self, function: Callable[[Callable[..., Any], Any], Any], inputs: Any, stacks: bool) -> Any:
        """``function(model of one learner, inputs of one learner)`` for all learners; outputs gain a leading N."""
        if self.mapper == "stacked" and stacks:
            return function(self.model, inputs)
        if self.mapper == "loop":
            results = [function(member, _row(inputs, i)) for i, member in enumerate(self._members)]
            return _stack(results)
        try:
            result = torch.vmap(lambda p, b, x: function(_Called(self.model, (p, b)), x))(
                dict(self.model.named_parameters()), self.buffers, inputs
            )
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

    def __call__(self, observation: Tensor, *args: Any) -> Any:
        """Forward pass of every learner: (N, B, *observation) -> (N, B, head size). ``args``: sense and head."""
        return self._call(lambda model, x: model(x, *args), observation, stacks=True)

    def losses(self, objective: Objective, batch: Any) -> tuple[Tensor, dict[str, Tensor]]:
        """Each learner's loss (N,) and the objective's metrics {name: (N,)}. Batch entries are (N, ...)."""
        loss, metrics = self._call(objective, batch, stacks=getattr(objective, "stacks", False))
        return loss, dict(metrics)

    def update(
        self, objective: Objective, batch: Any, optimiser: "Optimiser", clip: float | None = None
    ) -> dict[str, Tensor]:
        """One gradient step of every learner; the objective's metrics and ``loss``, each (N,), without gradients.

        ``clip`` bounds each learner's own gradient norm (as ``clip_grad_norm_`` does for one network).
        """
        self.grad.zero_()
        self._reached.clear()
        if self.mapper == "loop":
            loss, metrics = self._backward_in_turn(objective, batch)
        else:
            loss, metrics = self.losses(objective, batch)
            loss.sum().backward()
        if clip is not None:
            norm = torch.linalg.vector_norm(self.grad, dim=1, keepdim=True)  # (N, 1)
            self.grad.mul_((clip / (norm + 1e-6)).clamp(max=1.0))
        self._step(optimiser)
        return {"loss": loss.detach(), **{name: value.detach() for name, value in metrics.items()}}

    def _backward_in_turn(self, objective: Objective, batch: Any) -> tuple[Tensor, dict[str, Tensor]]:
        results = []
        for i, member in enumerate(self._members):
            loss, metrics = objective(member, _row(batch, i))
            loss.backward()
            results.append((loss.detach(), {name: value.detach() for name, value in metrics.items()}))
        stacked: tuple[Tensor, dict[str, Tensor]] = _stack(results)
        return stacked

    def _step(self, optimiser: "Optimiser") -> None:
        """Step, but leave alone what is frozen, and what the loss does not reach (another stage's head)."""
        still = self._frozen
        if optimiser.drifts:
            unreached = [slice(a, b) for name, (a, b, _) in self.layout.items() if name not in self._reached]
            still = torch.zeros(self.flat.shape[1], dtype=torch.bool) if still is None else still.clone()
            for columns in unreached:
                still[columns] = True
        kept = None if still is None else self.flat[:, still].clone()
        optimiser.step()
        if kept is not None:
            self.flat[:, still] = kept
        self.updates += 1

    # ---- state --------------------------------------------------------------------------------------------------

    def freeze(self, pattern: str | None) -> None:
        """Hold the parameters whose qualified name matches a shell pattern (``body.*``); None frees all."""
        if pattern is None:
            self._frozen = None
            return
        matched = [name for name in self.layout if fnmatch.fnmatchcase(name, pattern)]
        if not matched:
            raise ValueError(f"no parameter matches {pattern!r}; there are: {', '.join(self.layout)}")
        frozen = torch.zeros(self.flat.shape[1], dtype=torch.bool) if self._frozen is None else self._frozen.clone()
        for name in matched:
            frozen[slice(*self.layout[name][:2])] = True
        self._frozen = frozen

    def parameters(self) -> dict[str, Tensor]:
        """Every parameter of every learner, by qualified name: views (N, *shape) into ``flat``, without gradients."""
        return self._views(self.flat)

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

    def clone(self) -> "Cohort":
        """An independent cohort with equal weights and buffers."""
        other = Cohort(lambda: copy.deepcopy(self._template), self.seeds, self.device, self.mapper, self.flat.dtype)
        other.load(self.state())
        other._frozen = self._frozen
        return other

    def member(self, index: int) -> nn.Module:
        """One learner as an ordinary module with weights of its own."""
        model = copy.deepcopy(self._template)
        state = {name: tensor[index] for name, tensor in self.state().items()}
        model.load_state_dict(state)
        return model

    def finite(self) -> Tensor:
        """Which learners have finite weights: (N,) bool."""
        return torch.isfinite(self.flat.sum(1))

    def take(self, rows: Tensor) -> dict[str, Tensor]:
        """Copies of some learners' weights and buffers, for ``put``."""
        return {
            "flat": self.flat[rows].clone(),
            **{name: buffer[rows].clone() for name, buffer in self.buffers.items()},
        }

    def put(self, rows: Tensor, kept: Mapping[str, Tensor]) -> None:
        """Write back what ``take`` copied."""
        self.flat[rows] = kept["flat"]
        for name, buffer in self.buffers.items():
            buffer[rows] = kept[name]


class _Called:
    """One learner's view of the model inside vmap: calls it with that learner's parameters."""

    def __init__(self, model: nn.Module, state: tuple[Mapping[str, Tensor], Mapping[str, Tensor]]) -> None:
        self.model, self.state = model, state

    def __call__(self, *args: Any) -> Any:
        return functional_call(self.model, self.state, args)  # type: ignore[arg-type]


def _row(inputs: Any, index: int) -> Any:
    return inputs[index] if isinstance(inputs, Tensor) else {name: value[index] for name, value in inputs.items()}


def _stack(results: list[Any]) -> Any:
    """Stack tensors, tuples of tensors and dicts of tensors along a new first axis."""
    first = results[0]
    if isinstance(first, Tensor):
        return torch.stack(results)
    if isinstance(first, tuple):
        return tuple(_stack([result[i] for result in results]) for i in range(len(first)))
    return {name: _stack([result[name] for result in results]) for name in first}


class Optimiser:
    """An element-wise optimiser over the cohort's weight matrix: exactly N optimisers.

    ``moments`` holds everything it remembers, as tensors with a leading N axis, and is updated in place; an empty
    dict starts afresh. Rules that couple parameters (LAMB, Muon, global norms) would couple learners here and are
    not offered.
    """

    def __init__(self, cohort: Cohort, moments: dict[str, Any], kind: str, lr: float, **keys: Any) -> None:
        self.moments = moments
        # Without decay or old moments a parameter that gets no gradient does not move, and needs no guard.
        self.drifts = bool(keys.get("weight_decay")) or moments.get("continued", False)
        self.weights = nn.Parameter(cohort.flat)
        self.weights.grad = cohort.grad
        if not moments:
            moments["kind"] = kind
            moments["step"] = torch.zeros(cohort.n, device=cohort.device)
            for name in ("exp_avg", "exp_avg_sq") if kind == "adam" else ("momentum_buffer",):
                moments[name] = torch.zeros_like(cohort.flat)
        self.torch = self._build(moments["kind"], lr, keys)
        step = moments["step"].max().to(torch.float32)
        kept = {name: value for name, value in moments.items() if isinstance(value, Tensor) and name != "step"}
        self.torch.state[self.weights] = {"step": step.clone(), **kept}

    def _build(self, kind: str, lr: float, keys: dict[str, Any]) -> torch.optim.Optimizer:
        if kind == "adam":
            keys.pop("momentum", None)
            return torch.optim.AdamW([self.weights], lr=lr, fused=True, **{"weight_decay": 0.0, **keys})
        return torch.optim.SGD([self.weights], lr=lr, fused=True, **keys)

    def set_lr(self, lr: float) -> None:
        self.torch.param_groups[0]["lr"] = lr

    def step(self) -> None:
        self.torch.step()
        self.moments["step"] += 1
