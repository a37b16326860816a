"""Arrays of other libraries become numpy's where they come in, known by what they offer and not by their name."""

from typing import Any

import numpy as np
import pytest
import torch

from devlearn.tasks.envs import EnvSpec, VectorEnv
from devlearn.tasks.envs.arrays import package_of, to_numpy
from devlearn.tasks.envs.check import check_env


class Foreign:
    """As jax's: an array that says so by ``__array__``."""

    def __init__(self, values: list[float]) -> None:
        self.values = values

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Any:
        return np.array(self.values, dtype)


class OnlyDlpack:
    def __init__(self, array: Any) -> None:
        self.array = array

    def __dlpack__(self, **more: Any) -> Any:
        return self.array.__dlpack__(**more)

    def __dlpack_device__(self) -> Any:
        return self.array.__dlpack_device__()


@pytest.mark.parametrize(
    "value", [Foreign([1, 2]), torch.tensor([1.0, 2.0], requires_grad=True), OnlyDlpack(np.array([1.0, 2.0]))]
)
def test_an_array_of_any_library_is_taken_in_any_nesting(value: Any) -> None:
    found = to_numpy({"a": (value, 3, "words"), "b": np.array([7])})
    assert isinstance(found["a"][0], np.ndarray) and found["a"][0].tolist() == [1, 2]
    assert found["a"][1:] == (3, "words") and found["b"].tolist() == [7]
    assert package_of({"b": np.array([7]), "a": (value,)}) == type(value).__module__.partition(".")[0]
    assert package_of((np.array([7]), 3, "words")) == ""


def test_an_environment_may_show_them() -> None:
    spec = EnvSpec("scratch_envs:scratch/TorchArrays-v0")
    world = VectorEnv(spec, (0, 1), 2, ("t",))
    step = world.step(np.ones((2, 2), np.int64))
    assert step.observation.dtype == np.float32 and (step.observation[..., 0] == 1 / 8).all()
    findings = {finding.name: finding for finding in check_env(spec.id)}
    assert all(finding.ok for finding in findings.values())
    assert "arrays of torch" in findings["observation type"].message
