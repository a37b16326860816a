"""Compiled updates: the numbers of those that are not compiled, and words where something can't be."""

import random
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import pytest
import torch
from gymnasium import spaces

from devlearn.learners import compiled
from devlearn.learners.brains import brain_builder, layers
from devlearn.learners.brains.needs import Head, Needs, Sense
from devlearn.learners.cohort import Cohort
from devlearn.learners.compiled import CantCompile, compiler, why_not
from devlearn.learners.guard import Guard
from devlearn.learners.optimiser import Optimiser
from tests.laws.rows import ACT_RANDOMLY, STAGES, cohort_for, live, make

needs_compiler = pytest.mark.skipif(bool(why_not()), reason="nothing can be compiled here")
FAR = 1e-6  # of the largest change, in double precision: fused operations round otherwise, and Adam makes much of it
ROWS = [row for row in STAGES if make(row).units and row not in ACT_RANDOMLY]
OFTEN = ("school", "play-native", "values")  # seconds each: the others with the long studies
NONE = {"noise", "school-aligned", "evolve", "evolve-proxy", "evolve-birth", "gait", "gait-inherited"}


def lived(row: str, compile: bool) -> tuple[dict[str, torch.Tensor], dict[str, torch.Tensor], Cohort]:
    """Weights at birth and after a few yields, and the learners."""
    cohort = cohort_for(row, (0, 1), compiled=compile)
    before = {name: weight.clone() for name, weight in cohort.parameters().items()}
    live(make(row), cohort, 5)
    return before, cohort.parameters(), cohort


@needs_compiler
@pytest.mark.parametrize("row", [row if row in OFTEN else pytest.param(row, marks=pytest.mark.slow) for row in ROWS])
def test_a_stage_learns_the_same_by_compiled_updates(row: str, monkeypatch: pytest.MonkeyPatch) -> None:
    run, calls = compiled.CompiledLosses.__call__, 0

    def counted(*args: Any) -> Any:
        nonlocal calls
        calls += 1
        return run(*args)

    monkeypatch.setattr(compiled.CompiledLosses, "__call__", counted)
    (born, plain, _), (also, fused, cohort) = lived(row, False), lived(row, True)
    assert (calls == 0) == (row in NONE) and calls >= cohort.updates * (row not in NONE)
    assert all(torch.equal(born[name], also[name]) for name in born)
    changed = max(float((plain[name] - born[name]).abs().max()) for name in born)
    assert all(float((plain[name] - fused[name]).abs().max()) <= FAR * changed for name in born)


def squared_error(brain: Any, batch: Any) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
    return (brain(batch["x"], "line", "guess") - batch["y"]).square().mean((-1, -2)), {}


squared_error.stacks = True  # type: ignore[attr-defined]


@needs_compiler
@pytest.mark.parametrize("activation", ["tanh", "relu"])
def test_in_single_precision_too_gradients_are_the_same(activation: str) -> None:
    """Where tanh is another formula."""
    needs = Needs({"line": Sense(spaces.Box(-9, 9, (5,)))}, {"guess": Head(3)})
    build = brain_builder({"kind": "mlp", "width": [32, 16], "activation": activation}, needs)
    draw = torch.Generator().manual_seed(0)
    batch = {name: 3 * torch.randn(2, 64, size, generator=draw) for name, size in (("x", 5), ("y", 3))}
    plain, fused = (Cohort(build, (0, 1), compiled=way).gradients(squared_error, batch)[0] for way in (False, True))
    assert plain.keys() == fused.keys() and len(plain) == 6
    for name, gradient in plain.items():
        assert torch.allclose(gradient, fused[name], 1e-4, 1e-5 * float(gradient.abs().max())), name
    assert activation == "relu" or any(not torch.equal(plain[name], fused[name]) for name in plain)


def test_the_formula_of_tanh_is_tanh() -> None:
    x = torch.linspace(-20, 20, 1_000_001)
    assert float((layers._rational_tanh(x).double() - torch.tanh(x.double())).abs().max()) < 4e-7
    told = layers._rational_tanh(torch.tensor([0.0, torch.inf, -torch.inf, torch.nan]))
    assert told[:3].tolist() == [0.0, 1.0, -1.0] and told[3].isnan()


@dataclass(frozen=True)
class Asks:
    """An objective that decides by the value of a number, which a program can't know before it runs."""

    stacks: ClassVar[bool] = True

    def __call__(self, brain: Any, batch: Any) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
        loss = brain(batch["x"]).square().mean((-1, -2))
        return (loss if float(loss.sum()) > 0 else -loss), {}


@dataclass(frozen=True)
class Scaled:
    """Another objective for each number."""

    by: float
    stacks: ClassVar[bool] = True

    def __call__(self, brain: Any, batch: Any) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
        return self.by * brain(batch["x"]).square().mean((-1, -2)), {}


