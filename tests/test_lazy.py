"""Modules that import themselves when they are used."""

import subprocess
import sys
import timeit
import types
from collections.abc import Iterator

import pytest

from devlearn.lazy import Lazy


@pytest.fixture
def toy() -> Iterator[types.ModuleType]:
    module = types.ModuleType("a_toy_of_lazy")
    vars(module).update(answer=42, __getattr__=lambda name: f"made {name}" if name == "late" else _missing(name))
    sys.modules[module.__name__] = module
    yield module
    del sys.modules[module.__name__]


def _missing(name: str) -> None:
    raise AttributeError(name)


def test_attributes_are_the_modules_own(toy: types.ModuleType) -> None:
    lazy = Lazy("a_toy_of_lazy")
    assert "answer" not in vars(lazy)
    assert lazy.answer == 42
    assert lazy.late == "made late"
    with pytest.raises(AttributeError):
        _ = lazy.nothing


def test_an_attribute_that_comes_later_is_found(toy: types.ModuleType) -> None:
    lazy = Lazy("a_toy_of_lazy")
    assert lazy.answer == 42
    toy.more = 7  # type: ignore[attr-defined]
    assert lazy.more == 7


def test_a_missing_module_says_so_at_the_first_look() -> None:
    with pytest.raises(ModuleNotFoundError, match="no_module_of_this_name"):
        _ = Lazy("no_module_of_this_name").anything


def test_torch_is_imported_by_the_first_look_and_not_before() -> None:
    program = (
        "import sys; from devlearn.lazy import F, torch; assert 'torch' not in sys.modules\n"
        "kind = torch.Tensor; import torch as own; assert kind is own.Tensor and torch.zeros is own.zeros\n"
        "assert F.relu is own.nn.functional.relu and torch.ops.aten is own.ops.aten\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True)


def test_a_module_keeps_its_numbers_wherever_it_is_imported_first() -> None:
    """The plan builds brains on the meta device, and modules may be imported there."""
    program = (
        "import contextlib, importlib, pkgutil, sys, torch, devlearn, devlearn_envs\n"
        "with torch.device('meta'):\n"
        "    for package in (devlearn, devlearn_envs):\n"
        "        for found in pkgutil.walk_packages(package.__path__, package.__name__ + '.'):\n"
        "            if not found.name.endswith('__main__'):\n"
        "                with contextlib.suppress(ModuleNotFoundError):  # a package of an extra\n"
        "                    importlib.import_module(found.name)\n"
        "held = [(name, key, value) for name, module in sys.modules.items() if name.startswith('devlearn')\n"
        "        for key, value in vars(module).items() if isinstance(value, torch.Tensor)]\n"
        "assert held and not [each[:2] for each in held if each[2].is_meta], held\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True)


def test_later_looks_cost_what_a_modules_do(toy: types.ModuleType) -> None:
    lazy = Lazy("a_toy_of_lazy")
    assert lazy.answer == 42 and type(lazy) is types.ModuleType

    def cost(module: types.ModuleType) -> float:
        return min(timeit.repeat("module.answer", globals={"module": module}, number=20_000, repeat=9))

    assert cost(lazy) < 1.5 * cost(toy)
