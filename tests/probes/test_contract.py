"""The contract of probes: what they declare, and the words of the version before."""

import math
import warnings
from typing import Any, ClassVar, get_args

import pytest
from pydantic import ValidationError

from devlearn import registry
from devlearn.probes.probe import Metric, Probe, Quantity, probe
from devlearn.probes.returns import Return
from tests.shipped import shipped


@pytest.mark.parametrize("kind", shipped("probes"))
def test_every_metric_says_its_unit_and_a_proxy_what_it_stands_for(kind: str) -> None:
    metrics = registry.get("probes", kind).metrics
    assert metrics
    for name, metric in metrics.items():
        assert metric.unit in get_args(Quantity)
        assert metric.proxy_of is None or (metric.proxy_of in metrics and metric.proxy_of != name)


def test_cross_entropy_in_nats_stands_in_for_a_share() -> None:
    metrics = registry.get("probes", "accuracy")().metrics_here()
    assert metrics == {
        "accuracy": Metric("higher", 0.0, "share", None, 0.1),
        "cross_entropy": Metric("lower", None, "nats", "accuracy", math.log(10)),
    }


@pytest.mark.parametrize("worst", [math.nan, math.inf, -math.inf])
def test_the_worst_is_a_number_that_a_mean_and_a_test_can_count_with(worst: float) -> None:
    with pytest.raises(ValidationError, match="worst"):
        registry.get("probes", "accuracy")(worst=worst)
    with pytest.raises(ValueError, match=f"the worst value is {worst}"):
        type("Bad", (Probe,), {"metrics": {"value": Metric("higher", worst)}, "__annotations__": {"metrics": ClassVar}})


def test_a_probe_in_old_words_is_told_the_new_ones_and_works() -> None:
    with pytest.warns(DeprecationWarning) as caught:

        class Old(Probe):
            metrics: ClassVar = {"value": Metric("higher", 0.0)}
            asks = "assign"

            def fits(self, brain: Any) -> None:
                raise ValueError("never")

    told = [str(warning.message) for warning in caught]
    for name, new in {"asks": "requires", "fits": "check_brain"}.items():
        assert any(f"{name!r} of a probe is called {new!r} since 0.2" in text for text in told), name
    assert Old.requires == "assign"
    with pytest.raises(ValueError, match="never"):
        Old().check_brain(None)  # type: ignore[arg-type]


def test_a_probe_in_new_words_is_told_nothing() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")

        class New(Probe):
            requires = "assign"

            def check_brain(self, brain: Any) -> None:
                pass

        assert New.requires == "assign"


def test_a_renamed_key_is_read_by_both_names_and_written_by_the_new_one() -> None:
    old = Return.model_validate({"env": "CartPole-v1", "keys": {"sutton_barto_reward": True}})
    assert old == Return(env="CartPole-v1", env_kwargs={"sutton_barto_reward": True})
    assert "keys" not in old.model_dump()
    with pytest.raises(ValidationError, match="keys"):
        Return.model_validate({"env": "CartPole-v1", "keys": {}, "env_kwargs": {}})


def test_a_probe_inherits_what_was_renamed() -> None:
    class Mine(Return):
        pass

    assert Mine.model_validate({"env": "CartPole-v1", "keys": {"a": 1}}).env_kwargs == {"a": 1}


def test_two_probes_of_one_name_are_refused() -> None:
    with pytest.raises(ValueError, match="two probes are called 'accuracy'"):
        probe("accuracy")(type("Other", (Probe,), {}))