class Line(torch.nn.Linear):
    """y = x W, for any number of leading axes."""

    stacks = True

    def __init__(self) -> None:
        super().__init__(3, 2, bias=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x @ self.weight.mT


def updated(cohort: Cohort, objective: Any) -> None:
    cohort.update(objective, {"x": torch.ones(2, 4, 3)}, Optimiser(cohort, {}, "sgd", 0.1))


@needs_compiler
def test_what_asks_for_a_value_is_told() -> None:
    said = r"Asks can't be compiled \(.+test_compiled.py:\d+\); let it say 'compiles = False'"
    with pytest.raises(CantCompile, match=said):
        updated(Cohort(Line, (0, 1), compiled=True), Asks())


@dataclass(frozen=True)
class Draws(Scaled):
    """An objective that draws by itself, from Python's generator or torch's."""

    torchs: bool = False

    def __call__(self, brain: Any, batch: Any) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
        loss, metrics = super().__call__(brain, batch)
        return loss * (torch.rand(()) if self.torchs else random.random()), metrics


@needs_compiler
@pytest.mark.parametrize("torchs", [False, True])
def test_a_program_that_gives_other_losses_is_refused(torchs: bool) -> None:
    torch.manual_seed(0)
    cohort = Cohort(Line, (0, 1), compiled=True)
    with pytest.raises(CantCompile, match=r"Draws can't be compiled \(its program gives other losses, .+ in place of "):
        for _ in range(compiled.CHECKS):
            updated(cohort, Draws(1.0, torchs))
    assert cohort.updates < compiled.CHECKS


def test_a_reason_is_no_heading_and_says_where_programs_are(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TORCHINDUCTOR_CACHE_DIR", "/kept")
    found = compiled._reason("backend='inductor' raised:\n\nImportError: main.so: file too short\n\nSet TORCH..")
    assert found == (
        "backend='inductor' raised: ImportError: main.so: file too short; "
        "programs are kept in /kept, which may be deleted"
    )
    assert compiled._reason("one\ntwo") == "one"
    said = "Failed\n  Explanation: no `print` here.\n  Hint: none\n\nfrom user code:\n"
    frames = '   File "/a/compiled.py", line 3, in _losses\n    x\n  File "/mine/own.py", line 9, in loss\n    print(x)'
    assert compiled._reason(said + frames) == "Failed: no `print` here, /mine/own.py:9"


@needs_compiler
def test_an_objective_that_changes_at_every_update_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    torch._dynamo.reset()  # what other tests compiled counts
    monkeypatch.setattr(compiled, "PROGRAMS", 2)
    cohort = Cohort(Line, (0, 1), compiled=True)
    with pytest.raises(CantCompile, match=r"Scaled can't be compiled \(it is another one at every update, and 2 "):
        for step in range(4):
            updated(cohort, Scaled(1.0 + step))
    assert 1 <= cohort.updates < 4


def no_call(*_: Any) -> Any:
    raise AssertionError("compiled")


@dataclass(frozen=True)
class ForOne(Scaled):
    """Of one learner."""

    stacks: ClassVar[bool] = False


@pytest.mark.parametrize("case", ["guarded", "for one", "member by member"])
def test_what_is_not_stacked_or_is_guarded_is_not_compiled(case: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compiled.CompiledLosses, "__call__", no_call)
    cohort = Cohort(Line, (0, 1), compiled=True, mapper="loop" if case == "member by member" else None)
    cohort.guard = Guard() if case == "guarded" else None
    updated(cohort, ForOne(1.0) if case == "for one" else Scaled(1.0))
    assert cohort.updates == 1


def test_newborns_of_a_compiled_cohort_are_compiled(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compiled.CompiledLosses, "__call__", no_call)
    with pytest.raises(AssertionError, match="compiled"):
        updated(Cohort(Line, (0, 1), compiled=True).clone(), Scaled(1.0))


def test_the_compiler_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    answers = "#!/bin/sh\n[ $1 = --version ] && {} || echo 201703L"
    programs = {
        answers.format("echo Cxx 3.1"): "Cxx 3.1",
        answers.format("printf '\\377\\n'"): "\ufffd",
        "#!/bin/sh\necho I say this to everything": "",
        "#!/bin/sh\nexit 1": "",
        "#!/no/such/shell": "",
        "text": "",
    }
    for number, (lines, name) in enumerate(programs.items()):
        (program := tmp_path / f"cxx{number}").write_text(lines)
        program.chmod(0o755)
        monkeypatch.setenv("CXX", str(program))
        assert compiler() == name
    monkeypatch.setenv("CXX", str(tmp_path / "cxx0"))
    assert why_not() == ""
    monkeypatch.setattr(compiled, "TORCH", (99, 1))
    assert why_not().startswith("--compile needs torch 99.1 or newer, and this is 2.")
    for name in ("no-such-compiler", sys.executable):
        monkeypatch.setenv("CXX", name)
        assert compiler() == "" and f"{name} does not answer as one" in why_not()
    monkeypatch.setenv("CXX", "g++ -O2")
    assert "CXX names one program, without arguments" in why_not()
